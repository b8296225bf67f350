# Why this file exists: what the system and the configuration do not give: descriptors, memory,
# connections. At the limit everybody is told so in words, the admin listener goes on answering, and
# when the crowd has gone everything is as before.
"""Scenarios: limits that are hit."""

import resource
import time

import hostile
from stage import wait_until, words

OVERLOADED = ("overloaded",)


def _recovered(stage, rate=500):
  """After the crowd: not one request is refused any more."""
  wait_until(lambda: stage.total("gateway_client_connections") <= 1
             and not stage.total("gateway_shedding"), 10)
  time.sleep(1.2)  # connections are let in again when the limit has held for a second
  stage.load(1, rate=rate, fresh=20)
  after = stage.join()[0]
  good = sum(kind["good"] for kind in after["kinds"].values())
  sent = sum(kind["sent"] for kind in after["kinds"].values())
  stage.expect(good == sent > 0, f"afterwards {sent - good} of {sent} were not answered well")
  stage.seen.append(f"afterwards {good} of {sent} answered well")


def connections(stage):
  """connection limit hit"""
  stage.add_backends(2)
  stage.start(stage.configuration(limits={"connections": 100}))
  crowd = hostile.Crowd()
  stage.load(rate=500, connections=32, fresh=20)
  time.sleep(0.5)
  crowd.come(stage.port, 400)
  told = crowd.answers(0.5, enough=400 - 100)
  stage.expect(told.get(503, 0) >= 400 - 100, f"of 400 only {told} were refused")
  stage.expect(0 not in told, f"{told.get(0)} were closed without a word")
  stage.join()
  crowd.leave()
  stage.tried.append("limits.connections: 100; 400 connections that stay, beside clients that come "
                     "and go")
  stage.hostile_reasons = OVERLOADED
  stage.account(lost=stage.counts.of("sent"), saved_may_be_lost=OVERLOADED)
  stage.seen.append(f"of the crowd {told.get(503, 0)} were told 503, the others stayed")
  _recovered(stage)


def descriptors(stage):
  """descriptor limit hit"""
  stage.add_backends(2)
  stage.start(stage.configuration(limits={"connections": 65536}),
              wrapper=("prlimit", "--nofile=300:300"))
  crowd = hostile.Crowd()
  stage.load(stage.seconds + 1, rate=500, connections=32, fresh=20)
  time.sleep(0.5)
  crowd.come(stage.port, 600)
  told = crowd.answers(0.5)
  held = stage.facts()["descriptors"]
  stage.expect(held <= 300, f"{held} descriptors of 300")
  stage.expect(0 not in told, f"{told.get(0)} were closed without a word")
  stage.join()
  crowd.leave()
  stage.tried.append("RLIMIT_NOFILE 300; 600 connections that stay, beside clients that come and "
                     "go")
  stage.hostile_reasons = (*OVERLOADED, "client_abort", "upstream_timeout")
  stage.account(lost=stage.counts.of("sent"), saved_may_be_lost=OVERLOADED)
  stage.seen.append(f"{held} descriptors of 300 in use; of the crowd {words(told)} were told")
  _recovered(stage)


def descriptors_taken(stage):
  """descriptors that the system takes away"""
  stage.add_backends(2)
  stage.start(stage.configuration())
  stage.load(stage.seconds + 1, rate=500, connections=32, fresh=20)
  time.sleep(0.5)
  stage.watch.end()  # there is no descriptor for anybody, the admin listener included
  soft, hard = resource.prlimit(stage.child.pid, resource.RLIMIT_NOFILE)
  resource.prlimit(stage.child.pid, resource.RLIMIT_NOFILE, (16, hard))
  began, cpu = time.monotonic(), stage.cpu_seconds()
  crowd = hostile.Crowd()
  crowd.come(stage.port, 50)
  time.sleep(stage.seconds - 1)
  busy = (stage.cpu_seconds() - cpu) / (time.monotonic() - began)
  resource.prlimit(stage.child.pid, resource.RLIMIT_NOFILE, (soft, hard))
  stage.join()
  told = crowd.answers(0.3)
  crowd.leave()
  stage.tried.append(f"RLIMIT_NOFILE of the running gateway at 16 for {stage.seconds - 1:.1f} s")
  stage.hostile_reasons = OVERLOADED
  stage.account(lost=stage.counts.of("sent"), saved_may_be_lost=(*OVERLOADED, "connect_failed"))
  stage.expect(busy < 0.5, f"{busy:.0%} of a core while nothing could be accepted")
  stage.seen.append(f"{busy:.0%} of a core meanwhile; refused of the crowd: {words(told)}")
  _recovered(stage)


def _two_and_one(stage):
  """The configuration for two backends, and one for those who take nothing: it is kept busy."""
  stage.add_backends(3)
  alone = stage.backends.pop()
  return stage.configuration({"timeouts": {"response": "10s"}}, apart="alone",
                             services={"alone": {"backends": [alone.address]}})


def _take_nothing(stage):
  """Clients that each ask for much and take nothing, while the good ones go on: the gateway holds
  what its backends have sent ahead. Gives how many, what the gateway shed and how large it was."""
  crowd, shedding, highest = hostile.Crowd(), 0, 0
  stage.load(stage.seconds + 1, rate=300, connections=32, fresh=20)
  for _ in range(30):
    crowd.come(stage.port, 25, hostile.request("/hostile/4000000"))
    time.sleep(stage.seconds / 30)
    highest = max(highest, stage.facts()["rss_kib"] // 1024)
    shedding = max(shedding, stage.total("gateway_shedding"))
  stage.join()
  count = len(crowd.clients)
  crowd.leave(is_reset=True)
  stage.hostile_reasons = (*OVERLOADED, "client_abort", "upstream_timeout")
  stage.account(lost=stage.counts.of("sent"), saved_may_be_lost=OVERLOADED)
  stage.expect(shedding > 0, "the limit was not reached: nothing was shown")
  return count, shedding, highest


def memory(stage):
  """memory limit hit"""
  configuration = _two_and_one(stage)
  stage.start(configuration)
  stage.load(0.5, rate=500)
  stage.join()
  limit = stage.facts()["rss_kib"] // 1024 + 16
  stage.write({**configuration, "limits": {"memory": f"{limit}MiB"}})
  stage.ask("/reload", method="POST")
  count, shedding, highest = _take_nothing(stage)
  stage.tried.append(f"limits.memory: {limit}MiB, 16 MiB above the need; {count} clients ask for "
                     "4 MB each and take nothing")
  stage.expect(highest < limit + 32, f"{highest} MiB with a limit of {limit} MiB")
  stage.seen.append(f"at most {highest} MiB; shedding {shedding} of 4")
  _recovered(stage, 300)


def address_space(stage):
  """memory that the system does not give"""
  configuration = _two_and_one(stage)
  stage.start(configuration)
  rest = stage.child.memory_kib()
  stage.watch.end()
  stage.child.stop()
  # What it has at rest and 128 MiB; limits.memory must keep it well below, or an allocation fails.
  bound = (rest["VmPeak"] + 128 * 1024) * 1024
  limit = rest["VmRSS"] // 1024 + 20
  stage.start({**configuration, "limits": {"memory": f"{limit}MiB"}},
              wrapper=("prlimit", f"--as={bound}:{bound}"))
  count, shedding, _ = _take_nothing(stage)
  spare = bound // (1 << 20) - stage.child.memory_kib()["VmPeak"] // 1024
  stage.tried.append(f"RLIMIT_AS 128 MiB above the start, limits.memory: {limit}MiB; {count} "
                     "clients take nothing of 4 MB")
  stage.seen.append(f"shedding {shedding} of 4, {spare} MiB of address space were left")
  _recovered(stage, 300)


SCENARIOS = (connections, descriptors, descriptors_taken, memory, address_space)
