// The system calls that a store of files cannot do without, in a loop: what the file backend is measured against.
// Serves the requests of tests/Storm/WorkLoop.cs on stdin. usage: floor FOLDER
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static char data[3000];
static char *value;
static long size, filled_size;
static int count, filled_count;

static void check(int ok, const char *what)
{
    if (ok) return;
    perror(what);
    exit(1);
}

// The same names in the same order as in tests/Storm/WorkLoop.cs: how they are spread matters to caches.
static void path_of(char *path, const char *prefix, int i, const char *suffix) { snprintf(path, 4096, "%s/%s%08x%s", data, prefix, i * 2654435761u, suffix); }

static void store(int i)
{
    static atomic_long number;
    char path[4096], temporary[4096];
    path_of(path, "", i, "");
    snprintf(temporary, sizeof temporary, "%s/%016lx.tmp", data, atomic_fetch_add(&number, 1));
    int fd = open(temporary, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
    check(fd >= 0, "open");
    for (long at = 0; at < size;) {
        long written = write(fd, value + at, size - at);
        check(written > 0, "write");
        at += written;
    }
    check(close(fd) == 0, "close");
    check(rename(temporary, path) == 0, "rename");
}

static void read_part(int i, long offset, long length)
{
    struct stat status;
    char path[4096];
    path_of(path, "", i, "");
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    check(fd >= 0 && fstat(fd, &status) == 0, "open");
    if (length < 0) length = status.st_size;
    // Like ours, a large value goes through a buffer.
    long most = length <= 1 << 20 ? length : 256 * 1024;
    char *bytes = malloc(most + 1);
    for (long at = 0; at < length;) {
        long got = pread(fd, bytes, most < length - at ? most : length - at, offset + at);
        check(got > 0, "pread");
        at += got;
    }
    free(bytes);
    close(fd);
}

static void load(int i) { read_part(i, 0, -1); }

static void range(int i) { read_part(i, size / 4, size / 2); }

static void info(int i)
{
    struct stat status;
    char path[4096];
    path_of(path, "", i, "");
    check(stat(path, &status) == 0, "stat");
}

static void rename_one(int i, const char *from_prefix, const char *from_suffix, const char *to_prefix, const char *to_suffix)
{
    char from[4096], to[4096];
    path_of(from, from_prefix, i, from_suffix);
    path_of(to, to_prefix, i, to_suffix);
    check(rename(from, to) == 0, "rename");
}

static void move(int i) { rename_one(i, "", "", "m", ""); }
static void move_back(int i) { rename_one(i, "m", "", "", ""); }
static void soft_delete(int i) { rename_one(i, "", "", "", ".del"); }
static void undelete(int i) { rename_one(i, "", ".del", "", ""); }

static void delete(int i)
{
    char path[4096];
    path_of(path, "", i, "");
    check(unlink(path) == 0, "unlink");
}

static int by_name(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

// Reads the names, sorts them and looks at each, as a listing has to.
static void list(void)
{
    static char buffer[1 << 16];
    char **names = malloc(sizeof(char *) * (count + 2));
    int found = 0, fd = open(data, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    check(fd >= 0, "open");
    for (long got; (got = syscall(SYS_getdents64, fd, buffer, sizeof buffer)) > 0;)
        for (long at = 0; at < got; at += ((struct dirent64 *)(buffer + at))->d_reclen) {
            const char *name = ((struct dirent64 *)(buffer + at))->d_name;
            if (name[0] != '.') names[found++] = strdup(name);
        }
    qsort(names, found, sizeof(char *), by_name);
    for (int i = 0; i < found; i++) {
        struct stat status;
        check(fstatat(fd, names[i], &status, 0) == 0, "fstatat");
        free(names[i]);
    }
    close(fd);
    free(names);
}

static void (*act)(int);
static atomic_int next;

static void *work(void *unused)
{
    for (int i; (i = atomic_fetch_add(&next, 1)) < count;) act(i);
    return unused;
}

static void each(void (*what)(int), int concurrency)
{
    pthread_t threads[64];
    if (concurrency == 1) {
        for (int i = 0; i < count; i++) what(i);
        return;
    }
    if (concurrency > 64) concurrency = 64;
    act = what;
    next = 0;
    for (int t = 0; t < concurrency; t++) pthread_create(&threads[t], NULL, work, NULL);
    for (int t = 0; t < concurrency; t++) pthread_join(threads[t], NULL);
}

static void clear(void)
{
    int wanted = count;
    count = filled_count;
    each(delete, 1);
    filled_count = 0;
    count = wanted;
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1e9 + t.tv_nsec;
}

int main(int argc, char **argv)
{
    char operation[32];
    int concurrency;
    long least;
    check(argc == 2, "usage: floor FOLDER");
    check(mkdir(argv[1], 0777) == 0, "mkdir");
    snprintf(data, sizeof data, "%s/data", argv[1]);
    check(mkdir(data, 0777) == 0, "mkdir");
    setvbuf(stdout, NULL, _IOLBF, 0);
    puts("ready");
    while (scanf("%31s %ld %d %d %ld", operation, &size, &concurrency, &count, &least) == 5) {
        struct { const char *name; void (*act)(int), (*revert)(int); int repeats; } known[] = {
            { "store", store, NULL, 0 }, { "load", load, NULL, 1 }, { "range", range, NULL, 1 }, { "info", info, NULL, 1 },
            { "move", move, move_back, 0 }, { "soft-delete", soft_delete, undelete, 0 }, { "delete", delete, NULL, 0 },
        };
        int is_list = strncmp(operation, "list", 4) == 0, which = -1, turns = 0;
        for (int i = 0; i < (int)(sizeof known / sizeof known[0]); i++)
            if (strcmp(operation, known[i].name) == 0) which = i;
        if (!is_list && which < 0) {
            printf("no There are no system calls for %s.\n", operation);
            continue;
        }
        value = realloc(value, size + 1);
        memset(value, 'x', size);
        int is_store = !is_list && known[which].act == store;
        if (is_store || filled_size != size || filled_count != count) clear();
        if (!is_store && filled_count == 0) each(store, 1);
        filled_size = size;
        filled_count = !is_list && known[which].act == delete ? 0 : count;

        access("/borgstore-trace-begin", F_OK);
        double start = now(), time;
        do {
            if (is_list) list();
            else each(known[which].act, concurrency);
            turns++;
            time = now() - start;
        } while ((is_list || known[which].repeats) && time < least * 1e6);
        access("/borgstore-trace-end", F_OK);
        if (!is_list && known[which].revert) each(known[which].revert, 1);
        printf("ok %.0f -1 -1\n", time / turns);
    }
    clear();
    return 0;
}
