// Why this file exists: percentiles of many latencies without keeping each of them.
#ifndef BENCH_HISTOGRAM_H
#define BENCH_HISTOGRAM_H

#include <stdint.h>

enum { BUCKETS = 64 * 64 };

/// Log-linear buckets: 64 per power of two, so a percentile is exact to 1.6 %.
typedef struct {
  uint64_t buckets[BUCKETS], count, worst;
} Histogram;

static inline void record(Histogram *h, uint64_t ns) {
  if (ns > h->worst) h->worst = ns;
  uint64_t v = ns < 64 ? 64 : ns;
  uint32_t top = 63 - (uint32_t)__builtin_clzll(v);
  h->buckets[(top - 6) * 64 + ((v >> (top - 6)) & 63)] += 1;
  h->count++;
}

static inline double percentile_ns(const Histogram *h, double share) {
  uint64_t wanted = (uint64_t)(share * (double)h->count), seen = 0;
  for (uint32_t i = 0; i < BUCKETS; i++) {
    seen += h->buckets[i];
    if (seen > wanted) return (double)((64ull + i % 64) << (i / 64));
  }
  return (double)h->worst;
}

#endif
