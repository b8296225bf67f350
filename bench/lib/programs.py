# Why this file exists: what is measured, how it is found, and how it is started. A program is an
# entry of the table at the end; what it is told to do comes from a scenario.
"""The gateway and its peers as things that can be started in front of a backend."""

import json
import os
import re
import shutil
from dataclasses import dataclass, field
from typing import Callable, Optional

import machine
from children import BenchError, Child, free_port, run


@dataclass
class Place:
  """Where one instance of a program lives: its directory, its port, the backends behind it."""
  directory: str
  port: int
  backends: list = field(default_factory=list)


@dataclass(frozen=True)
class Program:
  name: str                                  # as scenarios and --programs write it
  title: str                                 # the column's head
  find: Callable[[], Optional[str]]          # the binary, or None
  version: Callable[[str], Optional[str]]
  config_file: Optional[str]                 # the name its configuration is written to
  command: Callable[[str, Place], list]      # binary and place -> argument vector
  counted: bool = True                       # valgrind can run it
  is_peer: bool = False                      # one of those the gateway's shares are taken of
  has_control_thread: bool = False           # its first thread works by the clock, not by requests


def _envoy():
  """The PyPI package puts a Python script into PATH; the server itself lies inside the package."""
  script = machine.find("envoy")
  if script is None:
    return None
  with open(script, "rb") as f:
    first = f.readline()
  if not first.startswith(b"#!"):
    return script
  code = "import envoy, os; print(os.path.join(os.path.dirname(envoy.__file__), '_bin', 'envoy'))"
  try:
    path = run([*first[2:].decode().split(), "-c", code], 20).strip()
  except BenchError:
    return None
  return path if os.path.exists(path) else None


def _version(command):
  """The first thing that looks like a version after the program's name for itself."""
  text = machine.first_line(command)
  before = r"(?:version |gateway |nginx/|[0-9a-f]{40}/)"
  found = re.search(before + r"(\d+\.\d+[\w.+-]*)", text or "")
  return found.group(1) if found else text


def table(gateway_path, relay_path):
  """Every program, in the order of the columns and of each interleaved round."""
  def gateway():
    return gateway_path if os.access(gateway_path, os.X_OK) else None

  return {program.name: program for program in (
    Program(
      "gateway", "gateway", gateway, lambda b: _version([b, "--version"]),
      "gateway.yaml",
      lambda b, p: [b, "run", "--config", os.path.join(p.directory, "gateway.yaml")],
      has_control_thread=True),
    Program(
      "nginx", "nginx", lambda: machine.find("nginx"),
      lambda b: _version([b, "-v"]),
      "nginx.conf", lambda b, p: [
        b, "-p", p.directory, "-e", "stderr", "-c", os.path.join(p.directory, "nginx.conf")],
      is_peer=True),
    Program(
      "haproxy", "HAProxy", lambda: machine.find("haproxy"),
      lambda b: _version([b, "-v"]),
      "haproxy.cfg", lambda b, p: [b, "-db", "-q", "-f", os.path.join(p.directory, "haproxy.cfg")],
      is_peer=True),
    Program(
      "envoy", "Envoy", _envoy,
      lambda b: _version([b, "--version"]),
      "envoy.yaml", lambda b, p: [
        b, "-c", os.path.join(p.directory, "envoy.yaml"), "--concurrency", "1",
        "--log-level", "error", "--disable-hot-restart"],
      counted=False),
    Program(
      "relay", "byte relay", lambda: relay_path, lambda b: None,
      None, lambda b, p: [b, str(p.port), str(p.backends[0])]),
  )}


class Bed:
  """A scenario set up: a temporary directory, the backends, and programs started in front."""

  def __init__(self, scenario, built, cores, directory):
    self.scenario, self.built, self.cores = scenario, built, cores
    self.directory = directory
    self.backends = []
    self.backend_ports = []

  def start_backends(self):
    for number in range(self.scenario.backends):
      port = free_port()
      log = os.path.join(self.directory, f"backend-{number}.log")
      command = [self.built["backend"], str(port), str(self.scenario.addresses)]
      child = Child("backend", command, log, self.cores.backend)
      child.wait_until_it_listens(port)
      self.backends.append(child)
      self.backend_ports.append(port)

  def command(self, program, binary=None, config=None):
    """Writes the program's configuration, the scenario's or another, and gives (place, argument
    vector)."""
    port = free_port()
    directory = os.path.join(self.directory, f"{program.name}-{port}")
    os.makedirs(directory)
    place = Place(directory, port, self.backend_ports)
    if program.config_file is not None:
      with open(os.path.join(directory, program.config_file), "w") as f:
        f.write((config or self.scenario.configs[program.name])(place))
    return place, program.command(binary or program.find(), place)

  def start(self, program, wrapper=(), binary=None, seconds=30, config=None):
    """The program, listening, with its place."""
    place, command = self.command(program, binary, config)
    log = os.path.join(place.directory, "output.log")
    child = Child(program.title, command, log, self.cores.measured, wrapper)
    child.wait_until_it_listens(place.port, seconds)
    return child, place

  def stripped(self, program):
    """A copy without debug information: valgrind 3.19 cannot read DWARF 5. Names survive."""
    target = os.path.join(self.directory, program.name + ".stripped")
    if not os.path.exists(target):
      shutil.copy(program.find(), target)
      run(["strip", "-g", target], 60)
    return target

  def load(self, place, *options, seconds=60):
    """Runs the load program against a place and gives what it printed."""
    output = run(
      [self.built["load"], "--port", str(place.port), *map(str, options)], seconds, self.cores.load)
    return json.loads(output)

  def close(self):
    for child in self.backends:
      child.stop()
