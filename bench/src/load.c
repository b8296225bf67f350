// Why this file exists: the load of every measurement. Keep-alive connections, each with at most
// one request in flight, closed loop, ended by a count (instructions and system calls need exact
// counts) or by time. It reads the measured process's CPU clock at both ends of the measured span,
// so that nothing outside of the span is charged. Any wrong answer ends the run: no result.
//
//   load --port P --path /b/128 --connections 64 [--in-flight 64] [--requests N | --seconds S]
//        [--warm S] [--watch PID] [--upload BYTES] [--stall MS] [--keys N]
//
// With keys, the last nine bytes of User-Agent are a number below N, the next one in each request.
//
// Prints one JSON object.
#include "net.h"

#include <getopt.h>

#include "histogram.h"

enum { PIECE = 1 << 20 };

typedef struct {
  int fd;
  uint32_t used;
  int64_t body_left;  // of the answer; -1 = head not complete
  uint64_t send_left; // of the upload
  uint64_t began;
  char head[HEAD_MAX];
} Conn;

static struct {
  int port, connections, in_flight, watched, stall_ms;
  uint64_t requests, upload, keys;
  double seconds, warm;
  const char *path;
} o = {.connections = 1, .path = "/b/128"};

static char request[1024], piece[PIECE];
static int request_length, poller;
static char *key;  // nine digits in the request; NULL = none
static Conn **idle;  // ring of connections with nothing in flight, oldest first
static uint32_t idle_from, idle_count;
static uint64_t sent_count, done_count, byte_count;
static Histogram latency;

/// CPU time of the watched process, all its threads, in nanoseconds.
static uint64_t cpu_ns(void) {
  clockid_t clock;
  struct timespec t;
  if (o.watched == 0) return 0;
  if (clock_getcpuclockid(o.watched, &clock) != 0 || clock_gettime(clock, &t) != 0) {
    die("load: the measured process %d is gone", o.watched);
  }
  return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/// User and system clock ticks of the watched process: how the time above splits.
static void cpu_ticks(uint64_t *user, uint64_t *system) {
  char path[64], text[1024];
  *user = *system = 0;
  if (o.watched == 0) return;
  snprintf(path, sizeof path, "/proc/%d/stat", o.watched);
  FILE *f = fopen(path, "r");
  if (f == NULL) return;
  text[fread(text, 1, sizeof text - 1, f)] = 0;
  fclose(f);
  const char *after_name = strrchr(text, ')');
  unsigned long long u = 0, s = 0;
  if (after_name != NULL) {
    sscanf(after_name + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu", &u, &s);
  }
  *user = u;
  *system = s;
}

static void push_idle(Conn *c) {
  idle[(idle_from + idle_count++) % (uint32_t)o.connections] = c;
}

static Conn *pop_idle(void) {
  Conn *c = idle[idle_from];
  idle_from = (idle_from + 1) % (uint32_t)o.connections;
  idle_count--;
  return c;
}

static void send_upload(Conn *c) {
  while (c->send_left > 0) {
    ssize_t n = send(c->fd, piece, c->send_left < PIECE ? (size_t)c->send_left : PIECE, 0);
    if (n < 0 && errno == EAGAIN) return;
    if (n <= 0) die("load: an upload was cut: %s", strerror(errno));
    c->send_left -= (uint64_t)n;
    byte_count += (uint64_t)n;
  }
}

static void write_key(void) {
  uint64_t number = sent_count % o.keys;
  for (int digit = 8; digit >= 0; digit--, number /= 10) key[digit] = (char)('0' + number % 10);
}

static void begin(Conn *c) {
  c->used = 0;
  c->body_left = -1;
  c->send_left = o.upload;
  c->began = now_ns();
  if (key != NULL) write_key();
  sent_count++;
  if (send(c->fd, request, (size_t)request_length, o.upload > 0 ? MSG_MORE : 0) != request_length) {
    die("load: a request could not be sent: %s", strerror(errno));
  }
  if (c->send_left > 0) send_upload(c);
}

static void begin_more(void) {
  while (idle_count > 0 && sent_count - done_count < (uint64_t)o.in_flight &&
         (o.requests == 0 || sent_count < o.requests)) {
    begin(pop_idle());
  }
}

/// Reads the head of an answer; true when it is complete.
static int read_head(Conn *c) {
  ssize_t n = recv(c->fd, c->head + c->used, HEAD_MAX - 1 - c->used, 0);
  if (n < 0 && errno == EAGAIN) return 0;
  if (n <= 0) die("load: connection closed after %llu answers", (unsigned long long)done_count);
  c->used += (uint32_t)n;
  c->head[c->used] = 0;
  byte_count += (uint64_t)n;
  char *end = memmem(c->head, c->used, "\r\n\r\n", 4);
  if (end == NULL && c->used < HEAD_MAX - 1) return 0;
  int64_t length = end == NULL ? -1 : content_length(c->head);
  if (strncmp(c->head, "HTTP/1.1 200", 12) != 0 || length < 0) {
    die("load: unexpected answer: %.60s", c->head);
  }
  c->body_left = length - (c->head + c->used - (end + 4));
  if (c->body_left < 0) die("load: more bytes than the answer's length");
  return 1;
}

/// Takes what has arrived (edge-triggered: until it would block or the answer is complete).
static void take(Conn *c) {
  if (c->body_left < 0 && !read_head(c)) return;
  while (c->body_left > 0) {
    size_t most = c->body_left < 4 * PIECE ? (size_t)c->body_left : 4 * PIECE;
    ssize_t n = recv(c->fd, NULL, most, MSG_TRUNC);
    if (n < 0 && errno == EAGAIN) return;
    if (n <= 0) die("load: an answer was cut short");
    c->body_left -= n;
    byte_count += (uint64_t)n;
  }
  if (c->send_left > 0) die("load: an answer came before the upload was taken");
  record(&latency, now_ns() - c->began);
  done_count++;
  push_idle(c);
}

static void open_connections(void) {
  idle = calloc((size_t)o.connections, sizeof *idle);
  for (int i = 0; i < o.connections; i++) {
    Conn *c = calloc(1, sizeof *c);
    c->fd = connect_to(o.port);
    if (c->fd < 0) die("load: connection %d refused: %s", i + 1, strerror(errno));
    c->body_left = 0;
    push_idle(c);
  }
}

/// Registers every connection; in a stalled run only after all requests have gone out and the
/// measured program has had `stall_ms` to read ahead of a client that takes nothing.
static void register_all(void) {
  Conn *all[o.connections];
  for (int i = 0; i < o.connections; i++) {
    all[i] = idle[(idle_from + (uint32_t)i) % (uint32_t)o.connections];
  }
  if (o.stall_ms > 0) {
    begin_more();
    usleep((useconds_t)o.stall_ms * 1000);
  }
  for (int i = 0; i < o.connections; i++) {
    struct epoll_event e = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = all[i]};
    epoll_ctl(poller, EPOLL_CTL_ADD, all[i]->fd, &e);
  }
}

/// Runs until `deadline` or until every counted request is answered.
static void drive_until(uint64_t deadline) {
  struct epoll_event ready[512];
  while (o.requests == 0 || done_count < o.requests) {
    if (now_ns() >= deadline) return;
    begin_more();
    int n = epoll_wait(poller, ready, 512, 1000);
    for (int i = 0; i < n; i++) {
      Conn *c = ready[i].data.ptr;
      if (c->send_left > 0 && (ready[i].events & EPOLLOUT)) send_upload(c);
      if (c->body_left != 0 && (ready[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR))) take(c);
      // Answer at once: a batch of 512 answers must not leave the measured program without work.
      begin_more();
    }
  }
}

static void read_options(int argc, char **argv) {
  static const struct option names[] = {
      {"port", 1, 0, 'p'},     {"path", 1, 0, 'u'},   {"connections", 1, 0, 'c'},
      {"in-flight", 1, 0, 'f'}, {"requests", 1, 0, 'n'}, {"seconds", 1, 0, 's'},
      {"warm", 1, 0, 'w'},     {"watch", 1, 0, 'P'},  {"upload", 1, 0, 'b'},
      {"stall", 1, 0, 'S'},    {"keys", 1, 0, 'k'},   {0}};
  int flag;
  while ((flag = getopt_long(argc, argv, "", names, NULL)) != -1) {
    switch (flag) {
      case 'p': o.port = atoi(optarg); break;
      case 'u': o.path = optarg; break;
      case 'c': o.connections = atoi(optarg); break;
      case 'f': o.in_flight = atoi(optarg); break;
      case 'n': o.requests = strtoull(optarg, NULL, 10); break;
      case 's': o.seconds = atof(optarg); break;
      case 'w': o.warm = atof(optarg); break;
      case 'P': o.watched = atoi(optarg); break;
      case 'b': o.upload = strtoull(optarg, NULL, 10); break;
      case 'k': o.keys = strtoull(optarg, NULL, 10); break;
      case 'S': o.stall_ms = atoi(optarg); break;
      default: exit(64);
    }
  }
  if (o.in_flight == 0) o.in_flight = o.connections;
  if (o.port == 0 || o.connections < 1 || o.connections > 19000) die("load: see the file's head");
  if (o.requests == 0 && o.seconds <= 0) die("load: needs --requests or --seconds");
  if (o.requests > 0 && o.warm > 0) die("load: a counted run has no warm-up");
}

int main(int argc, char **argv) {
  settle_in();
  read_options(argc, argv);
  request_length = write_request(request, sizeof request, o.path, o.upload);
  if (o.keys > 0) key = strstr(request, "bench/1.0");
  poller = epoll_create1(EPOLL_CLOEXEC);
  open_connections();
  uint64_t user[2], system[2], began = now_ns(), cpu = cpu_ns();
  cpu_ticks(&user[0], &system[0]);
  register_all();
  if (o.warm > 0) {
    drive_until(began + (uint64_t)(o.warm * 1e9));
    sent_count -= done_count;
    done_count = byte_count = 0;
    memset(&latency, 0, sizeof latency);
    began = now_ns();
    cpu = cpu_ns();
    cpu_ticks(&user[0], &system[0]);
  }
  double bound = o.requests > 0 ? (o.seconds > 0 ? o.seconds : 120) : o.seconds;
  drive_until(began + (uint64_t)(bound * 1e9));
  uint64_t cpu_spent = cpu_ns() - cpu, elapsed = now_ns() - began;
  cpu_ticks(&user[1], &system[1]);
  if (o.requests > 0 && done_count < o.requests) {
    die("load: %llu of %llu requests were answered in %.0f s", (unsigned long long)done_count,
        (unsigned long long)o.requests, bound);
  }
  printf("{\"requests\": %llu, \"seconds\": %.6f, \"bytes\": %llu, \"cpu_ns\": %llu, "
         "\"user_ticks\": %llu, \"system_ticks\": %llu, \"p50_us\": %.1f, \"p99_us\": %.1f, "
         "\"p999_us\": %.1f, \"max_us\": %.1f}\n",
         (unsigned long long)done_count, (double)elapsed / 1e9, (unsigned long long)byte_count,
         (unsigned long long)cpu_spent, (unsigned long long)(user[1] - user[0]),
         (unsigned long long)(system[1] - system[0]), percentile_ns(&latency, 0.5) / 1e3,
         percentile_ns(&latency, 0.99) / 1e3, percentile_ns(&latency, 0.999) / 1e3,
         (double)latency.worst / 1e3);
  return 0;
}
