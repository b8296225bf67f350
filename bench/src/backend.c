// Why this file exists: the backend behind every measured program. One epoll thread that answers
// from memory, so cheap that the program in front of it, and not the backend, is what is measured.
//
//   GET  /b/N    N bytes, Content-Length framed, at most 1 GiB
//   POST /u      reads and discards the body, answers two bytes
//   POST /stall  the same, but takes nothing for one second after the head: what a sender's
//                memory does behind a backend that does not read
//
// With a second argument it listens on that many addresses, 127.0.0.1, 127.0.0.2 and so on: to a
// balancer each is a backend of its own.
#include "net.h"

#include <sys/uio.h>

enum { PAGE = 1 << 20, SMALL = 65536, KINDS = 8, STALL_NS = 1000000000 };
static const uint64_t BODY_MAX = 1u << 30;

/// A prepared answer: the head, followed by the body itself when that is small.
typedef struct {
  uint64_t size;
  char *bytes;
  size_t length, head_length;
} Answer;

typedef struct {
  int fd;
  uint32_t used;           // bytes of an incomplete head in `head`
  uint64_t discard;        // request body bytes still to come
  int owes_answer;         // an upload's answer, due when discard reaches zero
  const Answer *answer;    // being sent
  uint64_t sent;           // of head and body together
  uint64_t stalled_until;  // 0 = not stalled
  char head[HEAD_MAX];
} Conn;

static char page[PAGE];
static Answer answers[KINDS];
static int answer_count, poller, stalled_count;
static Conn *conns[65536];

static const Answer *answer_of(uint64_t size) {
  for (int i = 0; i < answer_count; i++) {
    if (answers[i].size == size) return &answers[i];
  }
  if (answer_count == KINDS) die("backend: more than %d body sizes asked for", KINDS);
  Answer *a = &answers[answer_count++];
  size_t body = size <= SMALL ? (size_t)size : 0;
  a->size = size;
  a->bytes = malloc(512 + body);
  a->head_length = (size_t)snprintf(
      a->bytes, 512,
      "HTTP/1.1 200 OK\r\nServer: backend\r\nDate: Thu, 01 Jan 2026 00:00:00 GMT\r\n"
      "Content-Type: application/octet-stream\r\nCache-Control: no-cache\r\n"
      "Content-Length: %llu\r\n\r\n",
      (unsigned long long)size);
  memset(a->bytes + a->head_length, 'x', body);
  a->length = a->head_length + body;
  return a;
}

static void watch(Conn *c, uint32_t events) {
  struct epoll_event e = {.events = events, .data.ptr = c};
  epoll_ctl(poller, EPOLL_CTL_MOD, c->fd, &e);
}

static void forget(Conn *c) {
  if (c->stalled_until != 0) stalled_count--;
  close(c->fd);
  conns[c->fd] = NULL;
  free(c);
}

/// Sends what is left of the answer; waits for room when the peer takes no more. False = gone.
static int send_on(Conn *c) {
  const Answer *a = c->answer;
  uint64_t total = a->head_length + a->size;
  while (c->sent < total) {
    struct iovec parts[2];
    int count = 0;
    if (c->sent < a->length) {
      parts[count++] = (struct iovec){a->bytes + c->sent, a->length - c->sent};
    }
    uint64_t after = c->sent < a->length ? a->length : c->sent;
    if (after < total) {
      uint64_t piece = total - after < PAGE ? total - after : PAGE;
      parts[count++] = (struct iovec){page, (size_t)piece};
    }
    ssize_t n = count == 1 ? send(c->fd, parts[0].iov_base, parts[0].iov_len, 0)
                           : writev(c->fd, parts, count);
    if (n < 0 && errno == EAGAIN) {
      watch(c, EPOLLOUT);
      return 1;
    }
    if (n <= 0) return 0;
    c->sent += (uint64_t)n;
  }
  c->answer = NULL;
  return 1;
}

/// Acts on the complete head in c->head. False = not one of ours, close.
static int take_request(Conn *c) {
  if (strncmp(c->head, "GET /b/", 7) == 0) {
    uint64_t size = strtoull(c->head + 7, NULL, 10);
    if (size > BODY_MAX) return 0;
    c->answer = answer_of(size);
    c->sent = 0;
    return 1;
  }
  int stalls = strncmp(c->head, "POST /stall ", 12) == 0;
  int64_t length = content_length(c->head);
  if ((!stalls && strncmp(c->head, "POST /u ", 8) != 0) || length < 0) return 0;
  c->discard = (uint64_t)length;
  c->owes_answer = 1;
  if (stalls) {
    c->stalled_until = now_ns() + STALL_NS;
    stalled_count++;
    watch(c, 0);
  }
  return 1;
}

static int finish_upload(Conn *c) {
  c->owes_answer = 0;
  c->answer = answer_of(2);
  c->sent = 0;
  return send_on(c);
}

/// Reads one piece of a request body without copying it. 1 = again, 0 = would block, -1 = gone.
static int discard_some(Conn *c) {
  size_t most = c->discard < (4u << 20) ? (size_t)c->discard : (4u << 20);
  ssize_t n = recv(c->fd, NULL, most, MSG_TRUNC);
  if (n < 0 && errno == EAGAIN) return 0;
  if (n <= 0) return -1;
  c->discard -= (uint64_t)n;
  return 1;
}

/// Reads requests until the socket is empty, it stalls, or an answer waits for room. False = gone.
static int serve(Conn *c) {
  for (;;) {
    if (c->stalled_until != 0 || c->answer != NULL) return 1;
    if (c->owes_answer) {
      int verdict = c->discard > 0 ? discard_some(c) : 1;
      if (verdict <= 0) return verdict == 0;
      if (c->discard == 0 && !finish_upload(c)) return 0;
      continue;
    }
    ssize_t n = recv(c->fd, c->head + c->used, HEAD_MAX - 1 - c->used, 0);
    if (n < 0 && errno == EAGAIN) return 1;
    if (n <= 0) return 0;
    c->used += (uint32_t)n;
    c->head[c->used] = 0;
    char *end = memmem(c->head, c->used, "\r\n\r\n", 4);
    if (end == NULL) {
      if (c->used == HEAD_MAX - 1) return 0;
      continue;
    }
    uint32_t surplus = c->used - (uint32_t)(end + 4 - c->head);
    c->used = 0;
    if (!take_request(c)) return 0;
    if (surplus > c->discard) return 0;  // nobody pipelines to this backend
    c->discard -= surplus;
    if (c->answer == NULL) continue;
    return send_on(c);  // the next request comes after the answer, by its own event
  }
}

static void accept_all(int listener) {
  for (;;) {
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) return;
    set_nodelay(fd);
    Conn *c = calloc(1, sizeof *c);
    c->fd = fd;
    conns[fd] = c;
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = c};
    epoll_ctl(poller, EPOLL_CTL_ADD, fd, &e);
  }
}

static void end_stalls(void) {
  uint64_t now = now_ns();
  for (int fd = 0; fd < 65536; fd++) {
    Conn *c = conns[fd];
    if (c == NULL || c->stalled_until == 0 || c->stalled_until > now) continue;
    c->stalled_until = 0;
    stalled_count--;
    watch(c, EPOLLIN);
  }
}

/// Listens on so many addresses from 127.0.0.1 on. A listener is told from a connection by being
/// odd where that has a pointer.
static void listen_all(int port, int addresses) {
  for (int place = 0; place < addresses; place++) {
    uint64_t listener = (uint64_t)listen_behind(port, (uint32_t)place);
    struct epoll_event e = {.events = EPOLLIN, .data.u64 = listener << 1 | 1};
    epoll_ctl(poller, EPOLL_CTL_ADD, (int)listener, &e);
  }
}

int main(int argc, char **argv) {
  if (argc < 2 || argc > 3) die("usage: backend PORT [ADDRESSES]");
  settle_in();
  memset(page, 'x', PAGE);
  poller = epoll_create1(EPOLL_CLOEXEC);
  listen_all(atoi(argv[1]), argc == 3 ? atoi(argv[2]) : 1);
  struct epoll_event ready[256];
  for (;;) {
    int n = epoll_wait(poller, ready, 256, stalled_count > 0 ? 20 : -1);
    for (int i = 0; i < n; i++) {
      if (ready[i].data.u64 & 1) {
        accept_all((int)(ready[i].data.u64 >> 1));
        continue;
      }
      Conn *c = ready[i].data.ptr;
      int alive = 1;
      if (c->answer != NULL) {
        alive = send_on(c);
        if (alive && c->answer == NULL) watch(c, EPOLLIN);
      } else {
        alive = serve(c);
      }
      if (!alive) forget(c);
    }
    if (stalled_count > 0) end_stalls();
  }
}
