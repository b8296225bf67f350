# Why this file exists: the one place where a measured value meets what it may cost.
"""Verdicts on the gateway's values against bench/budgets.json."""

import json
from dataclasses import dataclass
from typing import Optional

OK, NEAR, OVER = "ok", "near", "over"


@dataclass(frozen=True)
class Verdict:
  word: str                 # ok, near (worse by less than the measure's noise), over
  target: str
  share: Optional[float]    # of the better peer
  is_held: bool = False     # over its target, but no worse than what was reached before


def load(path):
  with open(path) as f:
    return {name: keys for name, keys in json.load(f).items() if name != "_"}


def _better_peer(budget, peer_values):
  if not peer_values:
    return None
  return min(peer_values) if "max_share" in budget else max(peer_values)


def judge(budget, value, peer_values, plain=None):
  """The verdict on one value, or None when there is nothing to compare it with.

  Counts are compared as they are shown, to two decimals: a timer that allocates once in a
  thousand requests is not an allocation per request.
  """
  if budget is None or value is None:
    return None
  if "max_growth" in budget:
    if not plain:
      return None
    growth = value / plain
    word = OK if growth <= budget["max_growth"] else OVER
    return Verdict(word, f"≤ {budget['max_growth']:.2f} of plain", growth)
  if "max" in budget:
    limit = budget["max"]
    word = OK if round(value, 2) <= limit else OVER
    return Verdict(word, f"≤ {limit:,g}", None, value <= budget.get("held", limit))
  better = _better_peer(budget, peer_values)
  if not better:
    return None
  share, noise = value / better, budget.get("noise", 0)
  if "max_share" in budget:
    excess, target = share - budget["max_share"], f"≤ {budget['max_share']:.2f}"
  else:
    excess, target = budget["min_share"] - share, f"≥ {budget['min_share']:.2f}"
  word = OK if excess <= 0 else NEAR if excess <= noise else OVER
  return Verdict(word, target, share)


def verdicts(budgets, values, peers, plain=None):
  """{key: Verdict} for one scenario; `values` is {program: {key: value}}, `plain` the gateway's
  values in the plain scenario of the same run, where it was measured."""
  result = {}
  for key, value in values.get("gateway", {}).items():
    peer_values = [values[p][key] for p in peers if values.get(p, {}).get(key) is not None]
    verdict = judge(budgets.get(key), value, peer_values, (plain or {}).get(key))
    if verdict is not None:
      result[key] = verdict
  return result
