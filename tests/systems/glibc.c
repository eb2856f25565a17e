/* What Debian's libstdc++, libgcc and OpenSSL expect of glibc and musl lacks. Loaded in the place of glibc's ld-linux-x86-64.so.2, which
   libstdc++ names, it lets .NET for musl run on Debian: its runtime is for musl, and only these libraries are not. */
#define _GNU_SOURCE
#include <link.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <syslog.h>
#include <time.h>

char __libc_single_threaded = 0;

size_t __strftime_l(char *s, size_t max, const char *format, const struct tm *tm, locale_t locale)
{
    return strftime_l(s, max, format, tm, locale);
}

unsigned arc4random(void)
{
    unsigned value;
    if (getrandom(&value, sizeof value, 0) != sizeof value) abort();
    return value;
}

/* Destructors of thread-local objects, which run when their thread ends, the newest first. */
struct destructor { void (*call)(void *); void *object; struct destructor *next; };
static pthread_key_t destructors;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void run_destructors(void *first)
{
    for (struct destructor *d = first, *next; d; d = next)
    {
        next = d->next;
        d->call(d->object);
        free(d);
    }
}

static void make_key(void)
{
    if (pthread_key_create(&destructors, run_destructors)) abort();
}

int __cxa_thread_atexit_impl(void (*call)(void *), void *object, void *library)
{
    struct destructor *d = malloc(sizeof *d);
    if (!d) return -1;
    pthread_once(&once, make_key);
    *d = (struct destructor){ call, object, pthread_getspecific(destructors) };
    return pthread_setspecific(destructors, d);
}

/* Where the unwinding tables of the library are that holds an address. */
struct dl_find_object { unsigned long long flags; void *start, *end, *map, *eh_frame; unsigned long long reserved[7]; };
struct search { uintptr_t address; struct dl_find_object *found; };

static int look_at(struct dl_phdr_info *info, size_t size, void *data)
{
    struct search *search = data;
    const ElfW(Phdr) *tables = 0, *segment = 0;
    for (int i = 0; i < info->dlpi_phnum; i++)
    {
        const ElfW(Phdr) *p = &info->dlpi_phdr[i];
        if (p->p_type == PT_GNU_EH_FRAME) tables = p;
        if (p->p_type == PT_LOAD && search->address - (info->dlpi_addr + p->p_vaddr) < p->p_memsz) segment = p;
    }
    if (!tables || !segment) return 0;
    *search->found = (struct dl_find_object){
        .start = (void *)(info->dlpi_addr + segment->p_vaddr),
        .end = (void *)(info->dlpi_addr + segment->p_vaddr + segment->p_memsz),
        .eh_frame = (void *)(info->dlpi_addr + tables->p_vaddr),
    };
    return 1;
}

int _dl_find_object(void *address, struct dl_find_object *found)
{
    struct search search = { (uintptr_t)address, found };
    return dl_iterate_phdr(look_at, &search) ? 0 : -1;
}

/* What libgcc keeps for itself under a version that musl doesn't look up: features of the processor, none of which it then uses. */
unsigned __cpu_model[4];
int __cpu_indicator_init(void) { return 0; }

/* The checked forms of functions of the C library, without the checks. */
void *__memcpy_chk(void *to, const void *from, size_t count, size_t size) { return memcpy(to, from, count); }
void *__memset_chk(void *to, int value, size_t count, size_t size) { return memset(to, value, count); }
char *__strcat_chk(char *to, const char *from, size_t size) { return strcat(to, from); }
long __fdelt_chk(long descriptor) { return descriptor / (8 * sizeof(long)); }
int __vfprintf_chk(FILE *file, int flag, const char *format, va_list values) { return vfprintf(file, format, values); }

int __fprintf_chk(FILE *file, int flag, const char *format, ...)
{
    va_list values;
    va_start(values, format);
    int written = vfprintf(file, format, values);
    va_end(values);
    return written;
}

int __sprintf_chk(char *to, int flag, size_t size, const char *format, ...)
{
    va_list values;
    va_start(values, format);
    int written = vsprintf(to, format, values);
    va_end(values);
    return written;
}

void __syslog_chk(int priority, int flag, const char *format, ...)
{
    va_list values;
    va_start(values, format);
    vsyslog(priority, format, values);
    va_end(values);
}

/* OpenSSL's asynchronous jobs, which .NET doesn't use. */
int getcontext(void *context) { return -1; }
int setcontext(const void *context) { return -1; }
void makecontext(void *context, void (*call)(void), int count, ...) { abort(); }
