// Why this file exists: the good clients of the fault suite. Each connection has one request under
// way; every answer is compared byte by byte with what its request asked for, and every request
// ends in exactly one of the counts.
//
//   client --port P --connections N --rate R --seconds S [--mix get:60,post:10…] [--patience S]
//          [--fresh SHARE] [--prefix /PATH]
//
// Rate: requests a second by all connections; 0 = as many as are answered. Patience: seconds after
// which an answer is taken for missing. Fresh: so many percent close their connection after an
// answer. Prefix: of every path.
// SIGTERM ends the sending early. Prints one JSON object when all is answered.
#include "../../../bench/src/net.h"

#include <getopt.h>

#include "../../../bench/src/histogram.h"
#include "pattern.h"

/// What is sent. Small bodies fit what the gateway keeps for a repeat (64 KiB), large ones do not.
typedef struct {
  const char *name, *method, *prefix;
  uint64_t answer, upload;
  const char *field;
} Kind;

enum { KINDS = 7, STATUSES = 600, REASONS = 32, EXAMPLES = 3, LOCAL_MAX = 1024 };

static const Kind kinds[KINDS] = {
    {"get", "GET", "/", 512, 0, ""},
    {"put", "PUT", "/", 256, 2048, ""},
    {"post", "POST", "/", 256, 2048, ""},
    {"keyed", "POST", "/", 256, 2048, "Idempotency-Key: yes\r\n"},
    {"large", "PUT", "/", 256, 300000, ""},
    {"download", "GET", "/", 400000, 0, ""},
    {"chunked", "GET", "/chunked/", 100000, 0, ""},
};

typedef struct {
  uint64_t sent, good, backend, cut, unanswered, wrong;
  uint64_t refused[REASONS];
} Count;

typedef enum { CLOSED, CONNECTING, IDLE, BUSY } State;

typedef struct {
  int fd;
  State state;
  uint32_t number;
  uint64_t again;              // CLOSED: not before this instant
  const Kind *kind;
  uint64_t mark, began;
  uint32_t request_length, request_sent;
  uint64_t upload_sent;
  uint32_t used;               // of the answer's head
  int status, is_ours, closes, is_chunked, is_new, reason;
  int64_t left;                // of the body or the chunk; -1 = head not complete
  uint64_t body;               // bytes of the body seen
  int chunk_state;             // 0 size, 1 data, 2 end of data, 3 last lines
  char request[512], head[HEAD_MAX], local[LOCAL_MAX];
} Conn;

static struct {
  int port, connections;
  double rate, seconds, patience;
  uint32_t fresh, mix[KINDS];
  const char *prefix;
} o = {.connections = 64, .patience = 30, .mix = {60, 10, 10, 5, 5, 5, 5}, .prefix = ""};

static Count counts[KINDS];
static char reasons[REASONS][40], examples[EXAMPLES][200];
static uint64_t statuses[STATUSES], unconnected, turned_away, idle_ends,
    reason_count, example_count;
static uint64_t last_bad, last_good, longest_gap, seed, busy_count, mix_total;
static Histogram latency;
static Conn *conns;
static uint32_t *idle, idle_from, idle_count;
static int poller;
static volatile sig_atomic_t is_over;

static uint64_t next_random(void) { return mixed(seed += 0x9E3779B97F4A7C15u); }

static Count *count_of(Conn *c) { return &counts[c->kind - kinds]; }

static void push_idle(Conn *c) {
  c->state = IDLE;
  idle[(idle_from + idle_count++) % (uint32_t)o.connections] = c->number;
}

static void example(Conn *c, const char *what) {
  if (example_count == EXAMPLES) return;
  snprintf(examples[example_count++], sizeof examples[0],
           "%s of %s %016llx: status %d, %llu bytes, mark %sits own, reason %s", what,
           c->kind->name, (unsigned long long)c->mark, c->status, (unsigned long long)c->body,
           c->is_ours ? "" : "not ", c->reason < 0 ? "none" : reasons[c->reason]);
}

static void hang_up(Conn *c, uint64_t wait_ns) {
  close(c->fd);
  c->fd = -1;
  c->state = CLOSED;
  c->again = now_ns() + wait_ns;
}

/// The exchange is over, in this count.
static void end(Conn *c, uint64_t *count, int keeps) {
  uint64_t now = now_ns();
  Count *own = count_of(c);
  *count += 1;
  busy_count--;
  record(&latency, now - c->began);
  if (count == &own->good) {
    if (last_good != 0 && now - last_good > longest_gap) longest_gap = now - last_good;
    last_good = now;
  } else {
    last_bad = now;
  }
  if (count == &own->wrong) example(c, "wrong answer");
  if (count == &own->unanswered) example(c, "no answer");
  int is_fresh = o.fresh > 0 && next_random() % 100 < o.fresh;
  if (!keeps || c->closes || is_fresh || c->upload_sent < c->kind->upload) hang_up(c, 0);
  else push_idle(c);
}

/// The connection ended under a request.
static void end_early(Conn *c) {
  Count *own = count_of(c);
  end(c, c->left >= 0 || c->used > 0 ? &own->cut : &own->unanswered, 0);
}

/// A whole answer is here.
static void judge(Conn *c) {
  Count *own = count_of(c);
  if (c->reason >= 0) {
    c->local[c->body < LOCAL_MAX - 1 ? c->body : LOCAL_MAX - 1] = 0;
    int tells = strstr(c->local, reasons[c->reason]) != NULL;
    end(c, tells && !c->is_ours ? &own->refused[c->reason] : &own->wrong, 1);
  } else if (!c->is_ours || c->body != c->kind->answer) {
    end(c, &own->wrong, 0);
  } else {
    end(c, c->status == 200 ? &own->good : &own->backend, 1);
  }
}

static int number_of_reason(const char *text) {
  char word[40];
  snprintf(word, sizeof word, "%.*s", (int)strcspn(text, "\r\n"), text);
  for (uint64_t i = 0; i < reason_count; i++) {
    if (strcmp(word, reasons[i]) == 0) return (int)i;
  }
  if (reason_count == REASONS) die("client: more than %d reasons", REASONS);
  strcpy(reasons[reason_count], word);
  return (int)reason_count++;
}

static void read_head(Conn *c) {
  const char *mark = field(c->head, "x-mark:"), *intact = field(c->head, "x-intact:");
  const char *reason = field(c->head, "x-gateway-reason:");
  const char *connection = field(c->head, "connection:");
  c->status = atoi(c->head + 9);
  if (c->status >= 0 && c->status < STATUSES) statuses[c->status]++;
  c->is_ours = mark != NULL && strtoull(mark, NULL, 16) == c->mark &&
               intact != NULL && *intact == '1';
  c->reason = reason != NULL ? number_of_reason(reason) : -1;
  c->closes = connection != NULL && strncasecmp(connection, "close", 5) == 0;
  c->is_chunked = field(c->head, "transfer-encoding:") != NULL;
  c->left = c->is_chunked ? 0 : content_length(c->head);
  c->chunk_state = 0;
  c->body = 0;
}

/// Bytes of the body. False = they are not those that were asked for.
static int take_body(Conn *c, const uint8_t *bytes, size_t count) {
  if (c->reason >= 0) {
    for (size_t i = 0; i < count && c->body + i < LOCAL_MAX - 1; i++) {
      c->local[c->body + i] = (char)bytes[i];
    }
  } else if (!is_pattern(c->mark, c->body, bytes, count)) {
    return 0;
  }
  c->body += count;
  return 1;
}

enum { MORE, WHOLE, WRONG };

/// Takes bytes of a chunked body; `*used` of them belong to it.
static int take_chunks(Conn *c, const uint8_t *bytes, size_t count, size_t *used) {
  for (*used = 0; *used < count;) {
    if (c->chunk_state == 1) {
      size_t part = (size_t)c->left < count - *used ? (size_t)c->left : count - *used;
      if (!take_body(c, bytes + *used, part)) return WRONG;
      *used += part;
      c->left -= (int64_t)part;
      if (c->left == 0) c->chunk_state = 2;
      continue;
    }
    uint8_t byte = bytes[(*used)++];
    if (c->chunk_state == 0 && byte == '\n') {
      c->chunk_state = c->left == 0 ? 3 : 1;
    } else if (c->chunk_state == 0 && byte != '\r') {
      int digit = byte <= '9' ? byte - '0' : (byte | 32) - 'a' + 10;
      if (digit < 0 || digit > 15 || c->left > 1 << 24) return WRONG;
      c->left = c->left * 16 + digit;
    } else if (c->chunk_state == 2 && byte == '\n') {
      c->chunk_state = 0;
      c->left = 0;
    } else if (c->chunk_state == 3 && byte == '\n') {
      return WHOLE;  // these backends send no trailers
    }
  }
  return MORE;
}

/// Takes bytes of the answer. Gives how many of them belonged to it; -1 = over, whatever follows.
static ssize_t take(Conn *c, const uint8_t *bytes, size_t count) {
  size_t used = 0;
  while (c->left < 0 && used < count) {
    if (c->used == HEAD_MAX - 1) return end(c, &count_of(c)->wrong, 0), -1;
    c->head[c->used++] = (char)bytes[used++];
    if (c->used < 4 || memcmp(c->head + c->used - 4, "\r\n\r\n", 4) != 0) continue;
    c->head[c->used] = 0;
    read_head(c);
    if (c->left < 0) return end(c, &count_of(c)->wrong, 0), -1;
    if (!c->is_chunked && c->left == 0) return judge(c), (ssize_t)used;
  }
  if (used == count) return (ssize_t)used;
  if (c->is_chunked) {
    size_t part = 0;
    int result = take_chunks(c, bytes + used, count - used, &part);
    if (result == WRONG) return end(c, &count_of(c)->wrong, 0), -1;
    if (result == WHOLE) judge(c);
    return (ssize_t)(used + part);
  }
  size_t part = (size_t)c->left < count - used ? (size_t)c->left : count - used;
  if (!take_body(c, bytes + used, part)) return end(c, &count_of(c)->wrong, 0), -1;
  c->left -= (int64_t)part;
  if (c->left == 0) judge(c);
  return (ssize_t)(used + part);
}

/// Something comes, or the end, while nothing is asked. The connection stays in the ring and is
/// opened again when its turn comes.
static void end_idle(Conn *c, uint8_t *bytes, ssize_t count) {
  close(c->fd);
  c->fd = -1;
  if (count <= 0) {
    idle_ends++;
    return;
  }
  // At its limits the gateway may tell a connection at once that it is not wanted; anything else is
  // an answer to nothing.
  bytes[count] = 0;
  const char *reason = field((char *)bytes, "x-gateway-reason:");
  if (c->is_new && reason != NULL && strncmp(reason, "overloaded", 10) == 0) {
    turned_away++;
  } else {
    count_of(c)->wrong++;
    example(c, "bytes that nobody asked for");
  }
}

static void read_from(Conn *c) {
  static uint8_t buffer[1 << 18];
  while (c->fd >= 0) {
    ssize_t n = recv(c->fd, buffer, sizeof buffer - 1, 0);
    if (n < 0 && errno == EAGAIN) return;
    if (c->state == IDLE) return end_idle(c, buffer, n);
    if (n <= 0) return end_early(c);
    ssize_t used = take(c, buffer, (size_t)n);
    if (used >= 0 && used < n && c->state != BUSY) {
      count_of(c)->wrong++;
      example(c, "bytes after the answer");
    }
  }
}

static void send_on(Conn *c) {
  while (c->request_sent < c->request_length) {
    ssize_t n = send(c->fd, c->request + c->request_sent, c->request_length - c->request_sent,
                     c->kind->upload > 0 ? MSG_MORE : 0);
    if (n <= 0) return;  // an end is seen by reading
    c->request_sent += (uint32_t)n;
  }
  uint8_t piece[16384];
  while (c->upload_sent < c->kind->upload) {
    uint64_t left = c->kind->upload - c->upload_sent;
    size_t part = left < sizeof piece ? (size_t)left : sizeof piece;
    write_pattern(c->mark ^ UPLOAD_MARK, c->upload_sent, piece, part);
    ssize_t n = send(c->fd, piece, part, 0);
    if (n <= 0) return;
    c->upload_sent += (uint64_t)n;
  }
}

static const Kind *draw(void) {
  uint64_t at = next_random() % mix_total;
  for (int i = 0; i < KINDS; i++) {
    if (at < o.mix[i]) return &kinds[i];
    at -= o.mix[i];
  }
  return &kinds[0];
}

static void open_connection(Conn *c) {
  c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (c->fd < 0) die("client: %s", strerror(errno));
  set_nodelay(c->fd);
  struct sockaddr_in a = loopback(o.port);
  c->state = CONNECTING;
  c->is_new = 1;
  c->began = now_ns();
  if (connect(c->fd, (struct sockaddr *)&a, sizeof a) != 0 && errno != EINPROGRESS) {
    unconnected++;
    return hang_up(c, 50000000);
  }
  struct epoll_event e = {.events = EPOLLIN | EPOLLOUT | EPOLLET | EPOLLRDHUP, .data.ptr = c};
  epoll_ctl(poller, EPOLL_CTL_ADD, c->fd, &e);
}

static void begin(Conn *c) {
  c->kind = draw();
  c->mark = next_random();
  c->state = BUSY;
  c->is_new = 0;
  c->began = now_ns();
  c->left = -1;
  c->used = c->request_sent = 0;
  c->upload_sent = c->body = 0;
  c->status = c->closes = c->is_ours = 0;
  c->reason = -1;
  int n = sprintf(c->request, "%s %s%s%llu HTTP/1.1\r\nHost: a.example\r\nX-Mark: %016llx\r\n%s",
                  c->kind->method, o.prefix, c->kind->prefix, (unsigned long long)c->kind->answer,
                  (unsigned long long)c->mark, c->kind->field);
  if (c->kind->upload > 0) {
    n += sprintf(c->request + n, "Content-Length: %llu\r\n", (unsigned long long)c->kind->upload);
  }
  n += sprintf(c->request + n, "\r\n");
  c->request_length = (uint32_t)n;
  count_of(c)->sent++;
  busy_count++;
  send_on(c);
}

/// Begins what is due, on the connections that have rested longest.
static uint64_t begin_due(uint64_t began, uint64_t begun) {
  uint64_t due = o.rate <= 0 ? UINT64_MAX
                             : (uint64_t)((double)(now_ns() - began) / 1e9 * o.rate) + 1;
  // Who could not send in time does not send all of it at once later.
  if (o.rate > 0 && due > begun + (uint64_t)o.connections) begun = due - (uint64_t)o.connections;
  while (idle_count > 0 && begun < due) {
    Conn *c = &conns[idle[idle_from]];
    idle_from = (idle_from + 1) % (uint32_t)o.connections;
    idle_count--;
    if (c->fd < 0) {
      c->state = CLOSED;
      c->again = 0;
      continue;
    }
    begin(c);
    begun++;
  }
  return begun;
}

static void connected(Conn *c) {
  int error = 0;
  socklen_t size = sizeof error;
  getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &size);
  if (error != 0) {
    unconnected++;
    return hang_up(c, 50000000);
  }
  push_idle(c);
  read_from(c);  // what came together with the connection is not told again
}

/// Opens what is closed, and gives up what takes too long.
static void look_after(uint64_t now) {
  uint64_t patience = (uint64_t)(o.patience * 1e9);
  for (int i = 0; i < o.connections; i++) {
    Conn *c = &conns[i];
    if (c->state == CLOSED && now >= c->again && !is_over) open_connection(c);
    else if (c->state == BUSY && now - c->began > patience) end_early(c);
  }
}

static void drive(void) {
  struct epoll_event ready[256];
  uint64_t began = now_ns(), stop = began + (uint64_t)(o.seconds * 1e9), begun = 0;
  for (uint64_t look = 0;;) {
    uint64_t now = now_ns();
    if (now >= stop) is_over = 1;
    if (is_over && busy_count == 0) return;
    if (now >= look) {
      look_after(now);
      look = now + 5000000;
    }
    if (!is_over) begun = begin_due(began, begun);
    int n = epoll_wait(poller, ready, 256, 1);
    for (int i = 0; i < n; i++) {
      Conn *c = ready[i].data.ptr;
      if (c->state == CONNECTING) {
        connected(c);
        continue;
      }
      if (c->state == BUSY && (ready[i].events & EPOLLOUT)) send_on(c);
      if (c->fd >= 0) read_from(c);
    }
  }
}

static void print_count(int kind) {
  Count *c = &counts[kind];
  printf("%s\"%s\": {\"sent\": %llu, \"good\": %llu, \"backend\": %llu, \"cut\": %llu, "
         "\"unanswered\": %llu, \"wrong\": %llu, \"refused\": {", kind > 0 ? ", " : "",
         kinds[kind].name, (unsigned long long)c->sent, (unsigned long long)c->good,
         (unsigned long long)c->backend, (unsigned long long)c->cut,
         (unsigned long long)c->unanswered, (unsigned long long)c->wrong);
  for (uint64_t i = 0, written = 0; i < reason_count; i++) {
    if (c->refused[i] == 0) continue;
    printf("%s\"%s\": %llu", written++ > 0 ? ", " : "", reasons[i],
           (unsigned long long)c->refused[i]);
  }
  printf("}}");
}

static void print_all(uint64_t began) {
  printf("{\"kinds\": {");
  for (int i = 0; i < KINDS; i++) print_count(i);
  printf("}, \"statuses\": {");
  for (int i = 0, written = 0; i < STATUSES; i++) {
    if (statuses[i] == 0) continue;
    printf("%s\"%d\": %llu", written++ > 0 ? ", " : "", i, (unsigned long long)statuses[i]);
  }
  printf("}, \"examples\": [");
  for (uint64_t i = 0; i < example_count; i++) printf("%s\"%s\"", i > 0 ? ", " : "", examples[i]);
  printf("], \"unconnected\": %llu, \"turned_away\": %llu, \"idle_ends\": %llu, "
         "\"last_bad_s\": %.3f, \"longest_gap_ms\": %.1f, \"p50_ms\": %.3f, \"p99_ms\": %.3f, "
         "\"max_ms\": %.3f, "
         "\"seconds\": %.3f}\n",
         (unsigned long long)unconnected, (unsigned long long)turned_away,
         (unsigned long long)idle_ends,
         last_bad == 0 ? 0.0 : (double)(last_bad - began) / 1e9, (double)longest_gap / 1e6,
         percentile_ns(&latency, 0.5) / 1e6, percentile_ns(&latency, 0.99) / 1e6,
         (double)latency.worst / 1e6, (double)(now_ns() - began) / 1e9);
}

static void read_mix(char *text) {
  memset(o.mix, 0, sizeof o.mix);
  for (char *part = strtok(text, ","); part != NULL; part = strtok(NULL, ",")) {
    char *value = strchr(part, ':');
    int found = 0;
    if (value != NULL) *value++ = 0;
    while (found < KINDS && strcmp(part, kinds[found].name) != 0) found++;
    if (found == KINDS) die("client: no kind %s", part);
    o.mix[found] = value != NULL ? (uint32_t)atoi(value) : 1;
  }
}

static void read_options(int argc, char **argv) {
  static const struct option options[] = {
      {"port", 1, 0, 'p'}, {"connections", 1, 0, 'c'}, {"rate", 1, 0, 'r'}, {"seconds", 1, 0, 's'},
      {"mix", 1, 0, 'm'}, {"patience", 1, 0, 'w'}, {"fresh", 1, 0, 'f'},
      {"prefix", 1, 0, 'P'}, {0}};
  int flag;
  while ((flag = getopt_long(argc, argv, "", options, NULL)) != -1) {
    switch (flag) {
      case 'p': o.port = atoi(optarg); break;
      case 'c': o.connections = atoi(optarg); break;
      case 'r': o.rate = atof(optarg); break;
      case 's': o.seconds = atof(optarg); break;
      case 'm': read_mix(optarg); break;
      case 'w': o.patience = atof(optarg); break;
      case 'f': o.fresh = (uint32_t)atoi(optarg); break;
      case 'P': o.prefix = optarg; break;
      default: exit(64);
    }
  }
  for (int i = 0; i < KINDS; i++) mix_total += o.mix[i];
  if (o.port == 0 || o.connections < 1 || o.connections > 19000 || o.seconds <= 0 ||
      mix_total == 0) {
    die("client: see the file's head");
  }
}

static void stop_sending(int number) {
  (void)number;
  is_over = 1;
}

int main(int argc, char **argv) {
  settle_in();
  signal(SIGTERM, stop_sending);
  read_options(argc, argv);
  // Marks of two clients must not meet.
  seed = now_ns() ^ (uint64_t)getpid() << 40;
  poller = epoll_create1(EPOLL_CLOEXEC);
  conns = calloc((size_t)o.connections, sizeof *conns);
  idle = calloc((size_t)o.connections, sizeof *idle);
  for (int i = 0; i < o.connections; i++) {
    conns[i].fd = -1;
    conns[i].number = (uint32_t)i;
    conns[i].kind = &kinds[0];
  }
  uint64_t began = now_ns();
  drive();
  print_all(began);
  return 0;
}
