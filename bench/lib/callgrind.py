# Why this file exists: the counts come from callgrind's own files, read here, because only they
# hold the number of calls of each function beside its instructions.
"""Reads callgrind.out files and takes the difference of two runs."""

import re

ALLOCATORS = {
  "malloc", "calloc", "realloc", "memalign", "posix_memalign", "aligned_alloc", "mmap",
}
RELEASERS = {"free"}
RETAINS = re.compile(
  r"swift_(nonatomic_|bridgeObject|unknownObject|nonatomic_bridgeObject)?[rR](etain|elease)(_n)?$")
INDEX = re.compile(r"\((\d+)\)(?: (.*))?")


class Profile:
  """Instructions in total and per function, and how often each function was called."""

  def __init__(self):
    self.total = 0
    self.self_cost = {}
    self.calls = {}

  def minus(self, other):
    result = Profile()
    result.total = self.total - other.total
    for name in ("self_cost", "calls"):
      ours, theirs = getattr(self, name), getattr(other, name)
      setattr(result, name, {key: value - theirs.get(key, 0) for key, value in ours.items()})
    return result

  def add(self, other):
    """Another thread's profile beside this one."""
    self.total += other.total
    for name in ("self_cost", "calls"):
      ours = getattr(self, name)
      for key, value in getattr(other, name).items():
        ours[key] = ours.get(key, 0) + value

  def calls_of(self, wanted):
    """Calls of every function whose name `wanted` accepts."""
    return sum(count for (_, name), count in self.calls.items() if wanted(name))


class _Names:
  """callgrind writes a name once, with a number, and the number alone from then on."""

  def __init__(self):
    self.known = {}

  def resolve(self, text):
    match = INDEX.match(text)
    if match is None:
      return text
    if match.group(2) is not None:
      self.known[match.group(1)] = match.group(2)
    return self.known.get(match.group(1), text)


def _plain(function):
  """Recursion levels are written as a suffix; they are the same function."""
  return re.sub(r"'\d+$", "", function)


def read(path):
  """The profile of one callgrind.out file (events: Ir)."""
  profile, functions, objects = Profile(), _Names(), _Names()
  here = called = ("", "")
  object_name = called_object = ""
  callee_line = False
  with open(path, errors="replace") as f:
    for line in f:
      if line[0].isdigit() or line[0] in "+-*":
        cost = line.split()
        if callee_line:  # inclusive cost of the call just named: not this function's own
          callee_line = False
        elif len(cost) > 1:
          profile.self_cost[here] = profile.self_cost.get(here, 0) + int(cost[1])
        continue
      key, _, value = line.rstrip("\n").partition("=")
      if key == "fn":
        here = (object_name, _plain(functions.resolve(value)))
        called_object = object_name
      elif key == "cfn":
        called = (called_object, _plain(functions.resolve(value)))
      elif key == "ob":
        object_name = called_object = objects.resolve(value)
      elif key == "cob":
        called_object = objects.resolve(value)
      elif key == "calls":
        profile.calls[called] = profile.calls.get(called, 0) + int(value.split()[0])
        callee_line = True
        called_object = object_name
  profile.total = sum(profile.self_cost.values())
  return profile
