// Why this file exists: a wall clock that jumps for one process. The machine's own is nobody's to
// set, and time namespaces know only clocks that do not jump.
//
// Loaded before the C library; adds to the wall clock what stands in the file that FAULTS_CLOCK
// names: one signed 64-bit number of nanoseconds, which may change at any time.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static int (*real_clock_gettime)(clockid_t, struct timespec *);
static volatile const int64_t *shift;

__attribute__((constructor)) static void open_clock(void) {
  real_clock_gettime = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
  const char *path = getenv("FAULTS_CLOCK");
  int file = path != NULL ? open(path, O_RDONLY | O_CLOEXEC) : -1;
  if (file < 0) return;
  void *page = mmap(NULL, sizeof *shift, PROT_READ, MAP_SHARED, file, 0);
  if (page != MAP_FAILED) shift = page;
  close(file);
}

int clock_gettime(clockid_t clock, struct timespec *into) {
  if (real_clock_gettime == NULL) open_clock();
  int result = real_clock_gettime(clock, into);
  int is_wall = clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE;
  if (result != 0 || shift == NULL || !is_wall) return result;
  int64_t at = (int64_t)into->tv_sec * 1000000000 + into->tv_nsec + *shift;
  into->tv_sec = at / 1000000000;
  into->tv_nsec = at % 1000000000;
  return 0;
}

int gettimeofday(struct timeval *restrict into, void *restrict zone) {
  (void)zone;
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  into->tv_sec = now.tv_sec;
  into->tv_usec = now.tv_nsec / 1000;
  return 0;
}

time_t time(time_t *into) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  if (into != NULL) *into = now.tv_sec;
  return now.tv_sec;
}
