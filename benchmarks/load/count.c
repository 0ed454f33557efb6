/* SPDX-License-Identifier: BSL-1.0
 * LD_PRELOAD: counts socket calls (and those that failed) and heap allocations into the file $COUNT_FILE, at full
 * speed. strace slows a server so much that the next request is always there already, which hides failed reads.
 * The layout is that of counters.hpp: calls and failures by turns, in the order of the enum. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

enum {
  READ,
  READV,
  RECV,
  RECVFROM,
  RECVMSG,
  WRITE,
  WRITEV,
  SEND,
  SENDTO,
  SENDMSG,
  ACCEPT,
  ACCEPT4,
  SHUTDOWN,
  EPOLL_WAIT,
  EPOLL_PWAIT,
  EPOLL_CTL,
  POLL,
  TIMERFD_SETTIME,
  ALLOCATIONS,
  FREES,
  COUNTERS
};

static unsigned long long nowhere[2 * COUNTERS];
static unsigned long long* count = nowhere;

static void add(int which, int failed) {
  __atomic_fetch_add(&count[2 * which], 1, __ATOMIC_RELAXED);
  if (failed) __atomic_fetch_add(&count[2 * which + 1], 1, __ATOMIC_RELAXED);
}

__attribute__((constructor)) static void map_counters(void) {
  const char* name = getenv("COUNT_FILE");
  int fd = name ? open(name, O_RDWR | O_CREAT, 0644) : -1;
  if (fd < 0) return;
  if (ftruncate(fd, 4096) == 0) {
    void* page = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (page != MAP_FAILED) count = page;
  }
  close(fd);
}

#define COUNTED(WHICH, RESULT, NAME, DECLARED, PASSED)                                                                 \
  RESULT NAME DECLARED {                                                                                               \
    static RESULT(*real) DECLARED;                                                                                     \
    if (!real) real = (RESULT(*) DECLARED)dlsym(RTLD_NEXT, #NAME);                                                     \
    RESULT result = real PASSED;                                                                                       \
    add(WHICH, result < 0);                                                                                            \
    return result;                                                                                                     \
  }

struct pollfd;
struct itimerspec;
COUNTED(READ, ssize_t, read, (int f, void* b, size_t s), (f, b, s))
COUNTED(READV, ssize_t, readv, (int f, const struct iovec* v, int c), (f, v, c))
COUNTED(RECV, ssize_t, recv, (int f, void* b, size_t s, int g), (f, b, s, g))
COUNTED(RECVFROM, ssize_t, recvfrom,
        (int f, void* restrict b, size_t s, int g, struct sockaddr* restrict a, socklen_t* restrict l),
        (f, b, s, g, a, l))
COUNTED(RECVMSG, ssize_t, recvmsg, (int f, struct msghdr* m, int g), (f, m, g))
COUNTED(WRITE, ssize_t, write, (int f, const void* b, size_t s), (f, b, s))
COUNTED(WRITEV, ssize_t, writev, (int f, const struct iovec* v, int c), (f, v, c))
COUNTED(SEND, ssize_t, send, (int f, const void* b, size_t s, int g), (f, b, s, g))
COUNTED(SENDTO, ssize_t, sendto, (int f, const void* b, size_t s, int g, const struct sockaddr* a, socklen_t l),
        (f, b, s, g, a, l))
COUNTED(SENDMSG, ssize_t, sendmsg, (int f, const struct msghdr* m, int g), (f, m, g))
COUNTED(ACCEPT, int, accept, (int f, struct sockaddr* restrict a, socklen_t* restrict l), (f, a, l))
COUNTED(ACCEPT4, int, accept4, (int f, struct sockaddr* restrict a, socklen_t* restrict l, int g), (f, a, l, g))
COUNTED(SHUTDOWN, int, shutdown, (int f, int how), (f, how))
COUNTED(EPOLL_WAIT, int, epoll_wait, (int e, struct epoll_event* v, int m, int t), (e, v, m, t))
COUNTED(EPOLL_PWAIT, int, epoll_pwait, (int e, struct epoll_event* v, int m, int t, const sigset_t* s), (e, v, m, t, s))
COUNTED(EPOLL_CTL, int, epoll_ctl, (int e, int o, int f, struct epoll_event* v), (e, o, f, v))
COUNTED(POLL, int, poll, (struct pollfd * p, unsigned long n, int t), (p, n, t))
COUNTED(TIMERFD_SETTIME, int, timerfd_settime, (int f, int g, const struct itimerspec* a, struct itimerspec* b),
        (f, g, a, b))

/* glibc's own names: dlsym itself allocates, so it cannot be asked for malloc. operator new comes here too. */
extern void* __libc_malloc(size_t);
extern void* __libc_calloc(size_t, size_t);
extern void* __libc_realloc(void*, size_t);
extern void* __libc_memalign(size_t, size_t);
extern void __libc_free(void*);

void* malloc(size_t size) {
  add(ALLOCATIONS, 0);
  return __libc_malloc(size);
}
void* calloc(size_t n, size_t size) {
  add(ALLOCATIONS, 0);
  return __libc_calloc(n, size);
}
void* realloc(void* p, size_t size) {
  add(ALLOCATIONS, 0);
  return __libc_realloc(p, size);
}
void* memalign(size_t align, size_t size) {
  add(ALLOCATIONS, 0);
  return __libc_memalign(align, size);
}
void* aligned_alloc(size_t align, size_t size) {
  add(ALLOCATIONS, 0);
  return __libc_memalign(align, size);
}
int posix_memalign(void** out, size_t align, size_t size) {
  add(ALLOCATIONS, 0);
  *out = __libc_memalign(align, size);
  return *out ? 0 : ENOMEM;
}
void free(void* p) {
  if (p) add(FREES, 0);
  __libc_free(p);
}
