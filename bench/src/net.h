// Why this file exists: the few socket helpers that every load program of the benchmark needs, so
// that each program holds only what it is about. Everything talks over 127.0.0.1.
#ifndef BENCH_NET_H
#define BENCH_NET_H

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { HEAD_MAX = 16384 };

/// Says what went wrong in one line and ends the program: a benchmark with an error has no result.
static inline void die(const char *format, ...) {
  va_list values;
  va_start(values, format);
  vfprintf(stderr, format, values);
  va_end(values);
  fputc('\n', stderr);
  exit(1);
}

static inline uint64_t now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/// What every program does first: no SIGPIPE, all descriptors the hard limit allows, and an end
/// when the orchestrator that started it ends.
static inline void settle_in(void) {
  signal(SIGPIPE, SIG_IGN);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
  }
}

/// 127.0.0.1, or the address that stands so many places behind it.
static inline struct sockaddr_in loopback_behind(int port, uint32_t place) {
  struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  a.sin_addr.s_addr = htonl(INADDR_LOOPBACK + place);
  return a;
}

static inline struct sockaddr_in loopback(int port) { return loopback_behind(port, 0); }

static inline void set_nodelay(int fd) {
  int one = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
}

static inline int listen_behind(int port, uint32_t place) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  int one = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  struct sockaddr_in a = loopback_behind(port, place);
  if (bind(fd, (struct sockaddr *)&a, sizeof a) != 0) die("port %d: %s", port, strerror(errno));
  if (listen(fd, 4096) != 0) die("listen on %d: %s", port, strerror(errno));
  return fd;
}

static inline int listen_on(int port) { return listen_behind(port, 0); }

/// A connected non-blocking socket, or -1. The connect itself blocks: on loopback it is at once.
static inline int connect_to(int port) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  struct sockaddr_in a = loopback(port);
  if (connect(fd, (struct sockaddr *)&a, sizeof a) != 0) {
    close(fd);
    return -1;
  }
  set_nodelay(fd);
  fcntl(fd, F_SETFL, O_NONBLOCK);
  return fd;
}

/// The value of Content-Length in a complete head, or -1. `head` must end with a NUL.
static inline int64_t content_length(const char *head) {
  const char *line = head;
  while ((line = strchr(line, '\n')) != NULL) {
    line += 1;
    if (strncasecmp(line, "content-length:", 15) == 0) return strtoll(line + 15, NULL, 10);
  }
  return -1;
}

/// The request every load program sends: the fields an API client commonly sends.
static inline int write_request(char *into, size_t size, const char *path, uint64_t upload) {
  int n = snprintf(into, size,
                   "%s %s HTTP/1.1\r\nHost: api.example.com\r\n"
                   "User-Agent: Mozilla/5.0 (X11; Linux x86_64) bench/1.0\r\n"
                   "Accept: application/json\r\nAccept-Encoding: gzip, deflate\r\n"
                   "Accept-Language: en-US,en;q=0.9\r\n",
                   upload > 0 ? "POST" : "GET", path);
  if (upload > 0) {
    n += snprintf(into + n, size - (size_t)n, "Content-Length: %llu\r\n",
                  (unsigned long long)upload);
  }
  n += snprintf(into + n, size - (size_t)n, "\r\n");
  return n;
}

#endif
