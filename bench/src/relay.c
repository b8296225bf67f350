// Why this file exists: the floor. A relay that moves bytes between a client and a backend and
// understands none of them is the cheapest thing that can stand in a gateway's place: two waits,
// two reads, two writes. What a measured program costs above it is the price of reading HTTP.
#include "net.h"

enum { BUFFER = 65536 };

/// One of the two sockets of a pair. Bytes read from it go to `other`.
typedef struct Side {
  int fd;
  struct Side *other;
  char *pending;  // read from this side, not yet taken by the other; NULL in the ordinary case
  uint32_t from, to;
  int gone;
} Side;

static char shared[BUFFER];
static int poller, backend_port;
static Side *dead[512];
static int dead_count;

static void watch(Side *s, uint32_t events) {
  struct epoll_event e = {.events = events, .data.ptr = s};
  epoll_ctl(poller, EPOLL_CTL_MOD, s->fd, &e);
}

/// Closes both sockets; the memory is freed after the batch of events that may still name it.
static void drop(Side *s) {
  if (s->gone) return;
  Side *both[2] = {s, s->other};
  for (int i = 0; i < 2; i++) {
    close(both[i]->fd);
    both[i]->gone = 1;
    dead[dead_count++] = both[i];
  }
}

/// The other side took less than was read: keep the rest, read no more until it is gone.
static void hold(Side *s, uint32_t from, uint32_t to) {
  s->pending = malloc(BUFFER);
  memcpy(s->pending, shared + from, to - from);
  s->from = 0;
  s->to = to - from;
  watch(s, s->other->pending != NULL ? EPOLLOUT : 0);
  watch(s->other, EPOLLOUT | (s->other->pending != NULL ? 0 : EPOLLIN));
}

static void move_on(Side *s) {
  ssize_t n = read(s->fd, shared, BUFFER);
  if (n < 0 && errno == EAGAIN) return;
  if (n <= 0) return drop(s);
  ssize_t w = write(s->other->fd, shared, (size_t)n);
  if (w < 0 && errno != EAGAIN) return drop(s);
  if (w < n) hold(s, w < 0 ? 0 : (uint32_t)w, (uint32_t)n);
}

/// `s` can be written again: give it what its other side holds.
static void resume(Side *s) {
  Side *source = s->other;
  if (source->pending == NULL) return;
  ssize_t w = write(s->fd, source->pending + source->from, source->to - source->from);
  if (w < 0 && errno == EAGAIN) return;
  if (w < 0) return drop(s);
  source->from += (uint32_t)w;
  if (source->from < source->to) return;
  free(source->pending);
  source->pending = NULL;
  watch(source, EPOLLIN | (s->pending != NULL ? EPOLLOUT : 0));
  watch(s, s->pending != NULL ? 0 : EPOLLIN);
}

static void accept_all(int listener) {
  for (;;) {
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) return;
    set_nodelay(fd);
    int backend = connect_to(backend_port);
    if (backend < 0) {
      close(fd);
      continue;
    }
    Side *client = calloc(1, sizeof *client), *server = calloc(1, sizeof *server);
    *client = (Side){.fd = fd, .other = server};
    *server = (Side){.fd = backend, .other = client};
    struct epoll_event a = {.events = EPOLLIN, .data.ptr = client};
    struct epoll_event b = {.events = EPOLLIN, .data.ptr = server};
    epoll_ctl(poller, EPOLL_CTL_ADD, fd, &a);
    epoll_ctl(poller, EPOLL_CTL_ADD, backend, &b);
  }
}

static void bury(void) {
  for (int i = 0; i < dead_count; i++) {
    free(dead[i]->pending);
    free(dead[i]);
  }
  dead_count = 0;
}

int main(int argc, char **argv) {
  if (argc != 3) die("usage: relay PORT BACKEND_PORT");
  settle_in();
  int listener = listen_on(atoi(argv[1]));
  backend_port = atoi(argv[2]);
  poller = epoll_create1(EPOLL_CLOEXEC);
  struct epoll_event e = {.events = EPOLLIN, .data.ptr = NULL}, ready[256];
  epoll_ctl(poller, EPOLL_CTL_ADD, listener, &e);
  for (;;) {
    int n = epoll_wait(poller, ready, 256, -1);
    for (int i = 0; i < n; i++) {
      Side *s = ready[i].data.ptr;
      if (s == NULL) {
        accept_all(listener);
        continue;
      }
      if (!s->gone && (ready[i].events & EPOLLOUT)) resume(s);
      if (!s->gone && (ready[i].events & ~(uint32_t)EPOLLOUT) && s->pending == NULL) move_on(s);
      else if (!s->gone && (ready[i].events & (EPOLLHUP | EPOLLERR))) drop(s);
    }
    if (dead_count > 0) bury();
  }
}
