# Why this file exists: picking among a thousand backends must cost what picking among ten does. The
# gateway is set up once for each balancer and each number of backends, and its instructions are
# counted as for a plain request.
"""Instructions per request, by balancer and number of backends."""

from dataclasses import dataclass

import counts

POLICIES = (
  "round_robin", "weighted_round_robin", "least_connections", "power_of_two", "peak_ewma",
  "consistent_hash", "maglev")


@dataclass(frozen=True)
class Size:
  """So many backends; counted between two numbers of requests. By the first of them every backend
  has been met: those that draw at random leave out one of a thousand in 10,000 draws with a
  chance of one in 22,000, and a connection made within the span would be counted with it."""
  backends: int
  short: int
  long: int


FEW, MANY = Size(10, 500, 2500), Size(1000, 10000, 12000)
SIZES = (FEW, MANY)


def key(policy, size):
  return f"instructions/{policy}/{size.backends}"


def growth_key(policy):
  return f"growth/{policy}"


def rows(count_pattern):
  """The rows of the table: what a request costs, and how that grows from few to many backends."""
  found = []
  for policy in POLICIES:
    found += [(key(policy, s), f"{policy}, {s.backends:,} backends", count_pattern) for s in SIZES]
    found.append((growth_key(policy), f"{policy}, the one over the other", "{:.2f}"))
  return found


def measure(bed, program, config_of, say):
  """Values by key. `config_of(policy, backends)` gives what a place's configuration is made by."""
  values = {}
  for policy in POLICIES:
    for size in SIZES:
      say(f"balancers: {policy}, {size.backends:,} backends")
      config = config_of(policy, size.backends)
      long = counts.profile(bed, program, size.long, config)
      difference = long.minus(counts.profile(bed, program, size.short, config))
      values[key(policy, size)] = difference.total / (size.long - size.short)
    values[growth_key(policy)] = values[key(policy, MANY)] / values[key(policy, FEW)]
  return values
