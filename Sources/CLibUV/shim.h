// Why this file exists: the one door through which Swift sees libuv, and the one place that knows
// where libuv's parts lie inside a stream: C computes those addresses, because the order of a Swift
// struct's fields is a habit and not a contract.
#ifndef GATEWAY_CLIBUV_SHIM_H
#define GATEWAY_CLIBUV_SHIM_H

#include <malloc.h>
#include <pthread.h>
#include <sys/socket.h>
#include <uv.h>
#include <linux/filter.h>
#include <sys/socket.h>

// A stream in place: its handle first, so that a pointer to the one is a pointer to the other. A
// connect and a write are never under way at the same time (EventLoop's Stream checks it), so they
// share their memory.
typedef struct {
  union {
    uv_handle_t any;
    uv_stream_t stream;
    uv_tcp_t tcp;
    uv_pipe_t pipe;
  } handle;
  union {
    uv_write_t write;
    uv_connect_t connect;
  } request;
} gateway_stream_storage;

static inline uv_handle_t *gateway_handle(gateway_stream_storage *s) { return &s->handle.any; }
static inline uv_stream_t *gateway_stream(gateway_stream_storage *s) { return &s->handle.stream; }
static inline uv_tcp_t *gateway_tcp(gateway_stream_storage *s) { return &s->handle.tcp; }
static inline uv_pipe_t *gateway_pipe(gateway_stream_storage *s) { return &s->handle.pipe; }
static inline uv_write_t *gateway_write(gateway_stream_storage *s) { return &s->request.write; }
static inline uv_connect_t *gateway_connect(gateway_stream_storage *s) {
  return &s->request.connect;
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

// Lets no packet reach a listening socket any more: a client that connects now asks again a second later, and is then
// served by another listener or refused. What is in the accept queue stays. Returns 0, or -1 with errno.
static inline int gateway_close_door(int descriptor) {
  struct sock_filter drop = {BPF_RET | BPF_K, 0, 0, 0};
  struct sock_fprog program = {1, &drop};
  return setsockopt(descriptor, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program);
}

#endif
