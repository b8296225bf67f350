# Why this file exists: a figure without the machine it was taken on is worth nothing. This says
# what the machine is, which cores the run uses, and what must be installed for it.
"""The machine description, the cores, and the tools."""

import glob
import os
import platform
import shutil
import subprocess

from children import BenchError, run

PACKAGES = {
  "nginx": "nginx-light", "haproxy": "haproxy", "valgrind": "valgrind", "strace": "strace",
  "cc": "gcc libc6-dev", "strip": "binutils", "taskset": "util-linux", "setpriv": "util-linux",
  "prlimit": "util-linux", "unshare": "util-linux", "slowhttptest": "slowhttptest",
}


def need(*tools):
  """Ends the run with the line that installs what is missing."""
  missing = [tool for tool in tools if find(tool) is None]
  if missing:
    packages = " ".join(sorted({PACKAGES[tool] for tool in missing}))
    sudo = "" if os.geteuid() == 0 else "sudo "
    raise BenchError(
      f"missing: {', '.join(missing)}; install with: {sudo}apt-get install -y {packages}")


def find(tool):
  return shutil.which(tool) or shutil.which(tool, path="/usr/sbin:/sbin:/usr/local/sbin")


class Cores:
  """Core 0 carries the measured program alone; load generator and backend stay off it."""

  def __init__(self):
    available = sorted(os.sched_getaffinity(0))
    self.measured = available[0]
    self.load = available[1] if len(available) > 1 else available[0]
    self.backend = available[2] if len(available) > 2 else self.load

  def sentence(self):
    if self.load == self.measured:
      return "one core only: load and measured program share it, times mean little"
    return (f"measured program on core {self.measured}, load on core {self.load}, "
            f"backend on core {self.backend}")


def cpu_model():
  with open("/proc/cpuinfo") as f:
    for line in f:
      if line.startswith("model name"):
        return line.split(":", 1)[1].strip()
  return platform.machine()


def first_line(command):
  try:
    done = subprocess.run(command, capture_output=True, text=True, timeout=20)
  except (OSError, ValueError):
    return None
  lines = (done.stdout + done.stderr).strip().splitlines()
  return lines[0] if lines else None


def describe(cores):
  """What goes into the JSON and under the table."""
  system = "Linux"
  if os.path.exists("/etc/os-release"):
    with open("/etc/os-release") as f:
      names = dict(line.rstrip().split("=", 1) for line in f if "=" in line)
    system = names.get("PRETTY_NAME", system).strip('"')
  return {
    "cpu": cpu_model(),
    "cores": os.cpu_count(),
    "memory_mib": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 20,
    "system": system,
    "kernel": platform.release(),
    "pinning": cores.sentence(),
    "valgrind": first_line(["valgrind", "--version"]),
    "cc": first_line(["cc", "--version"]),
  }


def compile_programs(source_dir, build_dir, names=("backend", "relay", "load", "hold", "startup"),
                     headers=(), flags=()):
  """Builds the C programs whose source is newer than they are; gives {name: path}. `headers` of
  other directories that they include."""
  os.makedirs(build_dir, exist_ok=True)
  headers = [*headers, *glob.glob(os.path.join(source_dir, "*.h"))]
  shared = max(map(os.path.getmtime, headers), default=0)
  built = {}
  for name in names:
    source, target = os.path.join(source_dir, name + ".c"), os.path.join(build_dir, name)
    newest = max(shared, os.path.getmtime(source))
    if not os.path.exists(target) or os.path.getmtime(target) < newest:
      need("cc")
      run(["cc", "-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror", *flags, "-o", target, source],
          60)
    built[name] = target
  return built
