# Why this file exists: the figures that do not depend on what else the machine does. Instructions,
# calls and system calls of one request, by the difference of two run lengths: start, end and the
# opening of connections cancel out. They are what CI can hold a change to.
"""Counts per request: callgrind for instructions and calls, strace for system calls."""

import glob
import os
import tempfile

import callgrind
from children import BenchError, Child

CONNECTIONS = 16  # keep-alive clients, one request in flight at a time
# Of a program with a control thread: that one, and the one that writes diagnostics, come first, in this order.
BESIDE_REQUESTS = 2


def _counted_load(bed, place, requests, more=()):
  return bed.load(
    place, "--connections", CONNECTIONS, "--in-flight", 1, "--requests", requests,
    "--path", "/b/128", *more, seconds=150)


def profile(bed, program, requests, config=None, more=()):
  """One run under callgrind, ended, read."""
  out = os.path.join(tempfile.mkdtemp(dir=bed.directory), "callgrind")
  wrapper = ("valgrind", "--tool=callgrind", f"--callgrind-out-file={out}", "--quiet")
  if program.has_control_thread:
    wrapper += ("--separate-threads=yes",)
  child, place = bed.start(program, wrapper, bed.stripped(program), seconds=90, config=config)
  try:
    _counted_load(bed, place, requests, more)
  finally:
    child.stop(seconds=60)
  counted = _read(program, out)
  if counted.total == 0:
    raise BenchError(f"callgrind counted nothing for {program.title}: {child.last_words()}")
  return counted


def _read(program, out):
  """What one request costs is counted in the threads that it passes through: what another does ten
  times a second, or at a start, would be counted by how slow valgrind is."""
  if not program.has_control_thread:
    return callgrind.read(out)
  profile = callgrind.Profile()
  for path in sorted(glob.glob(glob.escape(out) + "-*"))[BESIDE_REQUESTS:]:
    profile.add(callgrind.read(path))
  return profile


def _system_calls(bed, program, requests):
  """One run under strace: {name: calls}; as of instructions, only of the threads that a request
  passes through."""
  out = os.path.join(bed.directory, f"{program.name}-{requests}.strace")
  how = ("-ff",) if program.has_control_thread else ("-f", "-c")
  child, place = bed.start(program, ("strace", *how, "-o", out))
  try:
    _counted_load(bed, place, requests)
  finally:
    child.stop(seconds=30)
  if not program.has_control_thread:
    return read_strace(out)
  threads = sorted(glob.glob(glob.escape(out) + ".*"), key=lambda path: int(path.split(".")[-1]))
  return read_traces(threads[BESIDE_REQUESTS:])


def read_traces(paths):
  """A line for each call: `name(arguments) = result`; signals and ends begin with marks."""
  calls = {}
  for path in paths:
    with open(path) as f:
      for line in f:
        name = line.partition("(")[0]
        if name.isidentifier():
          calls[name] = calls.get(name, 0) + 1
  return calls


def read_strace(path):
  """The summary table: `% time, seconds, usecs/call, calls, [errors,] syscall`."""
  calls = {}
  with open(path) as f:
    for line in f:
      parts = line.split()
      if len(parts) >= 5 and parts[0][0].isdigit() and parts[-1] != "total":
        calls[parts[-1]] = calls.get(parts[-1], 0) + int(parts[3])
  return calls


def measure(bed, program, short, long, functions=0):
  """Values per request, and the most expensive functions if asked for."""
  span = long - short
  before, after = _system_calls(bed, program, short), _system_calls(bed, program, long)
  per_call = {name: (count - before.get(name, 0)) / span for name, count in after.items()}
  values = {"syscalls": sum(per_call.values())}
  detail = {"syscalls": {n: round(v, 3) for n, v in sorted(per_call.items()) if abs(v) >= 0.001}}
  if program.counted:
    difference = profile(bed, program, long).minus(profile(bed, program, short))
    values["instructions"] = difference.total / span
    values["allocations"] = difference.calls_of(callgrind.ALLOCATORS.__contains__) / span
    values["frees"] = difference.calls_of(callgrind.RELEASERS.__contains__) / span
    values["retains"] = difference.calls_of(callgrind.RETAINS.match) / span
    detail["functions"] = _top(difference, span, functions)
  return values, detail


def _top(difference, span, functions):
  ranked = sorted(difference.self_cost.items(), key=lambda item: -item[1])[:functions]
  return [
    {"function": name, "object": os.path.basename(place), "instructions": round(cost / span, 1)}
    for (place, name), cost in ranked]
