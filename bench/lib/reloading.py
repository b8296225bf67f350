# Why this file exists: a reload must not be felt. The gateway has a file of 10,000 routes and about
# half of the load that it can take; now and then the file is replaced by another one and the
# gateway told so. What counts is how much longer the slowest request in a thousand takes than
# without, rounds of both in turn.
"""Latency beside reloads of a large configuration."""

import os
import signal
import statistics
import threading

ROUNDS = 5
SECONDS = 2.5
AT = (0.4, 1.6)                 # seconds into a round: an order to reload
IN_FLIGHT, FULL = 4, 64         # of 64 connections; the second is saturation

QUIET, BESIDE, ADDED, LOAD = (
  "reload/p999_quiet", "reload/p999_beside", "reload/added_ms", "reload/load")


def rows():
  """The rows of the table."""
  return [
    (LOAD, "load, of the most that it takes", "{:.2f}"),
    (QUIET, "p99.9 without a reload", "{:,.1f} ms"),
    (BESIDE, f"p99.9 with {len(AT)} reloads in {SECONDS:g} s", "{:,.1f} ms"),
    (ADDED, "the one above the other, median of rounds", "{:,.1f} ms"),
  ]


def _reload(child, path, texts):
  """Replaces the file as an editor does, and says so."""
  texts.append(texts.pop(0))
  with open(path + ".new", "w") as f:
    f.write(texts[0])
  os.rename(path + ".new", path)
  os.kill(child.pid, signal.SIGHUP)


def measure(bed, program, config, say):
  """Values by key. `config` makes the text of a place; two that differ in one setting take turns."""
  cores = bed.cores.measured
  bed.cores.measured = f"{bed.cores.measured},{bed.cores.load}"  # as its user would run it
  try:
    child, place = bed.start(program, config=config)
  finally:
    bed.cores.measured = cores
  path = os.path.join(place.directory, program.config_file)
  text = config(place)
  texts = [text, text.replace("idle: 2048", "idle: 2047")]

  def load(in_flight, seconds=SECONDS):
    return bed.load(place, "--connections", 64, "--in-flight", in_flight, "--path", "/b/128",
                    "--seconds", seconds, "--warm", 0.3)

  quiet, beside, rates = [], [], []
  try:
    most = load(FULL, 1.5)
    most = most["requests"] / most["seconds"]
    for number in range(ROUNDS):
      sample = load(IN_FLIGHT)
      quiet.append(sample["p999_us"] / 1000)
      rates.append(sample["requests"] / sample["seconds"])
      timers = [threading.Timer(0.3 + at, _reload, (child, path, texts)) for at in AT]
      for timer in timers:
        timer.start()
      beside.append(load(IN_FLIGHT)["p999_us"] / 1000)
      for timer in timers:
        timer.join()
      say(f"reload, round {number + 1} of {ROUNDS}: p99.9 {quiet[-1]:.1f} ms, "
          f"{beside[-1]:.1f} ms beside reloads")
  finally:
    child.stop()
  return {
    LOAD: statistics.median(rates) / most, QUIET: statistics.median(quiet),
    BESIDE: statistics.median(beside),
    ADDED: max(0.0, statistics.median(b - q for b, q in zip(beside, quiet)))}
