// Why this file exists: the backend of the fault suite. It answers with the body that belongs to
// the request, checks the body it was sent, and misbehaves on order.
//
//   backend PORT MARKS      MARKS: a file of 64-bit words that survives a kill. Each request that
//                           may not be repeated leaves its mark there; one that is there twice,
//                           in whichever backend's file, was sent twice.
//
// A request is `METHOD /SIZE` or `METHOD /chunked/SIZE` with X-Mark: 16 hexadecimal digits.
// Orders are lines on standard input: `MODE [SHARE [NUMBER]]`, in percent of the requests; `report`
// prints one JSON object.
#include "../../../bench/src/net.h"

#include <sys/mman.h>

#include "pattern.h"

enum { STAGE = 16384, MARKS = 1 << 20, CHUNK = 8000, EXTRA = 64 };
enum { TICK_NS = 2000000, TRICKLE_NS = 20000000 };

typedef enum {
  SERVE, DELAY, STATUS, CLOSE,            // honest: late, with a status, or for the last time
  REFUSE, RESET_ACCEPT, RESET, FIN, HANG,  // no answer
  TRICKLE_HEAD, TRICKLE_BODY,              // an answer in pieces
  SHORT, CUT, CUT_CHUNKED,                 // an answer that ends too early
  LONG, GARBAGE, TWO_LENGTHS, BAD_CHUNK,   // an answer that is none
  FLIP,                                    // one byte of the body is another: no gateway can see it
  MODES
} Mode;

static const char *const names[MODES] = {
    "serve", "delay", "status", "close", "refuse", "reset-accept", "reset", "fin", "hang",
    "trickle-head", "trickle-body", "short", "cut", "cut-chunked", "long", "garbage",
    "two-lengths", "bad-chunk", "flip"};

typedef enum { KEEP, END, BREAK } Ending;

typedef struct Conn {
  int fd;
  uint32_t used;              // bytes of an incomplete head
  int has_request, is_intact, is_tunnel;
  uint64_t mark, body_left, body_seen;
  // The answer under way.
  int is_answering, is_chunked, last_sent;
  uint64_t size, made, stop_at, extra;  // of the body: declared, made so far, where it stops
  uint32_t staged, stage_sent, piece;   // piece: bytes a time, 0 = all
  uint64_t interval, due;               // due: not before this instant
  Mode mode;
  Ending ending;
  struct Conn *next, **link;            // among all
  char head[HEAD_MAX];
  char stage[STAGE];
} Conn;

static Conn *all;
static int poller, port, listener = -1;
static Mode mode = SERVE;
static uint64_t share = 100, number, seed = 1, *marks;
static uint64_t seen, answered, misbehaved, wrong_bodies, accepted, open_now;

static int chance(void) {
  seed += 0x9E3779B97F4A7C15u;
  return mixed(seed) % 100 < share;
}

static void forget(Conn *c, Ending how) {
  if (how == BREAK) {
    struct linger none = {.l_onoff = 1};
    setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &none, sizeof none);
  }
  close(c->fd);
  if (c->next != NULL) c->next->link = c->link;
  *c->link = c->next;
  open_now--;
  free(c);
}

/// Puts the next bytes of the answer on the stage; false when there are none.
static int fill(Conn *c) {
  c->staged = c->stage_sent = 0;
  if (c->made < c->stop_at) {
    uint64_t part = c->stop_at - c->made < CHUNK ? c->stop_at - c->made : CHUNK;
    if (c->is_chunked) {
      c->staged = (uint32_t)sprintf(c->stage, "%llx\r\n", (unsigned long long)part);
    }
    write_pattern(c->mark, c->made, (uint8_t *)c->stage + c->staged, part);
    c->staged += (uint32_t)part;
    c->made += part;
    if (c->is_chunked) c->staged += (uint32_t)sprintf(c->stage + c->staged, "\r\n");
    return 1;
  }
  if (c->last_sent) return 0;
  c->last_sent = 1;
  if (c->mode == BAD_CHUNK) {
    c->staged = (uint32_t)sprintf(c->stage, "zz\r\n");
  } else if (c->is_chunked && c->stop_at == c->size) {
    c->staged = (uint32_t)sprintf(c->stage, "0\r\n\r\n");
  }
  memset(c->stage + c->staged, 'x', c->extra);
  c->staged += (uint32_t)c->extra;
  return c->staged > 0;
}

/// Sends what may be sent now. False = the connection is gone.
static int send_on(Conn *c) {
  for (;;) {
    if (c->due > now_ns()) return 1;
    if (c->stage_sent == c->staged && !fill(c)) break;
    size_t left = c->staged - c->stage_sent;
    if (c->piece != 0 && left > c->piece) left = c->piece;
    ssize_t n = send(c->fd, c->stage + c->stage_sent, left, 0);
    if (n < 0 && errno == EAGAIN) return 1;
    if (n <= 0) return forget(c, BREAK), 0;
    c->stage_sent += (uint32_t)n;
    int has_more = c->stage_sent < c->staged || c->made < c->stop_at || c->is_chunked;
    if (c->interval != 0 && has_more) c->due = now_ns() + c->interval;
  }
  answered++;
  if (c->ending != KEEP) return forget(c, c->ending), 0;
  c->is_answering = c->has_request = 0;
  return 1;
}

static void write_head(Conn *c) {
  if (c->mode == GARBAGE) {
    write_pattern(c->mark, 0, (uint8_t *)c->stage, 200);
    c->staged = 200;
    c->stop_at = 0;
    c->last_sent = 1;
    return;
  }
  int n = sprintf(
      c->stage, "HTTP/1.1 %d OK\r\nContent-Type: application/octet-stream\r\n"
      "X-Mark: %016llx\r\nX-Intact: %d\r\n", c->mode == STATUS ? (int)number : 200,
      (unsigned long long)c->mark, c->is_intact);
  if (c->mode == TWO_LENGTHS) n += sprintf(c->stage + n, "Content-Length: 3\r\n");
  if (c->is_chunked) {
    n += sprintf(c->stage + n, "Transfer-Encoding: chunked\r\n\r\n");
  } else {
    uint64_t declared = c->size + (c->mode == SHORT ? EXTRA : 0);
    n += sprintf(c->stage + n, "Content-Length: %llu\r\n\r\n", (unsigned long long)declared);
  }
  c->staged = (uint32_t)n;
  // A small answer is one write: whoever reads its head has its body.
  if (!c->is_chunked && c->stop_at <= CHUNK && c->mode != TRICKLE_BODY) {
    write_pattern(c->mark, 0, (uint8_t *)c->stage + n, c->stop_at);
    c->staged += (uint32_t)c->stop_at;
    c->made = c->stop_at;
    if (c->mode == FLIP) c->stage[n] ^= 1;
  }
}

/// The whole request is here. False = the connection is gone.
static int answer(Conn *c) {
  c->mode = mode != SERVE && chance() ? mode : SERVE;
  if (c->mode >= REFUSE) misbehaved++;
  if (!c->is_intact) wrong_bodies++;
  if (c->mode == HANG) return 1;
  if (c->mode == RESET || c->mode == FIN) return forget(c, c->mode == FIN ? END : BREAK), 0;
  if (c->mode == BAD_CHUNK || c->mode == CUT_CHUNKED) c->is_chunked = 1;
  if (c->mode == SHORT || c->mode == CUT || c->mode == LONG) c->is_chunked = 0;
  int is_cut = c->mode == CUT || c->mode == CUT_CHUNKED || c->mode == BAD_CHUNK;
  c->made = c->staged = c->stage_sent = c->piece = 0;
  c->stop_at = is_cut ? c->size / 2 : c->size;
  c->extra = c->mode == LONG ? EXTRA : 0;
  c->due = c->mode == DELAY ? now_ns() + number * 1000000 : 0;
  c->interval = c->mode == TRICKLE_HEAD || c->mode == TRICKLE_BODY ? TRICKLE_NS : 0;
  c->piece = c->mode == TRICKLE_HEAD ? 1 : c->mode == TRICKLE_BODY ? 64 : 0;
  c->ending = c->mode == CUT ? BREAK : c->mode == CLOSE || c->mode >= SHORT ? END : KEEP;
  c->last_sent = 0;
  c->is_answering = 1;
  write_head(c);
  return send_on(c);
}

/// From here on it sends back what it is sent.
static void become_tunnel(Conn *c) {
  int n = sprintf(c->stage, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n"
                  "Upgrade: websocket\r\n\r\n");
  if (send(c->fd, c->stage, (size_t)n, 0) == n) c->is_tunnel = 1;
}

static void begin_request(Conn *c) {
  const char *mark = field(c->head, "x-mark:");
  const char *path = strchr(c->head, '/');
  int64_t length = content_length(c->head);
  seen++;
  c->has_request = c->is_intact = 1;
  c->mark = mark != NULL ? strtoull(mark, NULL, 16) : 0;
  c->is_chunked = path != NULL && strncmp(path, "/chunked", 8) == 0;
  c->size = path != NULL ? strtoull(c->is_chunked ? path + 9 : path + 1, NULL, 10) : 0;
  c->body_left = length > 0 ? (uint64_t)length : 0;
  c->body_seen = 0;
  // Only good clients mark each request with a number of its own, and a large one.
  if (c->mark > 255 && strncmp(c->head, "POST", 4) == 0 &&
      field(c->head, "idempotency-key:") == NULL && marks[0] + 1 < MARKS) {
    marks[1 + marks[0]++] = c->mark;
  }
}

/// Takes bytes of the request. False = the connection is gone.
static int take(Conn *c, uint8_t *bytes, size_t count) {
  while (count > 0 && !c->has_request) {
    c->head[c->used++] = (char)*bytes++;
    count--;
    if (c->used >= 4 && memcmp(c->head + c->used - 4, "\r\n\r\n", 4) == 0) {
      c->head[c->used] = 0;
      c->used = 0;
      begin_request(c);
      if (field(c->head, "upgrade:") != NULL) become_tunnel(c);
    } else if (c->used == HEAD_MAX - 1) {
      return forget(c, BREAK), 0;
    }
  }
  if (!c->has_request) return 1;
  if (c->is_tunnel) return count == 0 || send(c->fd, bytes, count, 0) == (ssize_t)count ? 1
                                                            : (forget(c, BREAK), 0);
  if (count > 0 && c->body_left == 0 && c->body_seen + (uint64_t)c->is_answering > 0) {
    wrong_bodies++;  // bytes that belong to no request
    return forget(c, BREAK), 0;
  }
  size_t part = c->body_left < count ? (size_t)c->body_left : count;
  if (!is_pattern(c->mark ^ UPLOAD_MARK, c->body_seen, bytes, part)) c->is_intact = 0;
  c->body_seen += part;
  c->body_left -= part;
  if (count > part) c->is_intact = 0;  // more than was announced
  return c->body_left > 0 || answer(c);
}

static void read_from(Conn *c) {
  static uint8_t buffer[65536];
  for (;;) {
    ssize_t n = recv(c->fd, buffer, sizeof buffer, 0);
    if (n < 0 && errno == EAGAIN) return;
    if (n <= 0) return forget(c, END);
    if (!take(c, buffer, (size_t)n)) return;
  }
}

static void accept_all(void) {
  for (;;) {
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) return;
    accepted++;
    set_nodelay(fd);
    Conn *c = calloc(1, sizeof *c);
    c->fd = fd;
    c->next = all;
    c->link = &all;
    if (all != NULL) all->link = &c->next;
    all = c;
    open_now++;
    if (mode == RESET_ACCEPT && chance()) {
      forget(c, BREAK);
      continue;
    }
    struct epoll_event e = {.events = EPOLLIN | EPOLLOUT | EPOLLET | EPOLLRDHUP, .data.ptr = c};
    epoll_ctl(poller, EPOLL_CTL_ADD, fd, &e);
  }
}

static void listen_again(void) {
  listener = listen_on(port);
  struct epoll_event e = {.events = EPOLLIN, .data.ptr = &listener};
  epoll_ctl(poller, EPOLL_CTL_ADD, listener, &e);
}

static void obey(char *line) {
  char word[32];
  unsigned long long a = 100, b = 0;
  if (sscanf(line, "%31s %llu %llu", word, &a, &b) < 1) return;
  if (strcmp(word, "report") == 0) {
    printf("{\"seen\": %llu, \"answered\": %llu, \"misbehaved\": %llu, \"wrong_bodies\": %llu, "
           "\"accepted\": %llu, \"open\": %llu}\n",
           (unsigned long long)seen, (unsigned long long)answered,
           (unsigned long long)misbehaved, (unsigned long long)wrong_bodies,
           (unsigned long long)accepted, (unsigned long long)open_now);
    fflush(stdout);
    return;
  }
  int found = 0;
  while (found < MODES && strcmp(word, names[found]) != 0) found++;
  if (found == MODES) die("backend: no mode %s", word);
  mode = (Mode)found;
  share = a;
  number = b;
  if (mode == REFUSE && listener >= 0) {
    close(listener);
    listener = -1;
    while (all != NULL) forget(all, BREAK);
  } else if (mode != REFUSE && listener < 0) {
    listen_again();
  }
  printf("%s\n", word);
  fflush(stdout);
}

/// Orders come rarely and whole; the end of the input is the end of the program.
static void read_orders(void) {
  char text[512];
  ssize_t n = read(0, text, sizeof text - 1);
  if (n <= 0) exit(0);
  text[n] = 0;
  for (char *line = strtok(text, "\n"); line != NULL; line = strtok(NULL, "\n")) obey(line);
}

int main(int argc, char **argv) {
  if (argc != 3) die("usage: backend PORT MARKS");
  settle_in();
  port = atoi(argv[1]);
  int file = open(argv[2], O_RDWR | O_CREAT, 0600);
  if (file < 0 || ftruncate(file, MARKS * 8) != 0) die("%s: %s", argv[2], strerror(errno));
  marks = mmap(NULL, MARKS * 8, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  if (marks == MAP_FAILED) die("%s: %s", argv[2], strerror(errno));
  poller = epoll_create1(EPOLL_CLOEXEC);
  struct epoll_event e = {.events = EPOLLIN, .data.ptr = NULL};
  epoll_ctl(poller, EPOLL_CTL_ADD, 0, &e);
  listen_again();
  struct epoll_event ready[1];  // one at a time: an order may end connections of the same round
  for (uint64_t next_tick = 0;;) {
    int n = epoll_wait(poller, ready, 1, 2);
    if (n == 1 && ready[0].data.ptr == NULL) {
      read_orders();
    } else if (n == 1 && ready[0].data.ptr == &listener) {
      accept_all();
    } else if (n == 1) {
      Conn *c = ready[0].data.ptr;
      if (!c->is_answering || (ready[0].events & EPOLLOUT) == 0 || send_on(c)) read_from(c);
    }
    if (now_ns() < next_tick) continue;
    next_tick = now_ns() + TICK_NS;
    for (Conn *c = all, *after; c != NULL; c = after) {
      after = c->next;
      if (c->is_answering && c->due != 0) send_on(c);
    }
  }
}
