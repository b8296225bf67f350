// Why this file exists: every body says byte by byte which request it belongs to, so that one that
// is mixed up, shifted, shortened or shown twice cannot pass for the right one.
#ifndef FAULTS_PATTERN_H
#define FAULTS_PATTERN_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/// A request's body is that of another mark than its answer's.
static const uint64_t UPLOAD_MARK = 0x5DEECE66D0F0F0F1u;

/// SplitMix64's output function (Steele, Lea, Flood 2014): neighbours differ in half of their bits.
static inline uint64_t mixed(uint64_t x) {
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
  return x ^ (x >> 31);
}

/// The bytes from `offset` on of the body that belongs to `mark`.
static inline void write_pattern(uint64_t mark, uint64_t offset, uint8_t *into, size_t count) {
  size_t done = 0;
  while (done < count) {
    uint64_t at = offset + done, word = mixed(mark + (at / 8) * 0x9E3779B97F4A7C15u);
    size_t from = at % 8, part = 8 - from < count - done ? 8 - from : count - done;
    word >>= 8 * from;
    memcpy(into + done, &word, part);
    done += part;
  }
}

/// Whether these are the bytes from `offset` on.
static inline int is_pattern(uint64_t mark, uint64_t offset, const uint8_t *bytes, size_t count) {
  uint8_t wanted[4096];
  for (size_t done = 0; done < count;) {
    size_t part = count - done < sizeof wanted ? count - done : sizeof wanted;
    write_pattern(mark, offset + done, wanted, part);
    if (memcmp(wanted, bytes + done, part) != 0) return 0;
    done += part;
  }
  return 1;
}

/// The value of a field in a complete head that ends with a NUL, or NULL. `name` with its colon.
static inline const char *field(const char *head, const char *name) {
  size_t length = strlen(name);
  for (const char *line = strchr(head, '\n'); line != NULL; line = strchr(line, '\n')) {
    line++;
    if (strncasecmp(line, name, length) != 0) continue;
    line += length;
    return *line == ' ' ? line + 1 : line;
  }
  return NULL;
}

#endif
