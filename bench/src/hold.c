// Why this file exists: ten thousand clients that keep their connection and do nothing. Each makes
// one request, so that the measured program has done for it all it ever does, and then stays.
//
//   hold PORT COUNT     prints "held", and lets go when its input ends (or after 60 s)
#include "net.h"

#include <poll.h>

/// One request and its whole answer on a connection; blocking is fine, they come one after another.
static void ask_once(int fd, const char *request, int length) {
  char head[HEAD_MAX];
  size_t used = 0;
  if (send(fd, request, (size_t)length, 0) != length) die("hold: %s", strerror(errno));
  for (;;) {
    struct pollfd p = {.fd = fd, .events = POLLIN};
    if (poll(&p, 1, 10000) <= 0) die("hold: no answer in 10 s");
    ssize_t n = recv(fd, head + used, sizeof head - 1 - used, 0);
    if (n <= 0) die("hold: connection closed");
    used += (size_t)n;
    head[used] = 0;
    char *end = strstr(head, "\r\n\r\n");
    if (end == NULL) continue;
    if (strncmp(head, "HTTP/1.1 200", 12) != 0) die("hold: unexpected answer: %.60s", head);
    if ((int64_t)used >= (end + 4 - head) + content_length(head)) return;
  }
}

int main(int argc, char **argv) {
  if (argc != 3) die("usage: hold PORT COUNT");
  settle_in();
  int port = atoi(argv[1]), count = atoi(argv[2]);
  char request[1024];
  int length = write_request(request, sizeof request, "/b/128", 0);
  for (int i = 0; i < count; i++) {
    int fd = connect_to(port);
    if (fd < 0) die("hold: connection %d: %s", i + 1, strerror(errno));
    ask_once(fd, request, length);
  }
  printf("held\n");
  fflush(stdout);
  struct pollfd p = {.fd = 0, .events = POLLIN};
  poll(&p, 1, 60000);
  return 0;
}
