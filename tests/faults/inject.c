/* A library for LD_PRELOAD that lets one file operation below a folder fail, or kills there.

    cc -shared -fPIC -O2 -o inject.so inject.c -ldl
    FAULT_ROOT=FOLDER FAULT_AT=12 FAULT_KIND=kill FAULT_TRACE=FILE LD_PRELOAD=./inject.so ...

Operations of all threads are numbered from 1: opening to write or create, every kind of
write, fsync, rename, unlink, link, mkdir, truncate. At FAULT_AT happens FAULT_KIND:

    kill            SIGKILL before the operation
    enospc          this operation fails with ENOSPC, unless it frees space
    enospc-forever  this one and all later ones that need space fail with ENOSPC
    eio             this operation fails with EIO
    short           only half of the bytes are written, and that is returned

Each operation is a line of FAULT_TRACE, "NUMBER NAME PATH"; "fault NUMBER KIND DONE NAME
PATH" says what was done, "end COUNT" that the process ended by itself. With FAULT_AT=0
nothing fails. A process that has forked calls `fault_arm` instead of setting variables;
children of the armed process are not counted. Paths are those that the kernel knows
(/proc/self/fd), so links, descriptors made by dup and renamed folders are followed.

Not seen: what libc writes by itself (fputs, fprintf, mkstemp), mmap, raw system calls. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum kind { KILL, NO_SPACE, NO_SPACE_FOREVER, BAD_DISK, SHORT, NOTHING };
enum effect { FREES, CHANGES, GROWS, WRITES }; /* GROWS and WRITES need space */
enum { HALVE = -1 };

static const char *const kinds[] = {"kill", "enospc", "enospc-forever", "eio", "short"};
static char root[PATH_MAX], trace[PATH_MAX];
static size_t root_length;
static _Atomic long count;
static long at;
static enum kind kind = NOTHING;
static _Atomic pid_t armed;

void fault_arm(const char *folder, long number, const char *name, const char *file)
{
    if (!realpath(folder, root))
        abort();
    root_length = strlen(root);
    snprintf(trace, sizeof trace, "%s", file ? file : "");
    at = number;
    for (kind = KILL; kind < NOTHING && (!name || strcmp(kinds[kind], name)); kind++)
        ;
    count = 0;
    armed = getpid();
}

long fault_count(void) { return count; }

/* Appends a line to the trace, by system calls that nobody intercepts. */
static void note(const char *line)
{
    if (!*trace)
        return;
    int flags = O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC;
    int fd = syscall(SYS_openat, AT_FDCWD, trace, flags, 0666);
    syscall(SYS_write, fd, line, strlen(line));
    syscall(SYS_close, fd);
}

__attribute__((constructor)) static void start(void)
{
    const char *folder = getenv("FAULT_ROOT"), *number = getenv("FAULT_AT");
    unsetenv("LD_PRELOAD"); /* not for the processes that this one starts */
    if (folder)
        fault_arm(folder, number ? atol(number) : 0, getenv("FAULT_KIND"), getenv("FAULT_TRACE"));
}

__attribute__((destructor)) static void end(void)
{
    char line[40];
    snprintf(line, sizeof line, "end %ld\n", count);
    if (armed == getpid())
        note(line);
}

/* The path of a descriptor if it is below the root, else NULL; `out` holds it. */
static const char *file(int fd, char *out)
{
    if (armed != getpid() || fd < 0)
        return NULL;
    int before = errno;
    char link[40];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    long n = syscall(SYS_readlinkat, AT_FDCWD, link, out, PATH_MAX - 1);
    errno = before;
    out[n > 0 ? n : 0] = 0;
    return strncmp(out, root, root_length) || out[root_length] != '/' ? NULL : out;
}

/* The same for a path, which need not exist; its last link is followed if `follow`. */
static const char *place(int folder, const char *path, int follow, char *out)
{
    if (armed != getpid() || !path)
        return NULL;
    int before = errno, flags = O_PATH | O_CLOEXEC;
    char parent[PATH_MAX];
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path, *found;
    snprintf(parent, sizeof parent, "%.*s/", slash ? (int)(slash - path) : 1, slash ? path : ".");
    int fd = follow ? syscall(SYS_openat, folder, path, flags) : -1;
    int whole = fd >= 0;
    if (!whole)
        fd = syscall(SYS_openat, folder, parent, flags);
    found = file(fd, out);
    if (!whole && fd >= 0 && !strncmp(out, root, root_length)) {
        size_t n = strlen(out);
        snprintf(out + n, PATH_MAX - n, "/%s", name);
        found = out[root_length] == '/' ? out : NULL;
    }
    syscall(SYS_close, fd);
    errno = before;
    return found;
}

/* Counts an operation. What becomes of it: 0 as usual, HALVE, or the error it ends with. */
static int verdict(const char *name, enum effect effect, const char *path)
{
    if (!path)
        return 0;
    long n = atomic_fetch_add(&count, 1) + 1;
    int hit = n == at, result = 0;
    if (at && n >= at && kind == NO_SPACE_FOREVER && effect >= GROWS)
        result = ENOSPC;
    else if (hit && kind == NO_SPACE && effect != FREES)
        result = ENOSPC;
    else if (hit && kind == BAD_DISK)
        result = EIO;
    else if (hit && kind == SHORT && effect == WRITES)
        result = HALVE;
    int before = errno;
    char line[2 * PATH_MAX];
    snprintf(line, sizeof line, "%ld %s %s\n", n, name, path);
    note(line);
    if (hit || result) {
        const char *done = result == ENOSPC ? "ENOSPC" : result == EIO ? "EIO"
            : result == HALVE ? "halved" : kind == KILL ? "killed" : "passed";
        snprintf(line, sizeof line, "fault %ld %s %s %s %s\n", n, kinds[kind], done, name, path);
        note(line);
    }
    if (hit && kind == KILL)
        kill(getpid(), SIGKILL);
    errno = before;
    return result;
}

static int failed(int error) { errno = error; return -1; }

#define REAL(name) ({ static __typeof__(&name) real; \
    real = real ? real : (__typeof__(&name))dlsym(RTLD_NEXT, #name); real; })
#define DEFINE(type, name, effect, path, parameters, arguments, halved) \
    type name parameters { \
        char path_of[PATH_MAX]; \
        int end = verdict(#name, effect, path); \
        if (end == HALVE) return REAL(name) halved; \
        return end ? failed(end) : REAL(name) arguments; \
    }
#define ON_FILE(name, effect, parameters, arguments) \
    DEFINE(int, name, effect, file(fd, path_of), parameters, arguments, arguments)
#define ON_PATH(name, effect, folder, path, parameters, arguments) \
    DEFINE(int, name, effect, place(folder, path, 0, path_of), parameters, arguments, arguments)
#define WRITE(name, parameters, arguments, halved) \
    DEFINE(ssize_t, name, WRITES, file(fd, path_of), parameters, arguments, halved)

WRITE(write, (int fd, const void *x, size_t n), (fd, x, n), (fd, x, (n + 1) / 2))
WRITE(pwrite, (int fd, const void *x, size_t n, off_t to), (fd, x, n, to), (fd, x, (n + 1) / 2, to))
WRITE(pwrite64, (int fd, const void *x, size_t n, off64_t to), (fd, x, n, to), (fd, x, (n + 1) / 2, to))
WRITE(writev, (int fd, const struct iovec *x, int n), (fd, x, n),
      (fd, &(struct iovec){x->iov_base, (x->iov_len + 1) / 2}, 1))
WRITE(sendfile, (int fd, int from, off_t *x, size_t n), (fd, from, x, n), (fd, from, x, (n + 1) / 2))
WRITE(sendfile64, (int fd, int from, off64_t *x, size_t n), (fd, from, x, n), (fd, from, x, (n + 1) / 2))
WRITE(copy_file_range, (int from, off64_t *x, int fd, off64_t *y, size_t n, unsigned flags),
      (from, x, fd, y, n, flags), (from, x, fd, y, (n + 1) / 2, flags))
ON_FILE(fsync, CHANGES, (int fd), (fd))
ON_FILE(fdatasync, CHANGES, (int fd), (fd))
ON_FILE(ftruncate, GROWS, (int fd, off_t n), (fd, n))
ON_FILE(ftruncate64, GROWS, (int fd, off64_t n), (fd, n))
ON_PATH(rename, CHANGES, AT_FDCWD, to, (const char *from, const char *to), (from, to))
ON_PATH(renameat, CHANGES, b, to, (int a, const char *from, int b, const char *to), (a, from, b, to))
ON_PATH(renameat2, CHANGES, b, to, (int a, const char *from, int b, const char *to, unsigned flags),
        (a, from, b, to, flags))
ON_PATH(link, GROWS, AT_FDCWD, to, (const char *from, const char *to), (from, to))
ON_PATH(linkat, GROWS, b, to, (int a, const char *from, int b, const char *to, int flags),
        (a, from, b, to, flags))
ON_PATH(unlink, FREES, AT_FDCWD, path, (const char *path), (path))
ON_PATH(unlinkat, FREES, folder, path, (int folder, const char *path, int flags), (folder, path, flags))
ON_PATH(rmdir, FREES, AT_FDCWD, path, (const char *path), (path))
ON_PATH(mkdir, GROWS, AT_FDCWD, path, (const char *path, mode_t mode), (path, mode))
ON_PATH(mkdirat, GROWS, folder, path, (int folder, const char *path, mode_t mode), (folder, path, mode))

/* The error with which opening ends, or 0. A file that exists needs no more space. */
static int opening(const char *name, int folder, const char *path, int flags)
{
    char real[PATH_MAX];
    if ((flags & O_ACCMODE) == O_RDONLY && !(flags & (O_CREAT | O_TRUNC)))
        return 0;
    const char *found = place(folder, path, 1, real);
    int exists = found && !syscall(SYS_faccessat, AT_FDCWD, found, F_OK);
    return verdict(name, flags & O_CREAT && !exists ? GROWS : CHANGES, found);
}

#define OPEN(name, folder, parameters, arguments) \
    int name parameters { \
        va_list rest; \
        va_start(rest, flags); \
        int makes = flags & O_CREAT || (flags & O_TMPFILE) == O_TMPFILE; \
        mode_t mode = makes ? va_arg(rest, mode_t) : 0; \
        va_end(rest); \
        int end = opening(#name, folder, path, flags); \
        return end ? failed(end) : REAL(name) arguments; \
    }
#define OPEN_2(name, folder, parameters, arguments) \
    int name parameters; \
    int name parameters { \
        int end = opening(#name, folder, path, flags); \
        return end ? failed(end) : REAL(name) arguments; \
    }
#define FOPEN(name) \
    FILE *name(const char *path, const char *mode) { \
        int plus = strchr(mode, '+') ? O_RDWR : O_WRONLY; \
        int flags = *mode != 'r' ? plus | O_CREAT : plus == O_RDWR ? O_RDWR : O_RDONLY; \
        int end = opening(#name, AT_FDCWD, path, flags); \
        return end ? (failed(end), NULL) : REAL(name)(path, mode); \
    }

OPEN(open, AT_FDCWD, (const char *path, int flags, ...), (path, flags, mode))
OPEN(open64, AT_FDCWD, (const char *path, int flags, ...), (path, flags, mode))
OPEN(openat, folder, (int folder, const char *path, int flags, ...), (folder, path, flags, mode))
OPEN(openat64, folder, (int folder, const char *path, int flags, ...), (folder, path, flags, mode))
OPEN_2(__open_2, AT_FDCWD, (const char *path, int flags), (path, flags))
OPEN_2(__open64_2, AT_FDCWD, (const char *path, int flags), (path, flags))
OPEN_2(__openat_2, folder, (int folder, const char *path, int flags), (folder, path, flags))
OPEN_2(__openat64_2, folder, (int folder, const char *path, int flags), (folder, path, flags))
FOPEN(fopen)
FOPEN(fopen64)

/* TensorFlow writes through these. libc itself goes on after a short write. */
size_t fwrite(const void *x, size_t size, size_t n, FILE *stream)
{
    char real[PATH_MAX];
    int end = verdict("fwrite", GROWS, file(fileno(stream), real));
    return end ? (failed(end), 0) : REAL(fwrite)(x, size, n, stream);
}

static int flushing(const char *name, FILE *stream)
{
    char real[PATH_MAX];
    return verdict(name, __fpending(stream) ? GROWS : CHANGES, file(fileno(stream), real));
}

int fflush(FILE *stream)
{
    int end = stream ? flushing("fflush", stream) : 0;
    return end ? failed(end) : REAL(fflush)(stream);
}

int fclose(FILE *stream)
{
    int writes = __fwritable(stream), end = writes ? flushing("fclose", stream) : 0;
    int result = REAL(fclose)(stream);
    return end ? failed(end) : result;
}
