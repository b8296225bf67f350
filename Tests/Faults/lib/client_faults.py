# Why this file exists: what clients do to a gateway: they vanish in every phase of a request, and
# those of slowhttptest never come to an end. Good clients beside them must not notice.
"""Scenarios: faults of clients."""

import os
import subprocess
import time

import hostile
from children import BenchError, Child
from memory import idle_connections
from stage import Counts, wait_until, words


def seeing(stage):
  """the suite's own eyes, without a gateway between"""
  stage.add_backends(1)
  backend = stage.backends[0]
  stage.port = backend.port
  seen = {}
  for mode, word in (("flip", "wrong"), ("long", "wrong"), ("short", "cut"), ("cut", "cut"),
                     ("cut-chunked", "cut"), ("reset", "unanswered"), ("garbage", "cut")):
    backend.order(mode, 30)
    before = backend.report()["misbehaved"]
    stage.load(0.4, rate=500, connections=8, mix="get", patience=5)
    result = stage.join()[0]["kinds"]["get"]
    bad = backend.report()["misbehaved"] - before
    # What is too much comes after a good answer; behind a connection's last, nobody may read it.
    unread = 8 if mode == "long" else 0
    stage.expect(0 <= bad - result[word] <= unread < bad,
                 f"{mode}: {bad}, but {result[word]} seen as {word}")
    good = result["sent"] - (0 if mode == "long" else bad)
    stage.expect(result["good"] == good, f"{mode}: good ones taken for bad: {result}")
    seen[mode] = bad
  backend.order("serve")
  for _ in range(2):
    client = hostile.connect(stage.port)
    client.sendall(hostile.request("/100", "POST", mark=4711))
    hostile.read_head(client)
    client.close()
  stage.expect(len(stage.repeated()) == 1, "a request that was sent twice was not noticed")
  os.remove(backend.marks)
  stage.backends = []
  stage.tried.append("clients and a misbehaving backend face to face, nothing between them; one "
                     "request sent twice")
  stage.seen.append(f"all of it was noticed: {words(seen)}")
  stage.counts = Counts()  # what they saw was wished


def vanishing(stage):
  """clients vanish in every phase of a request"""
  stage.add_backends(2, "delay", 100, 5)
  stage.add_backends(1, "hang")
  hang = stage.backends.pop()
  behind = {"backends": [hang.address], "timeouts": {"response": "2s"}}
  stage.start(stage.configuration(
    services={"hang": behind, "narrow": {**behind, "connections": {
      "max": 2, "queue": 64, "queue_timeout": "1s"}}},
    routes=[{"name": "hostile-hang", "match": {"path": "/hostile-hang/*"}, "service": "hang"},
            {"name": "hostile-narrow", "match": {"path": "/hostile-narrow/*"},
             "service": "narrow"}]))
  stage.load(2 * stage.seconds + 1)
  heads, gone, end = 0, {}, time.monotonic() + 2 * stage.seconds
  while time.monotonic() < end:
    for phase in hostile.PHASES:
      for is_reset in (True, False):
        clients = [hostile.connect(stage.port) for _ in range(20)]
        heads += sum(phase(client) for client in clients)
        for client in clients:
          hostile.vanish(client, is_reset)
        gone[phase.__name__] = gone.get(phase.__name__, 0) + 20
  stage.join()
  stage.tried.append(f"{sum(gone.values()):,} clients vanish, half by RST and half by FIN: "
                     f"{words(gone)}")
  # Theirs; of the good clients nobody may meet one of these.
  stage.hostile_reasons = (
    "client_abort", "queue_full", "queue_timeout", "upstream_timeout", "head_timeout")
  stage.account()

  def recorded():
    return sum(stage.total("gateway_requests_total", route=route)
               for route in ("hostile", "hostile-hang", "hostile-narrow"))
  # A FIN only says that nothing follows: such requests end by their own timers.
  wait_until(lambda: recorded() == heads, 6)
  stage.expect(recorded() == heads, f"{heads} whole heads were sent, {recorded()} are on record")
  stage.seen.append(f"{heads:,} whole heads sent, as many on record")
  left = wait_until(lambda: hang.report()["open"] <= 2, 5)
  stage.expect(left, f"{hang.report()['open']} connections to the backend that hangs are left")


def idle(stage):
  """ten thousand idle clients beside the load"""
  stage.add_backends(2)
  stage.start(stage.configuration(
    routes=[{"name": "hostile-idle", "match": {"path": "/b/*"}, "service": "api"}]))
  stage.load(1)  # what follows is growth by the idle ones alone
  stage.join()
  count = idle_connections()
  before = stage.facts()
  holder = Child("hold", [stage.built["hold"], str(stage.port), str(count)],
                 os.path.join(stage.directory, "hold.log"), stage.cores, stdin=subprocess.PIPE)
  open_now = wait_until(
    lambda: stage.total("gateway_client_connections") >= count, 30, 0.2)
  if not open_now:
    raise BenchError(f"the idle clients did not all come: {holder.last_words()}")
  grown = stage.facts()["own_kib"] - before["own_kib"]
  stage.load(rate=2000, fresh=10)
  stage.join()
  still = stage.total("gateway_client_connections")
  stage.expect(still >= count, f"of {count} idle clients {still} are still there")
  holder.process.stdin.close()
  holder.process.wait(20)
  holder.stop()
  stage.tried.append(f"{count:,} clients that have asked once and stay, 2,000 requests a second "
                     "beside")
  stage.account()
  each = grown / count
  # 0.8 KiB in bench/README.md; slabs grow in pages, and a worker may hold more than its half.
  stage.expect(each < 2, f"{each:.2f} KiB for each idle client")
  stage.seen.append(f"{each:.2f} KiB for each idle client, p99 of the others "
                    f"{stage.counts.runs[-1]['p99_ms']:.1f} ms")


SLOW = {
  "slow heads (-H)": ["-H", "-i", "1", "-x", "24"],
  "slow bodies (-B)": ["-B", "-i", "1", "-s", "8192", "-x", "10"],
  "ranges (-R)": ["-R", "-a", "5", "-b", "1500"],
  "slow reading (-X)": ["-X", "-w", "128", "-y", "256", "-n", "1", "-z", "32", "-k", "3"],
}


def slow(stage):
  """slowhttptest in all modes beside good clients"""
  stage.add_backends(2)
  stage.start(stage.configuration(
    timeouts={"head": "3s", "body_idle": "3s", "write_idle": "3s", "keep_alive": "3s"}))
  for name, options in SLOW.items():
    test = Child("slowhttptest", [
      "slowhttptest", *options, "-c", "500", "-r", "250", "-p", "2", "-l",
      str(round(stage.seconds + 1)), "-t", "POST" if "-B" in options else "GET",
      "-u", f"http://127.0.0.1:{stage.port}/hostile/400000"],
      os.path.join(stage.directory, "slow.log"), stage.cores)
    time.sleep(0.5)
    stage.load(fresh=5)
    result = stage.join()[0]
    there = stage.total("gateway_client_connections")
    test.process.wait(60)
    test.stop()
    left = wait_until(lambda: stage.total("gateway_client_connections") <= 1, 10)
    stage.expect(left, f"{name}: connections left behind")
    stage.seen.append(f"{name}: {there} connections at the end, p99 of good clients "
                      f"{result['p99_ms']:.1f} ms, slowest {result['max_ms']:.0f} ms")
  told = stage.by("gateway_local_responses_total", "reason")
  stage.expect(told.get("head_timeout", 0) > 100, f"slow heads were not cut: {told}")
  stage.seen.append(f"the slow ones were told {words(told)}")
  stage.tried.append("500 connections in each mode, 250 more a second; head, body_idle, "
                     "write_idle: 3s")
  stage.hostile_reasons = ("client_abort", "head_timeout", "body_timeout", "upstream_reset",
                           "bad_request", "upstream_timeout")
  stage.account()


SCENARIOS = (seeing, vanishing, slow, idle)
