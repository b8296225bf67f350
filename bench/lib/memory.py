# Why this file exists: memory is what ten thousand idle clients and one slow reader cost. Both are
# looked at from outside, in the memory the process has written itself.
"""Memory per idle connection and per streamed body; resident memory at rest."""

import os
import resource
import selectors
import subprocess
import threading

from children import BenchError

IDLE_CONNECTIONS = 10_000
STREAMS, STREAM_BYTES, STALL_MS = 16, 100 << 20, 1000


def idle_connections():
  """As many as are asked for, or as the descriptor limit of this machine lets one process hold."""
  hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
  return IDLE_CONNECTIONS if hard == resource.RLIM_INFINITY else min(IDLE_CONNECTIONS, hard - 500)


def _warm(bed, place):
  """Touches the code and the pools once, so that what follows is growth by connections alone.
  Bodies come one at a time: buffers kept from many at once would hide the growth."""
  bed.load(place, "--connections", STREAMS, "--requests", 2000)
  bed.load(place, "--connections", 1, "--requests", 32, "--path", "/b/1048576")
  bed.load(place, "--connections", 1, "--requests", 32, "--path", "/u", "--upload", 1 << 20)


def _hold(bed, place, count):
  """Starts `count` clients that have each made a request and now do nothing."""
  holder = subprocess.Popen(
    ["taskset", "-c", str(bed.cores.load), bed.built["hold"], str(place.port), str(count)],
    stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
  with selectors.DefaultSelector() as waiting:
    waiting.register(holder.stdout, selectors.EVENT_READ)
    ready = waiting.select(60)
  if not ready or holder.stdout.readline().strip() != "held":
    holder.kill()
    words = holder.communicate()[1].strip()
    raise BenchError(words or "the idle clients were not all answered in 60 s")
  return holder


def idle(bed, program):
  """KiB per idle keep-alive connection, and resident MiB with all of them open."""
  count = idle_connections()
  child, place = bed.start(program)
  try:
    _warm(bed, place)
    before = child.own_kib()
    at_rest = child.memory_kib()["VmRSS"]
    holder = _hold(bed, place, count)
    try:
      grown = child.own_kib() - before
      resident = child.memory_kib()["VmRSS"]
    finally:
      holder.communicate(input="", timeout=20)
  finally:
    child.stop()
  return {
    "idle_kib": grown / count, "idle_connections": count,
    "idle_resident_mib": resident / 1024, "rest_resident_mib": at_rest / 1024,
  }


class _Sampler(threading.Thread):
  """Follows a process's own memory while something else goes on."""

  def __init__(self, child):
    super().__init__(daemon=True)
    self.child, self.peak, self.over = child, 0, threading.Event()

  def run(self):
    while not self.over.wait(0.01):
      try:
        self.peak = max(self.peak, self.child.own_kib())
      except (OSError, BenchError, KeyError):
        return

  def finish(self):
    self.over.set()
    self.join()
    return self.peak


def streams(bed, program):
  """KiB per streamed 100 MiB body while the side that should take it takes nothing for a second:
  a client that does not read, then a backend that does not read."""
  values = {}
  for key, options in (
    ("stream_kib/down", ("--path", f"/b/{STREAM_BYTES}", "--stall", STALL_MS)),
    ("stream_kib/up", ("--path", "/stall", "--upload", STREAM_BYTES)),
  ):
    child, place = bed.start(program)
    try:
      _warm(bed, place)
      before = child.own_kib()
      sampler = _Sampler(child)
      sampler.start()
      try:
        bed.load(place, "--connections", STREAMS, "--requests", STREAMS, *options, seconds=120)
      finally:
        peak = sampler.finish()
      values[key] = max(peak - before, 0) / STREAMS
    finally:
      child.stop()
  return values


def startup(bed, program, times):
  """Milliseconds from exec to the first proxied answer, one value per start."""
  values = []
  for _ in range(times):
    place, command = bed.command(program)
    output = os.path.join(place.directory, "startup.log")
    with open(output, "w") as log:
      done = subprocess.run(
        ["taskset", "-c", str(bed.cores.load), bed.built["startup"], str(place.port),
         str(bed.cores.measured), *command],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, text=True, timeout=60)
    if done.returncode != 0:
      with open(output) as log:
        words = log.read().strip().splitlines()
      raise BenchError(words[-1] if words else "did not start")
    values.append(float(done.stdout.split()[-1]) / 1000)
  return values
