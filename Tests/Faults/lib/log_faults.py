# Why this file exists: what becomes of logs is nobody's business who waits for an answer. A disk
# that is full, a pipe that nobody empties, a file that may not grow: lines are lost and counted to
# the last one, and no request notices.
"""Scenarios: faults of the outputs of logs."""

import json
import os
import subprocess
import threading
import time

from stage import Skipped, wait_until


def _count(lines):
  """(whole lines, others) among the lines of an access log."""
  whole, torn = 0, 0
  for line in lines:
    try:
      whole += json.loads(line)["msg"] == "request"
    except (ValueError, KeyError, TypeError):
      torn += 1
  return whole, torn


def _lines(path):
  with open(path, "rb") as f:
    return f.read().splitlines()


def _compare(stage, lines, some_dropped=True):
  """Each request is a line or counted as dropped. `lines`: gives those that came through so far."""
  sent = stage.counts.of("sent")

  def missing():
    return sent - _count(lines())[0] - stage.total("gateway_access_log_dropped_total")
  wait_until(lambda: missing() == 0, 10, 0.1)  # a worker hands its last lines over after 250 ms
  whole, torn = _count(lines())
  dropped = stage.total("gateway_access_log_dropped_total")
  stage.expect(missing() == 0, f"{sent} requests, but {whole} lines and {dropped} dropped")
  stage.expect(dropped > 0 or not some_dropped, "no line was dropped: nothing was shown")
  stage.seen.append(f"{sent:,} requests = {whole:,} lines + {dropped:,} dropped, {torn} lines torn")


def _logging(output, level="info"):
  return {"level": level, "access": {"output": output}}


def _private_mount():
  """The words that give a program file systems of its own."""
  words = ["unshare", "--mount"]
  if os.geteuid() != 0:
    words = ["unshare", "--user", "--map-root-user", "--mount"]
  script = 'mount -t tmpfs -o size=512k faults "$0" && exec "$@"'
  probe = subprocess.run([*words, "sh", "-c", "mount -t tmpfs faults /mnt"], capture_output=True)
  if probe.returncode != 0:
    raise Skipped("needs root, or user namespaces, for a small file system of its own")
  return words, script


def full_disk(stage):
  """full disk for the access log"""
  words, script = _private_mount()
  disk = os.path.join(stage.directory, "disk")
  os.mkdir(disk)
  stage.add_backends(2)
  stage.start(stage.configuration(logging=_logging(f"{disk}/access.log")),
              wrapper=(*words, "sh", "-c", script, disk))
  inside = f"/proc/{stage.child.pid}/root{disk}"
  stage.load(stage.seconds + 1)
  # 512 KiB are full after about 1,200 lines.
  full = wait_until(lambda: stage.total("gateway_access_log_dropped_total"), 15)
  stage.expect(full, "the disk was never full")
  time.sleep(0.5)
  before = _lines(f"{inside}/access.log")
  os.truncate(f"{inside}/access.log", 0)  # as somebody would who needs room
  stage.load(1)  # the first clients may have come to their end by now
  stage.join()
  stage.tried.append("access log on a disk of 512 KiB that fills up, and is emptied later")
  stage.account()
  # Between counting and emptying nothing can have been written: there was no room.
  _compare(stage, lambda: before + _lines(f"{inside}/access.log"))
  stage.expect(_lines(f"{inside}/access.log"), "nothing was written when there was room again")


def file_too_large(stage):
  """access log that may not grow any more"""
  path = os.path.join(stage.directory, "access.log")
  stage.add_backends(2)
  stage.start(stage.configuration(logging=_logging(path)),
              wrapper=("prlimit", "--fsize=300000:300000"))
  stage.load()
  stage.join()
  stage.tried.append("RLIMIT_FSIZE 300,000 bytes: a write beyond it is SIGXFSZ, which can end a "
                     "process")
  stage.account()
  _compare(stage, lambda: _lines(path))


class _Reader(threading.Thread):
  """Takes lines out of a pipe while it is told to."""

  def __init__(self, pipe):
    super().__init__(daemon=True)
    self.pipe, self.bytes, self.reading = pipe, [], threading.Event()

  def run(self):
    while self.reading.wait():
      try:
        part = os.read(self.pipe.fileno(), 65536)
      except OSError:
        return  # so a terminal ends
      if not part:
        return
      self.bytes.append(part)

  def lines(self):
    """Those that have come whole: the rest of the last one may be on its way."""
    whole = b"".join(self.bytes).rpartition(b"\n")[0]
    return [line for line in whole.split(b"\n") if line]


def blocked_access_pipe(stage):
  """blocked pipe for the access log"""
  stage.add_backends(2)
  stage.start(stage.configuration(logging=_logging("stdout")), stdout=subprocess.PIPE)
  reader = _Reader(stage.child.process.stdout)
  reader.reading.set()
  reader.start()
  free = stage.result(stage.load())
  reader.reading.clear()
  blocked = stage.result(stage.load(rate=2000))  # about 2,200 lines are kept before one is lost
  reader.reading.set()
  stage.load(1, rate=500)
  stage.join()
  stage.tried.append("nobody reads the pipe of the access log for a while, then somebody does")
  stage.account()
  _compare(stage, reader.lines)
  for word, result in (("read", free), ("blocked", blocked)):
    stage.seen.append(f"pipe {word}: p50 {result['p50_ms']:.2f} ms, p99 {result['p99_ms']:.1f} ms, "
                      f"slowest {result['max_ms']:.0f} ms")
  # Who waits for the log waits until somebody reads it, and that is after all were answered.
  stage.expect(blocked["max_ms"] < 3000, "a request waited for the log")


def _reload_in_turns(stage):
  """Under load; every second file is broken. Each order makes lines: of mistakes, or of what has
  changed. Gives how many orders there were."""
  broken = "listeners: nonsense\n" + "".join(f"unknown-{i}: 1\n" for i in range(300))
  stage.load(stage.seconds + 1)
  good, end, turns = stage.configuration(), time.monotonic() + stage.seconds, 0
  while time.monotonic() < end or turns < 100:  # what 40 make is kept, in the pipe and before it
    good["services"]["api"]["timeouts"]["idle"] = f"{5 + turns % 2}s"
    stage.write(broken + f"# {turns}\n" if turns % 2 else good)
    try:
      stage.ask("/reload", method="POST")
    except OSError as error:
      stage.expect(False, f"POST /reload {turns} was not answered: {error}")
      break
    turns += 1
  stage.write(good)
  stage.join()
  return turns


def blocked_diagnostics(stage):
  """blocked pipe for the diagnostics"""
  stage.add_backends(2)
  stage.start(stage.configuration(), stderr=subprocess.PIPE)
  turns = _reload_in_turns(stage)
  stage.tried.append(f"nobody reads standard error while {turns} reloads, half of them of broken "
                     "files, are told there")
  stage.account()
  reader = _Reader(stage.child.process.stderr)
  reader.reading.set()
  reader.start()
  told = b'"diagnostics were lost'
  wait_until(lambda: any(told in line for line in reader.lines()), 10)
  lines = [json.loads(line) for line in reader.lines()]  # each of them whole
  lost = [int(line["lines"]) for line in lines if line["msg"].startswith("diagnostics were lost")]
  stage.expect(lost and lost[0] > 0, "that lines were lost is not told")
  stage.seen.append(f"{len(lines)} lines came through, {sum(lost)} more are told to be lost")


def stopped_terminal(stage):
  """a terminal that Ctrl-S has stopped"""
  stage.add_backends(2)
  ours, theirs = os.openpty()
  terminal = open(ours, "wb+", buffering=0)
  stage.start(stage.configuration(), stderr=theirs)
  os.close(theirs)
  terminal.write(b"\x13")
  turns = _reload_in_turns(stage)
  stage.tried.append(f"it takes nothing while {turns} reloads, half of them of broken files, are "
                     "told there")
  stage.account()
  reader = _Reader(terminal)
  reader.reading.set()
  reader.start()
  terminal.write(b"\x11")
  carets = wait_until(lambda: sum(b"^" in line for line in reader.lines()), 10)
  stage.expect(carets > 0, "it did not show the mistakes once it went on")
  stage.seen.append(f"{carets} mistakes were shown with their places once it went on")


SCENARIOS = (full_disk, file_too_large, blocked_access_pipe, blocked_diagnostics, stopped_terminal)
