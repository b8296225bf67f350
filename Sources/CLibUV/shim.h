// Why this file exists: the one door through which Swift sees libuv, and the one place that knows
// where libuv's parts lie inside a stream: C computes those addresses, because the order of a Swift
// struct's fields is a habit and not a contract.
#ifndef GATEWAY_CLIBUV_SHIM_H
#define GATEWAY_CLIBUV_SHIM_H

#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <uv.h>
#include <linux/filter.h>

// The libuv handle of a stream, in place. A stream that never had a socket has nothing to poll, and becomes an idle
// handle only to be closed.
typedef union {
  uv_handle_t any;
  uv_poll_t poll;
  uv_idle_t idle;
} gateway_stream_handle;

static inline uv_handle_t *gateway_handle(gateway_stream_handle *s) { return &s->any; }
static inline uv_poll_t *gateway_poll(gateway_stream_handle *s) { return &s->poll; }
static inline uv_idle_t *gateway_idle(gateway_stream_handle *s) { return &s->idle; }

// One call of the system each; bytes, or -errno. By `syscall`, because the C library makes a point of thread
// cancellation of its own wrappers (31 instructions each time in a process with threads), and as socket calls, because
// read and write pass through the file system's door first (3 % of a relayed byte's time).
static inline long gateway_recv(int fd, void *bytes, size_t count) {
  for (;;) {
    long result = syscall(SYS_recvfrom, fd, bytes, count, 0, NULL, NULL);
    if (result >= 0) return result;
    if (errno != EINTR) return -errno;
  }
}

static inline long gateway_send(int fd, const void *vectors, size_t count) {
  const struct iovec *parts = (const struct iovec *)vectors;
  struct msghdr message = {0};
  message.msg_iov = (struct iovec *)parts;
  message.msg_iovlen = count;
  for (;;) {
    long result = count == 1
      ? syscall(SYS_sendto, fd, parts->iov_base, parts->iov_len, MSG_NOSIGNAL, NULL, 0)
      : syscall(SYS_sendmsg, fd, &message, MSG_NOSIGNAL);
    if (result >= 0) return result;
    if (errno != EINTR) return -errno;
  }
}

// These are behind _GNU_SOURCE, which Swift's view of the C library leaves out.
extern int accept4(int, struct sockaddr *, socklen_t *, int);
extern int pthread_setname_np(pthread_t, const char *);

static inline int gateway_accept(int fd, struct sockaddr *name, socklen_t *size) {
  return accept4(fd, name, size, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

static inline int gateway_socket(int family) {
  return socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

// Not in Swift's view of the C library. Safe beside other threads that allocate.
static inline void gateway_trim_heap(void) { (void)malloc_trim(0); }

// Lets nobody begin to connect to a listening socket any more: who tries asks again a second later, and is then served
// by another listener or refused. What is in the accept queue stays. Returns 0, or -1 with errno.
static inline int gateway_close_door(int descriptor) {
  // Byte 13 of a segment holds its flags: SYN is 2, ACK 16. A handshake that has begun may end.
  struct sock_filter steps[] = {
    BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 13),
    BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 18),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 2, 0, 1),
    BPF_STMT(BPF_RET | BPF_K, 0),
    BPF_STMT(BPF_RET | BPF_K, 0xffffffff),
  };
  struct sock_fprog program = {sizeof steps / sizeof steps[0], steps};
  return setsockopt(descriptor, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program);
}

#endif
