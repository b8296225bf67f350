# Why this file exists: times are noisy, so they are only ever taken side by side. Each shape of
# load is played against every program in turn, A B C A B C, and what counts is the median and its
# share of the better peer in the same run.
"""CPU time, rates, latencies and bytes per second in interleaved rounds."""

import statistics
from dataclasses import dataclass

from children import BenchError

MIB = 1 << 20


@dataclass(frozen=True)
class Shape:
  """One kind of load. `measures` are the --only words that ask for it."""
  name: str
  label: str
  connections: int
  measures: tuple
  download: int = 0
  upload: int = 0

  def options(self):
    if self.upload:
      return ["--connections", self.connections, "--path", "/u", "--upload", self.upload]
    return ["--connections", self.connections, "--path", f"/b/{self.download}"]


SHAPES = (
  Shape("64x128", "64 connections, 128 B", 64, ("cpu", "latency"), download=128),
  Shape("1000x128", "1,000 connections, 128 B", 1000, ("cpu", "latency"), download=128),
  Shape("1x128", "1 connection, 128 B", 1, ("cpu", "latency"), download=128),
  Shape("64x16KiB", "64 connections, 16 KiB", 64, ("cpu",), download=16384),
  Shape("16x1MiB", "16 connections, 1 MiB", 16, ("cpu", "bodies"), download=MIB),
  Shape("16x1MiB-up", "16 x 1 MiB up", 16, ("bodies",), upload=MIB),
  Shape("4x100MiB", "4 x 100 MiB down", 4, ("bodies",), download=100 * MIB),
  Shape("4x100MiB-up", "4 x 100 MiB up", 4, ("bodies",), upload=100 * MIB),
)


def _figures(shape, wanted, sample):
  """What one round of one program is worth, by key."""
  requests, seconds = sample["requests"], sample["seconds"]
  taken = wanted.intersection(shape.measures)
  values = {f"wait/{shape.name}": sample["waited"]}
  if "cpu" in taken and requests > 0:
    ticks = sample["user_ticks"] + sample["system_ticks"]
    values[f"cpu/{shape.name}"] = sample["cpu_ns"] / requests / 1000
    values[f"user/{shape.name}"] = sample["user_ticks"] / ticks if ticks else 0
  if "latency" in taken and requests > 0:
    values[f"rate/{shape.name}"] = requests / seconds
    for key, percentile in (("p50", "p50_us"), ("p99", "p99_us"), ("p999", "p999_us")):
      values[f"{key}/{shape.name}"] = sample[percentile]
  if "bodies" in taken:
    values[f"bytes/{shape.name}"] = sample["bytes"] / seconds / 1e6
  return values


def _sample(bed, shape, pace, child, place):
  """One round of one program, and the share of it that the program waited for its core."""
  before = child.waited_ns()
  sample = bed.load(
    place, *shape.options(), "--seconds", pace.seconds, "--warm", pace.warm, "--watch", child.pid)
  sample["waited"] = (child.waited_ns() - before) / 1e9 / (sample["seconds"] + pace.warm)
  return sample


def _play(bed, shape, started, wanted, pace, samples, say, problems):
  """All rounds of one shape; a program that fails drops out of the shape."""
  out = set()
  for number in range(pace.rounds):
    for program, (child, place) in started.items():
      if program in out:
        continue
      try:
        sample = _sample(bed, shape, pace, child, place)
      except (BenchError, OSError) as error:
        out.add(program)
        problems.append(f"{program.title}, {shape.label}: {error}")
        continue
      say(_line(shape, number, pace, program, sample))
      for key, value in _figures(shape, wanted, sample).items():
        samples.setdefault(program.name, {}).setdefault(key, []).append(value)


def _line(shape, number, pace, program, sample):
  requests = max(sample["requests"], 1)
  return (f"{shape.label}, round {number + 1} of {pace.rounds}, {program.title}: "
          f"{sample['cpu_ns'] / requests / 1000:,.1f} µs CPU, "
          f"{sample['requests'] / sample['seconds']:,.0f}/s, p99 {sample['p99_us']:,.0f} µs")


def measure(bed, programs, wanted, pace, say, problems):
  """{program: {key: [one value per round]}} for the shapes that `wanted` asks for."""
  samples = {}
  for shape in SHAPES:
    if not wanted.intersection(shape.measures):
      continue
    started = {}
    try:
      for program in programs:
        try:
          started[program] = bed.start(program)
        except BenchError as error:
          problems.append(f"{program.title}, {shape.label}: {error}")
      _play(bed, shape, started, wanted, pace, samples, say, problems)
      if "bodies" in shape.measures and "bodies" in wanted:
        for program, (child, _) in started.items():
          if child.process.poll() is None:
            peak = child.memory_kib()["VmHWM"] / 1024
            samples.setdefault(program.name, {})[f"peak/{shape.name}"] = [peak]
    finally:
      for child, _ in started.values():
        child.stop()
  return samples


def summary(samples):
  """Medians and spreads of what measure() gave."""
  values = {p: {k: statistics.median(v) for k, v in keys.items()} for p, keys in samples.items()}
  spread = {p: {k: [min(v), max(v)] for k, v in keys.items()} for p, keys in samples.items()}
  return values, spread
