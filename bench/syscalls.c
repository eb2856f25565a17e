// The system calls that a store of files cannot do without, in a loop: what a backend can be measured against.
// Prints nanoseconds an operation. usage: syscalls PATH COUNT
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static struct timespec began;

static void begin(void) { clock_gettime(CLOCK_MONOTONIC, &began); }

static void say(const char *operation, int count)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    printf("%s %.0f\n", operation, ((now.tv_sec - began.tv_sec) * 1e9 + (now.tv_nsec - began.tv_nsec)) / count);
}

static void check(int ok, const char *what)
{
    if (ok) return;
    perror(what);
    exit(1);
}

static int by_name(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

// Reads the names, sorts them and looks at each, as a listing has to.
static void list(const char *directory, int count)
{
    static char buffer[1 << 16];
    char **names = malloc(sizeof(char *) * (count + 2));
    int found = 0, fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    check(fd >= 0, "open");
    for (long filled; (filled = syscall(SYS_getdents64, fd, buffer, sizeof buffer)) > 0;)
        for (long at = 0; at < filled; at += ((struct dirent64 *)(buffer + at))->d_reclen) {
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

int main(int argc, char **argv)
{
    check(argc == 3, "usage: syscalls PATH COUNT");
    int count = atoi(argv[2]);
    char data[3000], path[4096], temporary[4096];
    static char value[1024];
    check(mkdir(argv[1], 0777) == 0, "mkdir");
    snprintf(data, sizeof data, "%s/data", argv[1]);
    check(mkdir(data, 0777) == 0, "mkdir");

    begin();
    for (int i = 0; i < count; i++) {
        snprintf(path, sizeof path, "%s/%08x", data, i);
        snprintf(temporary, sizeof temporary, "%s/%016lx.tmp", data, random());
        int fd = open(temporary, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
        check(fd >= 0, "open");
        check(write(fd, value, sizeof value) == sizeof value, "write");
        check(close(fd) == 0, "close");
        check(rename(temporary, path) == 0, "rename");
    }
    say("store", count);

    begin();
    for (int i = 0; i < count; i++) {
        struct stat status;
        snprintf(path, sizeof path, "%s/%08x", data, i);
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        check(fd >= 0 && fstat(fd, &status) == 0, "open");
        char *bytes = malloc(status.st_size);
        check(read(fd, bytes, status.st_size) == status.st_size, "read");
        free(bytes);
        close(fd);
    }
    say("load", count);

    begin();
    for (int i = 0; i < count; i++) {
        struct stat status;
        snprintf(path, sizeof path, "%s/%08x", data, i);
        check(stat(path, &status) == 0, "stat");
    }
    say("info", count);

    begin();
    list(data, count);
    say("list", count);

    begin();
    for (int i = 0; i < count; i++) {
        snprintf(path, sizeof path, "%s/%08x", data, i);
        check(unlink(path) == 0, "unlink");
    }
    say("delete", count);
    return 0;
}
