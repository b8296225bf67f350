# Why this file exists: what operators and the system do to a running gateway: signals by the
# hundred, files with mistakes, orders to stop at the worst moment, a wall clock that is set.
"""Scenarios: signals, reloads, the end, the clock."""

import json
import os
import signal
import struct
import threading
import time

import hostile
from log_faults import _compare, _lines, _logging
from stage import wait_until, words
from tunnels import Tunnels

LATE = ("delay", 100, 15)
BROKEN = ("", "listeners:\n  - {addres: nonsense}\n", "services: [", "\x00", "a: &a [*a, *a]\n")


def signals(stage):
  """signals in bursts"""
  path = os.path.join(stage.directory, "access.log")
  stage.add_backends(2, *LATE)
  stage.start(stage.configuration(logging=_logging(path)))
  stage.load(2 * stage.seconds)
  time.sleep(0.3)
  sent, files = 0, [path]
  end = time.monotonic() + 2 * stage.seconds - 0.8
  while time.monotonic() < end:
    for number in (signal.SIGHUP, signal.SIGUSR1, signal.SIGPIPE):
      if number == signal.SIGUSR1:  # as logrotate does it
        os.rename(path, f"{path}.{len(files)}")
        files.append(f"{path}.{len(files)}")
      for _ in range(100):
        os.kill(stage.child.pid, number)
      sent += 100
      if number == signal.SIGUSR1:
        stage.expect(wait_until(lambda: os.path.exists(path), 3), "the log was not opened again")
    time.sleep(0.1)
  stage.join()
  stage.tried.append(f"{sent:,} signals in bursts of 100 SIGHUP, SIGUSR1 (log file moved away) and "
                     "SIGPIPE")
  stage.account()
  reloads = stage.by("gateway_config_reloads_total", "result")
  stage.expect("failure" not in reloads, f"reloads: {reloads}")
  whole = lambda: [line for file in files for line in _lines(file)]  # noqa: E731
  _compare(stage, whole, some_dropped=False)
  stage.seen.append(f"{len(files)} log files; SIGHUPs that came together were {words(reloads)}")


def _routes(count):
  return [{"match": {"path": f"/route-{i}/*"}, "service": "api"} for i in range(count)]


def reloads(stage):
  """reload storm with broken files in between"""
  stage.add_backends(3, *LATE)
  stage.start(stage.configuration())
  before = stage.by("gateway_config_reloads_total", "result")
  tunnels = Tunnels(stage.port, 60)
  stage.load(2 * stage.seconds, rate=1500)
  turn, end = 0, time.monotonic() + 2 * stage.seconds - 0.3
  while time.monotonic() < end:
    turn += 1
    if turn % 3 == 0:
      stage.write(BROKEN[turn // 3 % len(BROKEN)])
    else:
      # Every part that can change: backends, timers, balancer, limits, routes.
      configuration = stage.configuration({
        "backends": [backend.address for backend in stage.backends[:2 + turn % 2]],
        "balancer": ("round_robin", "least_connections", "peak_ewma")[turn % 3],
        "timeouts": {"connect": "500ms", "response": f"{2 + turn % 4}s"},
        "warm_up": "1s" if turn % 4 else "none"},
        routes=_routes(turn % 200),
        limits={"connections": 1000 + turn})
      stage.write(configuration)
    if turn % 2:
      os.kill(stage.child.pid, signal.SIGHUP)
    stage.ask("/reload", method="POST")
    if turn % 10 == 0:
      tunnels.ask()
  stage.write(stage.configuration())
  stage.ask("/reload", method="POST")
  stage.join()
  stage.tried.append(f"{turn} edits in {2 * stage.seconds:.0f} s, every third of them broken, by "
                     "SIGHUP and POST")
  stage.account()
  found = stage.by("gateway_config_reloads_total", "result")
  tunnels.ask()
  left = len(tunnels.clients)
  tunnels.close()
  stage.expect(left == 60, f"of 60 tunnels {left} are left")
  stage.expect(found.get("failure", 0) > 0, "no broken file was noticed")
  stage.expect(stage.total("gateway_config_last_reload_successful") == 1, "the last file is unused")
  done = {word: count - before.get(word, 0) for word, count in found.items()}
  stage.seen.append(f"{words(done)}; 60 tunnels through all of it, {tunnels.echoed:,} times asked")


def stopping(stage):
  """SIGTERM while a reload is carried out, under load"""
  stage.add_backends(3, *LATE)
  stage.start(stage.configuration())
  stage.load(stage.seconds + 3, rate=1500)  # until long after the end
  time.sleep(stage.seconds / 2)
  stage.write(stage.configuration(routes=_routes(5000), shutdown={"drain": "5s"}))
  os.kill(stage.child.pid, signal.SIGHUP)
  time.sleep(0.01)
  os.kill(stage.child.pid, signal.SIGTERM)
  stage.watch.end()
  stage.expect_end(0)
  stage.join()
  stage.tried.append("SIGHUP for a file of 5,000 routes, SIGTERM 10 ms later, 1,500 requests a "
                     "second")
  # Who was connected is answered, and told to go; who comes later is refused by the system.
  stage.account()
  away = sum(run["unconnected"] for run in stage.counts.runs)
  stage.expect(away > 0, "nobody was there when it ended: nothing was shown")
  stage.seen.append(f"exit code 0; every request that was taken was answered; {away} connections "
                    "refused later")
  stage.child = None


def stopping_twice(stage):
  """two SIGTERMs"""
  stage.add_backends(1, "hang")
  stage.start(stage.configuration({"timeouts": {"response": "30s"}}))
  crowd = hostile.Crowd()
  crowd.come(stage.port, 50, hostile.request("/hostile/100"))
  wait_until(lambda: stage.total("gateway_active_connections") == 50)
  stage.watch.end()
  began = time.monotonic()
  os.kill(stage.child.pid, signal.SIGTERM)
  time.sleep(0.5)
  stage.expect(stage.child.process.poll() is None, "it did not wait for what is in flight")
  os.kill(stage.child.pid, signal.SIGTERM)
  stage.expect_end(3, 3)
  ended = time.monotonic()
  told = crowd.answers(0.5)
  crowd.leave()
  stage.tried.append("SIGTERM with 50 requests at a backend that never answers, another one 0.5 s "
                     "later")
  stage.seen.append(f"exit code 3, {ended - began:.1f} s after the first; of the "
                    f"50 {told.get(503, 0)} were told 503, {told.get(0, 0)} cut")
  stage.child = None


def frozen(stage):
  """gateway itself paused and continued"""
  stage.add_backends(3, *LATE)
  # Well below the pause of 3 s, and well above what a busy machine makes a backend late.
  stage.start(stage.configuration(
    {"timeouts": {"connect": "500ms", "response": "2s", "idle": "2s"}}))
  times = max(1, round(stage.seconds / 3))
  stage.load(times * 4 + 1, rate=1500)
  stage.watch.end()  # it would say that nobody answers
  for _ in range(times):
    time.sleep(0.5)
    stage.child.process.send_signal(signal.SIGSTOP)
    time.sleep(3)
    stage.child.process.send_signal(signal.SIGCONT)
    time.sleep(0.5)
  stage.join()
  stage.tried.append(f"SIGSTOP to the gateway for 3 s, {times} times, as a machine that is moved; "
                     "response: 2s")
  # Answers that have come meanwhile are there to be read, however late it is for their timers.
  stage.account()
  opened = stage.by("gateway_ejections_total", "reason")
  stage.expect(not opened, f"backends were blamed for it: {opened}")


def _limited(port, seconds, passed):
  """Asks for the limited route as fast as it goes; counts by status."""
  client, end = hostile.connect(port), time.monotonic() + seconds
  while time.monotonic() < end:
    client.sendall(b"GET /hostile-limited HTTP/1.1\r\nHost: a.example\r\n\r\n")
    status = hostile.read_head(client)
    passed[status] = passed.get(status, 0) + 1
    time.sleep(0.002)
  client.close()


def clock(stage):
  """wall clock jumps"""
  path, shift = os.path.join(stage.directory, "access.log"), os.path.join(stage.directory, "shift")
  with open(shift, "wb") as f:
    f.write(struct.pack("q", 0))
  stage.add_backends(3, "delay", 100, 50)
  rate, burst = 40, 40
  configuration = stage.configuration(
    {"circuit_breaker": {"open": "1s", "max_open": "1s"}, "warm_up": "500ms",
     "connections": {"idle_timeout": "2s"}},
    logging=_logging(path),
    rate_limits={"steady": {"rate": f"{rate}/s", "burst": burst, "key": "global"}},
    routes=[{"name": "hostile-limited", "match": {"path": "/hostile-limited"},
             "rate_limits": ["steady"],
             "respond": {"status": 200, "body": "", "content_type": "text/plain"}}])
  stage.start(configuration, env={
    **os.environ, "LD_PRELOAD": stage.built["clock"], "FAULTS_CLOCK": shift})
  stage.load(2 * stage.seconds, rate=600)
  passed, began = {}, time.monotonic()
  limited = threading.Thread(target=_limited, args=(stage.port, 2 * stage.seconds - 0.5, passed))
  limited.start()
  day, jumps, turn = 86400, 0, 0
  for turn in range(round(stage.seconds * 4)):
    for seconds in (day, -day, 3600, -3600, 20 * 365 * day, -20 * 365 * day, 1, -1, 0):
      with open(shift, "r+b") as f:
        f.write(struct.pack("q", seconds * 1_000_000_000))
      jumps += 1
      time.sleep(0.04)
    if turn % 4 == 1:
      stage.backends[0].order("refuse")
    elif turn % 4 == 3:
      stage.backends[0].order("delay", 100, 50)
  limited.join()
  took = time.monotonic() - began
  stage.backends[0].order("delay", 100, 50)
  stage.join()
  stage.tried.append(f"{jumps} jumps of the wall clock, by a second to twenty years, both ways; "
                     "breakers, timers and a rate limit at work")
  stage.account(lost=64 * (turn // 4 + 1), cut=64 * (turn // 4 + 1))
  # What time allows, no more and no less: the clock of limits does not jump.
  most, least = burst + rate * took + 1, (burst + rate * (2 * stage.seconds - 0.6)) * 0.8
  stage.expect(least <= passed.get(200, 0) <= most,
               f"{passed} passed a limit of {rate}/s, burst {burst}, in {took:.1f} s")
  stage.expect(passed.get(429, 0) > 0, "the limit was never reached")
  years, latencies = set(), []
  for line in _lines(path):
    line = json.loads(line)
    years.add(line["time"][:4])
    latencies.append(line["latency_ms"])
  stage.expect(len(years) >= 3, f"the clock did not jump: the log knows only {years}")
  stage.expect(min(latencies) >= 0 and max(latencies) < 10_000,
               f"latencies from {min(latencies)} to {max(latencies)} ms")
  opened = stage.total("gateway_circuit_transitions_total", to="open")
  stage.expect(opened > 0, "no breaker was at work")
  stage.hostile_reasons = ("rate_limited",)
  stage.seen.append(f"log of the years {', '.join(sorted(years))}; latencies "
                    f"{min(latencies):.2f} to {max(latencies):.0f} ms")
  stage.seen.append(f"{passed.get(200, 0)} passed the limit, {least:.0f} to {most:.0f} may; "
                    f"{opened} times a breaker opened")


SCENARIOS = (signals, reloads, frozen, stopping, stopping_twice, clock)
