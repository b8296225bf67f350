# Why this file exists: every process the benchmark starts is started, watched and ended here, so
# that none outlives it and none that it did not start is ever touched.
"""Own child processes, their ports, and what /proc says about them."""

import atexit
import os
import signal
import socket
import subprocess
import time

PORTS = range(18000, 19000)


class BenchError(Exception):
  """Something that ends the run; its text is the one line the user sees."""


_running = []
_next_port = [os.getpid() * 7 % 900]


def free_port():
  """A port of the benchmark's range on which nobody listens now."""
  for _ in PORTS:
    _next_port[0] = (_next_port[0] + 1) % len(PORTS)
    port = PORTS[_next_port[0]]
    with socket.socket() as probe:
      probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
      try:
        probe.bind(("127.0.0.1", port))
        return port
      except OSError:
        continue
  raise BenchError("no free port between 18000 and 18999")


class Child:
  """A server process: pinned to a core (or several: "0,1"), its output in a log file unless
  `streams` say otherwise, as Popen takes them; ended by stop()."""

  def __init__(self, name, command, log_path, core, wrapper=(), **streams):
    self.name = name
    self.log_path = log_path
    pinned = ["setpriv", "--pdeathsig", "KILL", "taskset", "-c", str(core)]
    with open(log_path, "ab") as log:
      streams = {"stdin": subprocess.DEVNULL, "stdout": log, "stderr": log, **streams}
      self.process = subprocess.Popen([*pinned, *wrapper, *command], **streams)
    self.wrapped = bool(wrapper) and wrapper[0] == "strace"
    _running.append(self)

  @property
  def pid(self):
    """The measured process itself, also when a tracer stands between."""
    if not self.wrapped:
      return self.process.pid
    with open(f"/proc/{self.process.pid}/task/{self.process.pid}/children") as f:
      inside = f.read().split()
    if not inside:
      raise BenchError(f"{self.name} ended by itself: {self.last_words()}")
    return int(inside[0])

  def wait_until_it_listens(self, port, seconds=30):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
      if self.process.poll() is not None:
        raise BenchError(f"{self.name} ended at start: {self.last_words()}")
      try:
        socket.create_connection(("127.0.0.1", port), 1).close()
        return
      except OSError:
        time.sleep(0.02)
    raise BenchError(f"{self.name} does not listen on {port} after {seconds} s")

  def stop(self, seconds=15):
    """SIGTERM each second, patience, SIGKILL; true when it ended by itself. Safe to call twice.

    One SIGTERM is not enough: under valgrind nginx can miss it between looking at its flag and
    going to sleep, and then sleeps for a minute.
    """
    if self in _running:
      _running.remove(self)
    for _ in range(seconds):
      if self.process.poll() is not None:
        return True
      try:
        os.kill(self.pid, signal.SIGTERM)
        self.process.wait(1)
        return True
      except subprocess.TimeoutExpired:
        continue
      except (ProcessLookupError, FileNotFoundError, BenchError):
        break  # a tracer whose process is gone; it ends now
    try:
      self.process.wait(2)
      return True
    except subprocess.TimeoutExpired:
      self.process.kill()
      self.process.wait()
      return False

  def last_words(self):
    with open(self.log_path, errors="replace") as f:
      lines = [line.strip() for line in f if line.strip()]
    return lines[-1] if lines else "it said nothing"

  def memory_kib(self):
    """{VmRSS, VmHWM, RssAnon, RssShmem, …} of the process in KiB."""
    with open(f"/proc/{self.pid}/status") as f:
      pairs = (line.split(":", 1) for line in f if line.startswith(("Vm", "Rss")))
      return {name: int(value.split()[0]) for name, value in pairs}

  def own_kib(self):
    """Memory the process has written itself: what it holds for its clients, and no file pages."""
    memory = self.memory_kib()
    return memory["RssAnon"] + memory["RssShmem"]

  def waited_ns(self):
    """Time its threads stood ready while something else had their core: what spoils a figure."""
    tasks, total = f"/proc/{self.pid}/task", 0
    for thread in os.listdir(tasks):
      with open(f"{tasks}/{thread}/schedstat") as f:
        total += int(f.read().split()[1])
    return total


def run(command, seconds, core=None):
  """Runs a short program to its end and gives its output; anything but success ends the run."""
  pin = ["taskset", "-c", str(core)] if core is not None else []
  try:
    done = subprocess.run(
      [*pin, *command], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=seconds)
  except subprocess.TimeoutExpired:
    raise BenchError(f"{os.path.basename(command[0])} did not end in {seconds} s") from None
  if done.returncode != 0:
    words = (done.stderr or done.stdout).strip().splitlines()
    raise BenchError(words[-1] if words else f"{command[0]} failed with {done.returncode}")
  return done.stdout


def stop_all():
  for child in list(_running):
    child.stop(seconds=5)


atexit.register(stop_all)
