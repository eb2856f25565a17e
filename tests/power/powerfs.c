/* A file system in memory whose power can be cut, for tests of durability.
 *
 *   powerfs MOUNTPOINT
 *
 * Each file and directory has two states: the current one, which programs see, and the durable one. fsync and fdatasync make the bytes and the
 * size of a file durable, fsync of a directory makes its entries durable, and neither does more: not the name of the file, not the directory above.
 * When the power is cut, the durable state is left, and a random part of what was not synced: any of the changes of names, each by itself, and any
 * 4096 bytes of a file, with or without its new size. So a new name may exist before the bytes of its file, which are then missing or zeros, and
 * later changes may survive earlier ones. A file system that POSIX allows may do all of that, and more often than real ones do. Two things hold:
 * a name is replaced at once, and renaming removes the old name only with or after the new one, so that a renamed file is never lost altogether.
 * Before the cut, unsynced changes become durable now and then, as the system writes them back whenever it likes.
 *
 * Commands on stdin, each answered by a line on stdout:
 *
 *   arm COUNT SEED   cuts the power at the COUNTth change or sync from now on, with random numbers from SEED; then prints: off
 *   cut              cuts it now, if that has not happened; answers: cut NAMES PAGES, the lost changes of names and of 4096 bytes
 *   mount            mounts what is left, after a cut or at first; answers: mounted
 *   sync             makes everything durable, which the kernel's syncfs would not: it is not forwarded to programs; answers: synced
 *
 * From the cut until it is mounted again, every request fails with EIO, so that nothing is acknowledged that happened after it.
 * It speaks the kernel's protocol itself (linux/fuse.h), because the tests then need a compiler only. It ends with stdin. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum { PAGE = 4096, MAX_WRITE = 1 << 20 };
#define NO_REPLACE 1u /* RENAME_NOREPLACE */

/* Equal pointers are a clean page, NULL is a page of zeros. */
struct page { uint8_t *current, *durable; };

struct entry { char *name; struct node *current, *durable; struct entry *next; };

struct node {
    uint64_t id;
    mode_t mode;
    uint32_t uid, gid, links;
    struct timespec atime, mtime, ctime;
    /* of a file */
    uint64_t size, durable_size, page_count;
    struct page *pages;
    uint64_t *dirty, dirty_count, dirty_room;
    /* of a directory */
    struct entry *entries;
    bool reachable;
};

/* A change of a name that is not durable: it now means the node, or nothing. */
struct change {
    struct node *directory;
    struct entry *entry;
    struct node *node, *removed;
    struct change *after; /* made durable before this one */
    bool done;
};

static const char *mount_point;
static int device = -1;
static bool is_dead;
static long countdown = -1;
static uint64_t random_state = 1;
static struct node **nodes;
static uint64_t node_count, node_room;
static struct change **changes;
static size_t change_count, change_room;
static uint64_t lost_names, lost_pages;

static void *checked(void *memory)
{
    if (!memory) { perror("powerfs"); exit(1); }
    return memory;
}

/* splitmix64 */
static uint64_t next_random(void)
{
    uint64_t z = random_state += 0x9E3779B97F4A7C15u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

static bool chance(unsigned percent) { return next_random() % 100 < percent; }

static struct timespec now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_REALTIME, &time);
    return time;
}

/* ---- files ---- */

static struct node *create_node(mode_t mode, const struct fuse_in_header *in)
{
    struct node *node = checked(calloc(1, sizeof *node));
    if (node_count == node_room) nodes = checked(realloc(nodes, (node_room = node_room * 2 + 64) * sizeof *nodes));
    nodes[node_count++] = node;
    node->id = node_count;
    node->mode = mode;
    node->uid = in ? in->uid : 0;
    node->gid = in ? in->gid : 0;
    node->links = 1;
    node->atime = node->mtime = node->ctime = now();
    return node;
}

static struct node *find_node(uint64_t id) { return id >= 1 && id <= node_count ? nodes[id - 1] : NULL; }

static void make_room(struct node *file, uint64_t count)
{
    if (count <= file->page_count) return;
    count += count / 2;
    file->pages = checked(realloc(file->pages, count * sizeof *file->pages));
    memset(file->pages + file->page_count, 0, (count - file->page_count) * sizeof *file->pages);
    file->page_count = count;
}

/* Returns a page to write to. */
static uint8_t *touch_page(struct node *file, uint64_t index)
{
    make_room(file, index + 1);
    struct page *page = &file->pages[index];
    if (page->current == page->durable) {
        uint8_t *copy = checked(calloc(1, PAGE));
        if (page->durable) memcpy(copy, page->durable, PAGE);
        page->current = copy;
        if (file->dirty_count == file->dirty_room)
            file->dirty = checked(realloc(file->dirty, (file->dirty_room = file->dirty_room * 2 + 16) * sizeof *file->dirty));
        file->dirty[file->dirty_count++] = index;
    }
    return page->current;
}

static void keep_page(struct page *page)
{
    if (page->current == page->durable) return;
    free(page->durable);
    page->durable = page->current;
}

static void sync_file(struct node *file)
{
    for (uint64_t i = 0; i < file->dirty_count; i++) keep_page(&file->pages[file->dirty[i]]);
    file->dirty_count = 0;
    file->durable_size = file->size;
}

static void write_file(struct node *file, uint64_t offset, const uint8_t *bytes, size_t count)
{
    if (offset + count > file->size) file->size = offset + count;
    while (count > 0) {
        size_t start = offset % PAGE, part = PAGE - start < count ? PAGE - start : count;
        memcpy(touch_page(file, offset / PAGE) + start, bytes, part);
        offset += part;
        bytes += part;
        count -= part;
    }
    file->mtime = file->ctime = now();
}

static size_t read_file(struct node *file, uint64_t offset, uint8_t *bytes, size_t count)
{
    if (offset >= file->size) return 0;
    if (count > file->size - offset) count = file->size - offset;
    for (size_t done = 0; done < count;) {
        uint64_t index = (offset + done) / PAGE;
        size_t start = (offset + done) % PAGE, part = PAGE - start < count - done ? PAGE - start : count - done;
        const uint8_t *page = index < file->page_count ? file->pages[index].current : NULL;
        if (page) memcpy(bytes + done, page + start, part);
        else memset(bytes + done, 0, part);
        done += part;
    }
    return count;
}

/* What is cut off must read as zeros if the file grows again. */
static void set_size(struct node *file, uint64_t size)
{
    if (size < file->size)
        for (uint64_t at = size; at < file->size && at / PAGE < file->page_count; at = (at / PAGE + 1) * PAGE)
            if (file->pages[at / PAGE].current) memset(touch_page(file, at / PAGE) + at % PAGE, 0, PAGE - at % PAGE);
    file->size = size;
    file->mtime = file->ctime = now();
}

/* ---- names ---- */

static struct entry *find_entry(struct node *directory, const char *name)
{
    for (struct entry *entry = directory->entries; entry; entry = entry->next)
        if (strcmp(entry->name, name) == 0) return entry;
    return NULL;
}

static struct node *find_child(struct node *directory, const char *name)
{
    struct entry *entry = find_entry(directory, name);
    return entry ? entry->current : NULL;
}

static bool is_empty(struct node *directory)
{
    for (struct entry *entry = directory->entries; entry; entry = entry->next)
        if (entry->current) return false;
    return true;
}

static struct change *set_name(struct node *directory, const char *name, struct node *node, struct change *after)
{
    struct entry *entry = find_entry(directory, name);
    if (!entry) {
        entry = checked(calloc(1, sizeof *entry));
        entry->name = checked(strdup(name));
        entry->next = directory->entries;
        directory->entries = entry;
    }
    struct change *change = checked(calloc(1, sizeof *change));
  *change = (struct change) { .directory = directory, .entry = entry, .node = node, .removed = entry->current, .after = after };
    entry->current = node;
    directory->mtime = directory->ctime = now();
    if (change_count == change_room) changes = checked(realloc(changes, (change_room = change_room * 2 + 64) * sizeof *changes));
    changes[change_count++] = change;
    return change;
}

static void sync_directory(struct node *directory);

static void keep_change(struct change *change)
{
    if (change->done) return;
    change->done = true;
    if (change->after) keep_change(change->after);
    /* A directory that was removed was empty: whatever left it, did so before. */
    if (change->removed && S_ISDIR(change->removed->mode) && !change->node) sync_directory(change->removed);
    change->entry->durable = change->node;
    /* Earlier changes of the same name are now past. If one of them renamed a file away, its new name must not get lost with it. */
    for (size_t i = 0; i < change_count && changes[i] != change; i++) {
        if (changes[i]->entry != change->entry || changes[i]->done) continue;
        changes[i]->done = true;
        if (changes[i]->after) keep_change(changes[i]->after);
    }
}

static void sync_directory(struct node *directory)
{
    for (size_t i = 0; i < change_count; i++)
        if (changes[i]->directory == directory) keep_change(changes[i]);
}

/* A change may be named by another one as the one before it, so all are freed together. */
static void forget_changes(void)
{
    for (size_t i = 0; i < change_count; i++)
        if (!changes[i]->done) return;
    for (size_t i = 0; i < change_count; i++) free(changes[i]);
    change_count = 0;
}

static void sync_all(void)
{
    for (size_t i = 0; i < change_count; i++) keep_change(changes[i]);
    forget_changes();
    for (uint64_t i = 0; i < node_count; i++)
        if (nodes[i]) sync_file(nodes[i]);
}

/* ---- the cut ---- */

static void keep_dirty_page(struct node *file, uint64_t position)
{
    keep_page(&file->pages[file->dirty[position]]);
    file->dirty[position] = file->dirty[--file->dirty_count];
}

/* Something unsynced becomes durable by itself. */
static void write_back(void)
{
    if (change_count > 0 && chance(10)) keep_change(changes[next_random() % change_count]);
    if (!chance(10)) return;
    struct node *node = nodes[node_count - 1 - next_random() % (chance(50) && node_count > 16 ? 16 : node_count)];
    if (!node) return;
    if (chance(50)) node->durable_size = node->size;
    if (node->dirty_count > 0) keep_dirty_page(node, next_random() % node->dirty_count);
}

static unsigned any_share(void)
{
    static const unsigned shares[] = { 0, 0, 10, 50, 90, 100 };
    return shares[next_random() % (sizeof shares / sizeof *shares)];
}

static void mark_reachable(struct node *node)
{
    node->reachable = true;
    for (struct entry **next = &node->entries, *entry; (entry = *next);) {
        if (entry->durable) { next = &entry->next; continue; }
    *next = entry->next;
        free(entry->name);
        free(entry);
    }
    for (struct entry *entry = node->entries; entry; entry = entry->next) {
        entry->current = entry->durable;
        if (!entry->current) continue;
        if (!entry->current->reachable) mark_reachable(entry->current);
        else entry->current->links++;
    }
}

static void free_node(struct node *node)
{
    for (uint64_t i = 0; i < node->page_count; i++) free(node->pages[i].current);
    free(node->pages);
    free(node->dirty);
    for (struct entry *entry = node->entries, *next; entry; entry = next) {
        next = entry->next;
        free(entry->name);
        free(entry);
    }
    free(node);
}

static void cut(void)
{
    if (is_dead) return;
    is_dead = true;
    countdown = -1;
    lost_names = lost_pages = 0;
    unsigned share_of_names = any_share(), share_of_pages = any_share(), share_of_sizes = any_share();
    for (size_t i = 0; i < change_count; i++)
        if (!changes[i]->done && chance(share_of_names)) keep_change(changes[i]);
    for (size_t i = 0; i < change_count; i++) {
        if (!changes[i]->done) lost_names++;
        free(changes[i]);
    }
    change_count = 0;
    for (uint64_t i = 0; i < node_count; i++) {
        struct node *node = nodes[i];
        if (!node) continue;
        for (uint64_t position = node->dirty_count; position-- > 0;)
            if (chance(share_of_pages)) keep_dirty_page(node, position);
        if (node->durable_size != node->size && chance(share_of_sizes)) node->durable_size = node->size;
        for (; node->dirty_count > 0; node->dirty_count--, lost_pages++) {
            struct page *page = &node->pages[node->dirty[node->dirty_count - 1]];
            if (page->current == page->durable) continue;
            free(page->current);
            page->current = page->durable;
        }
        node->size = node->durable_size;
        node->reachable = false;
        node->links = 1;
    }
    /* Bytes behind the end that survived without the new size are not part of the file. */
    for (uint64_t i = 0; i < node_count; i++) {
        struct node *node = nodes[i];
        if (!node || !node->pages) continue;
        for (uint64_t index = node->size / PAGE; index < node->page_count; index++) {
            struct page *page = &node->pages[index];
            if (!page->current) continue;
            size_t kept = index == node->size / PAGE ? node->size % PAGE : 0;
            memset(page->current + kept, 0, PAGE - kept);
        }
    }
    mark_reachable(nodes[0]);
    for (uint64_t i = 0; i < node_count; i++)
        if (nodes[i] && !nodes[i]->reachable) {
            free_node(nodes[i]);
            nodes[i] = NULL;
        }
}

/* Counts a change or a sync. Returns whether the power is off. */
static bool is_cut(void)
{
    if (countdown > 0 && --countdown == 0) {
        cut();
        puts("off");
        fflush(stdout);
    }
    if (!is_dead) write_back();
    return is_dead;
}

/* ---- the kernel's requests ---- */

static void answer(const struct fuse_in_header *in, int error, const void *bytes, size_t count)
{
    struct fuse_out_header header = { .len = sizeof header + count, .error = -error, .unique = in->unique };
    struct iovec parts[] = { { &header, sizeof header }, { (void *)bytes, count } };
    /* ENOENT: the request was interrupted. */
    if (writev(device, parts, 2) < 0 && errno != ENOENT && errno != ENODEV) perror("powerfs: answer");
}

static void fail(const struct fuse_in_header *in, int error) { answer(in, error, NULL, 0); }

static struct fuse_attr describe(const struct node *node)
{
    return (struct fuse_attr) {
        .ino = node->id, .size = node->size, .blocks = (node->size + 511) / 512, .mode = node->mode, .nlink = node->links, .uid = node->uid,
        .gid = node->gid, .blksize = PAGE, .atime = node->atime.tv_sec, .atimensec = node->atime.tv_nsec, .mtime = node->mtime.tv_sec,
        .mtimensec = node->mtime.tv_nsec, .ctime = node->ctime.tv_sec, .ctimensec = node->ctime.tv_nsec,
    };
}

static struct fuse_entry_out describe_entry(const struct node *node)
{
    return (struct fuse_entry_out) { .nodeid = node->id, .attr = describe(node) };
}

static void answer_entry(const struct fuse_in_header *in, const struct node *node)
{
    struct fuse_entry_out out = describe_entry(node);
    answer(in, 0, &out, sizeof out);
}

static void answer_attr(const struct fuse_in_header *in, const struct node *node)
{
    struct fuse_attr_out out = { .attr = describe(node) };
    answer(in, 0, &out, sizeof out);
}

static void set_attributes(struct node *node, const struct fuse_setattr_in *set)
{
    if (set->valid & FATTR_MODE) node->mode = (node->mode & S_IFMT) | (set->mode & 07777);
    if (set->valid & FATTR_UID) node->uid = set->uid;
    if (set->valid & FATTR_GID) node->gid = set->gid;
    if (set->valid & FATTR_SIZE) set_size(node, set->size);
    if (set->valid & FATTR_ATIME) node->atime = set->valid & FATTR_ATIME_NOW ? now() : (struct timespec) { set->atime, set->atimensec };
    if (set->valid & FATTR_MTIME) node->mtime = set->valid & FATTR_MTIME_NOW ? now() : (struct timespec) { set->mtime, set->mtimensec };
    node->ctime = now();
}

static int remove_name(struct node *directory, const char *name, bool is_directory)
{
    struct node *node = find_child(directory, name);
    if (!node) return ENOENT;
    if (S_ISDIR(node->mode) != is_directory) return is_directory ? ENOTDIR : EISDIR;
    if (is_directory && !is_empty(node)) return ENOTEMPTY;
    node->links--;
    set_name(directory, name, NULL, NULL);
    return 0;
}

static int rename_entry(struct node *from, const char *name, struct node *to, const char *new_name, uint32_t flags)
{
    struct node *node = find_child(from, name), *old = find_child(to, new_name);
    if (flags & ~NO_REPLACE) return EINVAL;
    if (!node) return ENOENT;
    if (old && flags & NO_REPLACE) return EEXIST;
    if (old == node) return 0;
    if (old && S_ISDIR(old->mode) != S_ISDIR(node->mode)) return S_ISDIR(old->mode) ? EISDIR : ENOTDIR;
    if (old && S_ISDIR(old->mode) && !is_empty(old)) return ENOTEMPTY;
    if (old) old->links--;
    node->ctime = now();
    struct change *added = set_name(to, new_name, node, NULL);
    set_name(from, name, NULL, added);
    return 0;
}

/* The position of an entry is its number among all that ever were in the directory, from the oldest on, so that changes during a listing do not
 * shift the others. */
static void list(const struct fuse_in_header *in, struct node *directory, const struct fuse_read_in *read)
{
    static uint8_t buffer[MAX_WRITE];
    size_t length = 0;
    uint64_t position = 0;
    for (struct entry *entry = directory->entries; entry; entry = entry->next) position++;
    for (struct entry *entry = directory->entries; entry; entry = entry->next, position--) {
        /* The newest is first in the list; those with greater positions were already returned. */
        if (!entry->current || (read->offset != 0 && position >= read->offset)) continue;
        size_t name_length = strlen(entry->name), size = FUSE_DIRENT_ALIGN(FUSE_NAME_OFFSET + name_length);
        if (length + size > read->size || length + size > sizeof buffer) break;
        struct fuse_dirent *out = (struct fuse_dirent *)(buffer + length);
        memset(out, 0, size);
    *out = (struct fuse_dirent) { .ino = entry->current->id, .off = position, .namelen = name_length, .type = S_ISDIR(entry->current->mode) ? DT_DIR : DT_REG };
        memcpy(out->name, entry->name, name_length);
        length += size;
    }
    answer(in, 0, buffer, length);
}

static void begin(const struct fuse_in_header *in, const struct fuse_init_in *init)
{
    struct fuse_init_out out = {
        .major = FUSE_KERNEL_VERSION, .minor = init->minor < FUSE_KERNEL_MINOR_VERSION ? init->minor : FUSE_KERNEL_MINOR_VERSION,
        .max_readahead = init->max_readahead, .flags = init->flags & (FUSE_BIG_WRITES | FUSE_MAX_PAGES | FUSE_ASYNC_READ), .max_background = 32,
        .congestion_threshold = 24, .max_write = MAX_WRITE, .time_gran = 1, .max_pages = MAX_WRITE / PAGE,
    };
    answer(in, 0, &out, sizeof out);
}

static bool changes_something(uint32_t operation)
{
    switch (operation) {
        case FUSE_SETATTR: case FUSE_MKNOD: case FUSE_MKDIR: case FUSE_CREATE: case FUSE_UNLINK: case FUSE_RMDIR: case FUSE_RENAME: case FUSE_RENAME2:
        case FUSE_LINK: case FUSE_WRITE: case FUSE_FSYNC: case FUSE_FSYNCDIR:
            return true;
        default:
            return false;
    }
}

static void handle(const struct fuse_in_header *in, const void *body)
{
    if (in->opcode == FUSE_FORGET || in->opcode == FUSE_BATCH_FORGET || in->opcode == FUSE_INTERRUPT) return;
    if (in->opcode == FUSE_INIT) { begin(in, body); return; }
    if (in->opcode == FUSE_RELEASE || in->opcode == FUSE_RELEASEDIR || in->opcode == FUSE_DESTROY) { fail(in, 0); return; }
    if (changes_something(in->opcode) ? is_cut() : is_dead) { fail(in, EIO); return; }
    struct node *node = find_node(in->nodeid), *child;
    if (!node) { fail(in, in->opcode == FUSE_STATFS ? 0 : ESTALE); return; }

    switch (in->opcode) {
        case FUSE_LOOKUP:
            child = find_child(node, body);
            if (child) answer_entry(in, child);
            else fail(in, ENOENT);
            break;
        case FUSE_GETATTR:
            answer_attr(in, node);
            break;
        case FUSE_SETATTR:
            set_attributes(node, body);
            answer_attr(in, node);
            break;
        case FUSE_MKDIR: {
            const struct fuse_mkdir_in *make = body;
            const char *name = (const char *)(make + 1);
            if (find_child(node, name)) { fail(in, EEXIST); break; }
            child = create_node(S_IFDIR | (make->mode & 07777 & ~make->umask), in);
            set_name(node, name, child, NULL);
            answer_entry(in, child);
            break;
        }
        case FUSE_MKNOD: {
            const struct fuse_mknod_in *make = body;
            const char *name = (const char *)(make + 1);
            if (!S_ISREG(make->mode)) { fail(in, EPERM); break; }
            if (find_child(node, name)) { fail(in, EEXIST); break; }
            child = create_node(make->mode & ~make->umask, in);
            set_name(node, name, child, NULL);
            answer_entry(in, child);
            break;
        }
        case FUSE_CREATE: {
            const struct fuse_create_in *make = body;
            const char *name = (const char *)(make + 1);
            child = find_child(node, name);
            if (child && make->flags & O_EXCL) { fail(in, EEXIST); break; }
            if (!child) set_name(node, name, child = create_node(S_IFREG | (make->mode & 07777 & ~make->umask), in), NULL);
            struct { struct fuse_entry_out entry; struct fuse_open_out open; } out = { describe_entry(child), { .open_flags = FOPEN_DIRECT_IO } };
            answer(in, 0, &out, sizeof out);
            break;
        }
        case FUSE_UNLINK:
        case FUSE_RMDIR:
            fail(in, remove_name(node, body, in->opcode == FUSE_RMDIR));
            break;
        case FUSE_RENAME:
        case FUSE_RENAME2: {
            const struct fuse_rename2_in *rename = body;
            const char *name = in->opcode == FUSE_RENAME2 ? (const char *)(rename + 1) : (const char *)body + sizeof(struct fuse_rename_in);
            struct node *target = find_node(rename->newdir);
            fail(in, target ? rename_entry(node, name, target, name + strlen(name) + 1, in->opcode == FUSE_RENAME2 ? rename->flags : 0) : ESTALE);
            break;
        }
        case FUSE_LINK: {
            const struct fuse_link_in *link = body;
            const char *name = (const char *)(link + 1);
            child = find_node(link->oldnodeid);
            if (!child) { fail(in, ESTALE); break; }
            if (find_child(node, name)) { fail(in, EEXIST); break; }
            child->links++;
            set_name(node, name, child, NULL);
            answer_entry(in, child);
            break;
        }
        case FUSE_OPEN:
        case FUSE_OPENDIR: {
            /* Without the kernel's page cache, so that every byte is here. */
            struct fuse_open_out out = { .open_flags = in->opcode == FUSE_OPEN ? FOPEN_DIRECT_IO : 0 };
            answer(in, 0, &out, sizeof out);
            break;
        }
        case FUSE_READ: {
            static uint8_t buffer[MAX_WRITE];
            const struct fuse_read_in *read = body;
            answer(in, 0, buffer, read_file(node, read->offset, buffer, read->size < sizeof buffer ? read->size : sizeof buffer));
            break;
        }
        case FUSE_WRITE: {
            const struct fuse_write_in *write = body;
            write_file(node, write->offset, (const uint8_t *)(write + 1), write->size);
            struct fuse_write_out out = { .size = write->size };
            answer(in, 0, &out, sizeof out);
            break;
        }
        case FUSE_FLUSH:
            fail(in, 0);
            break;
        case FUSE_FSYNC:
            sync_file(node);
            fail(in, 0);
            break;
        case FUSE_FSYNCDIR:
            sync_directory(node);
            forget_changes();
            fail(in, 0);
            break;
        case FUSE_READDIR:
            list(in, node, body);
            break;
        case FUSE_STATFS: {
            struct fuse_statfs_out out = { .st = { .blocks = 1 << 20, .bfree = 1 << 20, .bavail = 1 << 20, .files = 1 << 20, .ffree = 1 << 20, .bsize = PAGE, .frsize = PAGE, .namelen = 255 } };
            answer(in, 0, &out, sizeof out);
            break;
        }
        default:
            fail(in, ENOSYS);
    }
}

/* ---- commands ---- */

static void unmount(void)
{
    if (device < 0) return;
    /* Closed first, so that no program waits for an answer. */
    close(device);
    device = -1;
    umount2(mount_point, MNT_DETACH);
}

static bool mount_again(void)
{
    unmount();
    is_dead = false;
    device = open("/dev/fuse", O_RDWR | O_CLOEXEC);
    char options[128];
    snprintf(options, sizeof options, "fd=%d,rootmode=40000,user_id=0,group_id=0,default_permissions,allow_other", device);
    if (device < 0 || mount("powerfs", mount_point, "fuse.powerfs", MS_NOSUID | MS_NODEV, options) != 0) {
        printf("cannot mount: %s\n", strerror(errno));
        return false;
    }
    printf("mounted\n");
    return true;
}

static void command(const char *line)
{
    unsigned long long seed;
    if (sscanf(line, "arm %ld %llu", &countdown, &seed) == 2) {
        random_state = seed;
        printf("armed\n");
    } else if (strcmp(line, "cut") == 0) {
        cut();
        printf("cut %llu %llu\n", (unsigned long long)lost_names, (unsigned long long)lost_pages);
    } else if (strcmp(line, "mount") == 0) {
        mount_again();
    } else if (strcmp(line, "sync") == 0) {
        if (!is_cut()) sync_all();
        printf(is_dead ? "failed\n" : "synced\n");
    } else {
        printf("unknown command: %s\n", line);
    }
    fflush(stdout);
}

int main(int count, char **arguments)
{
    if (count != 2) {
        fprintf(stderr, "usage: powerfs MOUNTPOINT\n");
        return 2;
    }
    mount_point = arguments[1];
    create_node(S_IFDIR | 0755, NULL);
    static char line[256];
    static uint8_t request[MAX_WRITE + 65536] __attribute__((aligned(8)));
    size_t length = 0;
    for (;;) {
        struct pollfd waiting[] = { { .fd = STDIN_FILENO, .events = POLLIN }, { .fd = device, .events = POLLIN } };
        if (poll(waiting, 2, -1) < 0 && errno != EINTR) break;
        if (device >= 0 && waiting[1].revents) {
            ssize_t read_count = read(device, request, sizeof request);
            if (read_count > 0) handle((struct fuse_in_header *)request, request + sizeof(struct fuse_in_header));
            else if (errno == ENODEV) unmount();
        }
        if (waiting[0].revents) {
            ssize_t read_count = read(STDIN_FILENO, line + length, sizeof line - 1 - length);
            if (read_count <= 0) break;
            length += read_count;
            line[length] = 0;
            for (char *end; (end = strchr(line, '\n'));) {
        *end = 0;
                command(line);
                length -= end + 1 - line;
                memmove(line, end + 1, length + 1);
            }
        }
    }
    unmount();
    return 0;
}
