# Why this file exists: a scrape of a large gateway is some megabytes that the gateway makes beside
# its traffic. What counts is how long it takes while requests are in flight, and how much longer
# the slowest of them take than without, rounds of both in turn.
"""Scrapes of 1,000 routes and 1,000 backends beside traffic."""

import socket
import statistics
import threading
import time

from children import BenchError, free_port

ROUTES, SERVICES, EACH = 1000, 100, 10   # backends of each service
ROUNDS = 5
SECONDS = 2.5
AT = (0.4, 0.9, 1.4, 1.9)                # seconds into a round: a scrape
IN_FLIGHT, FULL = 4, 64                  # of 64 connections; the second is saturation
PATIENCE = 20                            # seconds for a scrape

FORMS = {"text": "text/plain;version=0.0.4", "open": "application/openmetrics-text;version=1.0.0"}

SIZE, QUIET, BESIDE, ADDED, LOAD = (
  "scrape/mb", "scrape/p999_quiet", "scrape/p999_beside", "scrape/added_ms", "scrape/load")


def key(form):
  return f"scrape/{form}_ms"


def rows():
  """The rows of the table."""
  return [
    (key("text"), "text 0.0.4, median", "{:,.1f} ms"),
    (key("open"), "OpenMetrics with exemplars, median", "{:,.1f} ms"),
    (SIZE, "its size", "{:,.1f} MB"),
    (LOAD, "load, of the most that it takes", "{:.2f}"),
    (QUIET, "p99.9 without a scrape", "{:,.1f} ms"),
    (BESIDE, f"p99.9 with {len(AT)} scrapes in {SECONDS:g} s", "{:,.1f} ms"),
    (ADDED, "the one above the other, median of rounds", "{:,.1f} ms"),
  ]


def gateway(place, admin):
  """The configuration: every backend of every service is one program on an address of its own."""
  services, number = [], 0
  for service in range(SERVICES):
    backends = []
    for _ in range(EACH):
      number += 1
      high, low = divmod(number, 256)
      backends.append(f"\"127.0.{high}.{low}:{place.backends[0]}\"")
    services.append(f"  s{service}: {{backends: [{', '.join(backends)}]}}")
  routes = [
    f"  - {{name: route-{route}, match: {{path: /r{route}/*}}, strip_prefix: /r{route}, "
    f"service: s{route % SERVICES}}}" for route in range(ROUTES)]
  return (
    f"listeners: [{{address: 127.0.0.1:{place.port}}}]\n"
    f"admin: {{address: 127.0.0.1:{admin}}}\nworkers: 2\n"
    "limits: {connections: 16384}\nlogging: {level: warning, access: {output: none}}\n"
    "services:\n" + "\n".join(services) + "\nroutes:\n" + "\n".join(routes) + "\n")


def _touch(port):
  """Has every route ask every one of its backends, in a trace that is recorded."""
  trace = "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\n"
  with socket.create_connection(("127.0.0.1", port), PATIENCE) as connection:
    answers = connection.makefile("rb")
    for route in range(ROUTES):
      request = f"GET /r{route}/b/128 HTTP/1.1\r\nHost: bench\r\n{trace}\r\n".encode()
      connection.sendall(request * EACH)
      for _ in range(EACH):
        length = 0
        for line in iter(answers.readline, b"\r\n"):
          if line.lower().startswith(b"content-length:"):
            length = int(line.split(b":")[1])
        if len(answers.read(length)) < length:
          raise BenchError("a request to a route was not answered")


def scrape(admin, form):
  """Milliseconds from the request to the last byte, and the bytes of the answer."""
  request = (
    f"GET /metrics HTTP/1.1\r\nHost: localhost\r\nAccept: {FORMS[form]}\r\n"
    "Connection: close\r\n\r\n").encode()
  begun = time.perf_counter()
  answer = bytearray()
  with socket.create_connection(("127.0.0.1", admin), PATIENCE) as connection:
    connection.sendall(request)
    while part := connection.recv(1 << 20):
      answer += part
      if answer.endswith(b"\r\n0\r\n\r\n"):
        break
    taken = (time.perf_counter() - begun) * 1000
  if not answer.startswith(b"HTTP/1.1 200") or answer.count(b"\"route-999\"") < 40:
    raise BenchError("a scrape did not tell of every route")
  return taken, len(answer)


def measure(bed, program, say):
  """Values by key."""
  admin = free_port()
  cores = bed.cores.measured
  bed.cores.measured = f"{bed.cores.measured},{bed.cores.load}"  # as its user would run it
  try:
    child, place = bed.start(program, config=lambda place: gateway(place, admin))
  finally:
    bed.cores.measured = cores

  def load(in_flight, seconds=SECONDS):
    return bed.load(place, "--connections", 64, "--in-flight", in_flight, "--path", "/r0/b/128",
                    "--seconds", seconds, "--warm", 0.3)

  quiet, beside, rates = [], [], []
  times = {form: [] for form in FORMS}
  sizes, faults = [], []

  def take(form):
    try:
      taken, size = scrape(admin, form)
      times[form].append(taken)
      sizes.append(size)
    except (OSError, BenchError) as error:
      faults.append(error)

  try:
    _touch(place.port)
    most = load(FULL, 1.5)
    most = most["requests"] / most["seconds"]
    for number in range(ROUNDS):
      sample = load(IN_FLIGHT)
      quiet.append(sample["p999_us"] / 1000)
      rates.append(sample["requests"] / sample["seconds"])
      timers = [
        threading.Timer(0.3 + at, take, (("text", "open")[turn % 2],))
        for turn, at in enumerate(AT)]
      for timer in timers:
        timer.start()
      beside.append(load(IN_FLIGHT)["p999_us"] / 1000)
      for timer in timers:
        timer.join()
      if faults:
        raise BenchError(f"a scrape failed: {faults[0]}")
      say(f"scrape, round {number + 1} of {ROUNDS}: p99.9 {quiet[-1]:.1f} ms, {beside[-1]:.1f} ms "
          f"beside scrapes of {statistics.median(times['text']):.0f} ms")
  finally:
    child.stop()
  return {
    **{key(form): statistics.median(times[form]) for form in FORMS},
    SIZE: max(sizes) / 1e6, LOAD: statistics.median(rates) / most,
    QUIET: statistics.median(quiet), BESIDE: statistics.median(beside),
    ADDED: max(0.0, statistics.median(b - q for b, q in zip(beside, quiet)))}
