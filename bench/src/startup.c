// Why this file exists: the time from exec to the first proxied answer. It is its own program
// because an orchestrator in Python is slower than what it would measure.
//
//   startup PORT CORE COMMAND [ARGUMENT…]     prints microseconds, then ends the command
#include "net.h"

#include <poll.h>
#include <sched.h>
#include <sys/wait.h>

enum { PATIENCE_S = 20 };

/// True when a whole 200 came back on a fresh connection.
static int answered(int port, const char *request, int length) {
  int fd = connect_to(port);
  if (fd < 0) return 0;
  char head[4096] = "";
  struct pollfd p = {.fd = fd, .events = POLLIN};
  ssize_t n = -1;
  if (send(fd, request, (size_t)length, 0) == length && poll(&p, 1, 2000) > 0) {
    n = recv(fd, head, sizeof head - 1, 0);
  }
  close(fd);
  return n > 0 && strncmp(head, "HTTP/1.1 200", 12) == 0;
}

int main(int argc, char **argv) {
  if (argc < 4) die("usage: startup PORT CORE COMMAND [ARGUMENT...]");
  settle_in();
  int port = atoi(argv[1]);
  cpu_set_t core;
  CPU_ZERO(&core);
  CPU_SET(atoi(argv[2]), &core);
  char request[1024];
  int length = write_request(request, sizeof request, "/b/128", 0);
  uint64_t began = now_ns(), deadline = began + PATIENCE_S * 1000000000ull;
  pid_t child = fork();
  if (child == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    sched_setaffinity(0, sizeof core, &core);
    dup2(2, 1);  // standard output is for our own figure
    execvp(argv[3], argv + 3);
    die("startup: %s: %s", argv[3], strerror(errno));
  }
  uint64_t took = 0;
  while (took == 0 && now_ns() < deadline) {
    if (answered(port, request, length)) took = now_ns() - began;
    else usleep(100);
    if (waitpid(child, NULL, WNOHANG) == child) die("startup: %s ended by itself", argv[3]);
  }
  kill(child, SIGTERM);
  for (int i = 0; i < 500 && waitpid(child, NULL, WNOHANG) == 0; i++) {
    if (i == 400) kill(child, SIGKILL);
    usleep(10000);
  }
  if (took == 0) die("startup: no answer in %d s", PATIENCE_S);
  printf("%.0f\n", (double)took / 1000.0);
  return 0;
}
