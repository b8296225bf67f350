# Why this file exists: a limiter must not become slower because somebody makes up keys. The gateway
# has one limit with room for a million keys, and its instructions are counted as for a plain
# request: while one client sends everything, and while every request is a new client's, so that
# each is looked for in vain and given a place.
"""Instructions per request under a rate limit, by the number of its keys."""

import counts

ONE, MILLION = 1, 1_000_000


def key(keys):
  return f"instructions/limits/{keys}"


GROWTH = "growth/limits"


def rows(count_pattern):
  """The rows of the table."""
  return [
    (key(ONE), "all requests one client's", count_pattern),
    (key(MILLION), "each a new client's, of 1,000,000", count_pattern),
    (GROWTH, "the one over the other", "{:.2f}"),
  ]


def measure(bed, program, short, long, say):
  """Values by key."""
  values = {}
  for keys in (ONE, MILLION):
    say(f"limits: {keys:,} keys")
    more = ("--keys", keys)
    difference = counts.profile(bed, program, long, more=more).minus(
      counts.profile(bed, program, short, more=more))
    values[key(keys)] = difference.total / (long - short)
  values[GROWTH] = values[key(MILLION)] / values[key(ONE)]
  return values
