# Why this file exists: what backends do to a gateway. Three of them, about a thousand requests a
# second of every kind, and one or all of the three misbehave.
"""Scenarios: faults of backends."""

import signal
import time

from stage import LOSABLE, words

CONNECTIONS = 64
# Answers take 15 ms, so that about 20 requests are in flight whenever something happens.
LATE = ("delay", 100, 15)
RATE = 1500
RETRIES = {"retries": {"when": ["connect", "reused_reset", "reset", "timeout"]}}
QUICK = {"timeouts": {"connect": "500ms", "response": "500ms", "idle": "2s"}}
# What is small: a backend that trickles would need minutes for the large ones.
SMALL = "get:60,put:15,post:15,keyed:10"


def _saved(stage):
  """What the gateway says that it has tried again."""
  retries = stage.by("gateway_retries_total", "reason")
  stage.seen.append(f"tried again: {words(retries)}")
  return sum(retries.values())


def _misbehave(stage, *modes):
  """A backend for each mode, which does it to a fifth of its requests, under load to its end."""
  stage.add_backends(len(modes))
  stage.start(stage.configuration())
  for backend, mode in zip(stage.backends, modes):
    backend.order(mode, 20)
  stage.load(connections=CONNECTIONS)
  stage.join()


def _misbehaved(stage):
  return sum(backend.report()["misbehaved"] for backend in stage.backends)


def killed(stage):
  """backend killed and started again"""
  times = max(2, round(stage.seconds / 1.2))
  stage.add_backends(3, *LATE)
  stage.start(stage.configuration())
  stage.load(times * 1.2 + 0.5, rate=RATE, connections=CONNECTIONS)
  for turn in range(times):
    time.sleep(0.6)
    stage.backends[turn % 3].kill()
    time.sleep(0.6)
    stage.backends[turn % 3].start()
  stage.join()
  stage.tried.append(f"SIGKILL to one of three backends {times} times, back after 0.6 s")
  # Of what is in flight at a kill a third may be there; all of it would be the bound of a liar.
  stage.account(lost=times * CONNECTIONS // 2, cut=times * CONNECTIONS // 2)
  _saved(stage)
  stage.seen.append(f"longest gap {stage.counts.slowest('longest_gap_ms'):.0f} ms")


def paused(stage):
  """backend paused and continued"""
  times = max(1, round(stage.seconds / 3))
  stage.add_backends(3, *LATE)
  stage.start(stage.configuration({**RETRIES, **QUICK}))
  stage.load(times * 3 + 0.5, rate=RATE, connections=CONNECTIONS)
  for turn in range(times):
    time.sleep(0.5)
    stage.backends[turn % 3].signal(signal.SIGSTOP)
    time.sleep(1.5)
    stage.backends[turn % 3].signal(signal.SIGCONT)
    time.sleep(1)
  stage.join()
  stage.tried.append(f"SIGSTOP to one of three backends for 1.5 s, {times} times; response: 500ms")
  # Everybody may be waiting there, and after an ejection somebody looks again.
  stage.account(lost=times * CONNECTIONS, cut=times * CONNECTIONS)
  _saved(stage)
  stage.expect(stage.counts.slowest("max_ms") < 6000, "a request took longer than its timers allow")
  stage.seen.append(f"slowest answer {stage.counts.slowest('max_ms'):.0f} ms")


def refusing(stage):
  """backend refuses connections"""
  stage.add_backends(3, *LATE)
  stage.start(stage.configuration())
  stage.load(stage.seconds + 1, rate=RATE, connections=CONNECTIONS)
  time.sleep(0.5)
  stage.backends[0].order("refuse")
  time.sleep(stage.seconds - 0.5)
  stage.backends[0].order(*LATE)
  stage.join()
  stage.tried.append(f"one of three backends closes its socket for {stage.seconds - 0.5:.1f} s")
  # What is in flight there when it closes is reset; from then on every method can be saved.
  stage.account(lost=CONNECTIONS // 2, cut=CONNECTIONS // 2)
  _saved(stage)


def resetting(stage):
  """backend resets instead of answering"""
  _misbehave(stage, "reset", "fin", "serve")
  bad = _misbehaved(stage)
  stage.tried.append("of three backends one resets a fifth of its requests, one ends them with FIN")
  stage.account(lost=bad)
  saved, gone = _saved(stage), stage.counts.lost(LOSABLE)
  # Each reset was either saved or was one that may not be: nothing is counted twice or not at all.
  stage.expect(saved + gone == bad, f"{bad} resets, but {saved} saved and {gone} lost")
  stage.seen.append(f"{bad} resets = {saved} saved + {gone} lost")


def exhausting(stage):
  """more resets than the retry budget allows"""
  stage.add_backends(3)
  # Nobody is taken out, so that only the budget stands between a request and its repeat.
  stage.start(stage.configuration({"health": {"passive": "none"}, "retries": {
    "budget": "10%", "budget_floor": "5/s", "attempts": 2}}))
  for backend in stage.backends:
    backend.order("reset", 50)
  stage.load(connections=CONNECTIONS)
  stage.join()
  bad, sent = _misbehaved(stage), stage.counts.of("sent")
  stage.tried.append("all three backends reset half of their requests; budget: 10%, floor 5/s")
  stage.account(lost=bad, saved_may_be_lost=("upstream_reset",))
  saved, gone = _saved(stage), sum(stage.counts.refused().values())
  # A share of the requests and the floor, for each ten seconds; two workers may both take the last.
  most = sent * 0.1 + 50 * (1 + int(stage.seconds // 10)) + 8
  stage.expect(saved <= most, f"{saved} repeats, but the budget is {most:.0f}")
  stage.expect(saved >= sent * 0.05, f"only {saved} repeats: the budget was not used")
  stage.expect(saved + gone == bad, f"{bad} resets, but {saved} saved and {gone} lost")
  stage.seen.append(f"{bad} resets = {saved} saved + {gone} lost; the budget is {most:.0f}")


def resetting_at_accept(stage):
  """backend resets connections at accept"""
  stage.add_backends(3)
  stage.start(stage.configuration({"connections": {"idle": 1}}))
  stage.backends[0].order("reset-accept", 50)
  stage.load(connections=CONNECTIONS)
  stage.join()
  stage.tried.append("one of three backends resets half of its connections at once")
  stage.account(lost=stage.counts.of("sent", LOSABLE) // 3)
  _saved(stage)


def trickling_heads(stage):
  """backend trickles the heads of its answers"""
  stage.add_backends(3)
  # A head of about 120 bytes takes 2.4 s, and an answer that is only late much less than 1.5 s.
  stage.start(stage.configuration(
    {**RETRIES, "timeouts": {**QUICK["timeouts"], "response": "1500ms"}}))
  stage.backends[0].order("trickle-head", 20)
  stage.load(connections=256, rate=500, mix=SMALL)
  stage.join()
  bad = _misbehaved(stage)
  stage.tried.append("one of three backends sends a fifth of its heads byte by byte, 20 ms each; "
                     "response: 1500ms")
  stage.account(lost=bad)
  saved, gone = _saved(stage), stage.counts.lost(LOSABLE)
  stage.expect(saved + gone == bad, f"{bad} trickled, but {saved} saved and {gone} lost")
  stage.expect(stage.counts.slowest("max_ms") < 6000, "a trickling head extended its time")


def trickling_bodies(stage):
  """backend trickles the bodies of its answers"""
  stage.add_backends(3)
  stage.start(stage.configuration(QUICK))
  for backend in stage.backends:
    backend.order("trickle-body", 50)
  stage.load(connections=256, rate=1000, mix=SMALL)
  stage.join()
  stage.tried.append("half of the bodies come in pieces of 64 bytes, 20 ms each: slow, but alive")
  stage.account()


def lying(stage):
  """backend lies about its answer's length or end"""
  _misbehave(stage, "short", "cut", "cut-chunked", "bad-chunk", "long")
  reports = [backend.report()["misbehaved"] for backend in stage.backends]
  stage.tried.append("five backends, a fifth of their answers each: too short, reset in the "
                     "middle, last chunk missing, no chunk at all, too long")
  bad = sum(reports[:4])
  # The head has gone out when the body turns out to be cut: it can only be cut for the client too.
  stage.account(cut=bad)
  cut = stage.counts.of("cut")
  stage.expect(cut == bad, f"{bad} answers broke off, {cut} clients saw it")
  stage.seen.append(f"{bad} broken = {cut} cut; {reports[4]} too long, none of it passed on")


def garbage(stage):
  """backend sends what is no answer"""
  _misbehave(stage, "garbage", "two-lengths", "serve")
  bad = _misbehaved(stage)
  stage.tried.append("of three backends one sends noise for a fifth of its heads, one two lengths")
  # retries.when has no word for it: a backend that is not understood may have done anything.
  stage.account(lost=bad, saved_may_be_lost=("upstream_protocol",))
  found = stage.counts.refused().get("upstream_protocol", 0)
  stage.expect(found == bad, f"{bad} heads were none, {found} answers say so")
  stage.seen.append(f"{bad} invalid heads = {found} answers 502 upstream_protocol")


def closing(stage):
  """backend closes kept connections without a word"""
  stage.add_backends(3)
  stage.start(stage.configuration())
  for backend in stage.backends:
    backend.order("close", 50)
  stage.load(connections=CONNECTIONS)
  stage.join()
  stage.tried.append("all backends end every second connection after an answer, unannounced")
  # A POST that meets the end of its connection is not sent where the end can be seen before.
  stage.account(lost=stage.counts.of("sent", LOSABLE) // 50)
  _saved(stage)


def all_dead(stage):
  """every backend killed and started again"""
  stage.add_backends(3, *LATE)
  breaker = {"circuit_breaker": {"open": "500ms", "consecutive_failures": 5, "max_open": "1s"}}
  stage.start(stage.configuration(breaker))
  began = time.monotonic()
  stage.load(stage.seconds + 4, rate=RATE, connections=CONNECTIONS)
  time.sleep(1)
  for backend in stage.backends:
    backend.kill()
  time.sleep(stage.seconds - 1)
  for backend in stage.backends:
    backend.start()
  back = time.monotonic() - began
  result = stage.join()[0]
  stage.tried.append(f"all three backends dead for {stage.seconds - 1:.1f} s, breakers on; back")
  reasons = ("connect_refused", "connect_failed", "upstream_reset", "circuit_open", "all_unhealthy")
  stage.account(lost=stage.counts.of("sent", LOSABLE), cut=CONNECTIONS, saved_may_be_lost=reasons)
  late = result["last_bad_s"] - back
  stage.expect(late < 2.5, f"still refusing {late:.1f} s after the backends were back")
  stage.seen.append(f"the last refusal {late:.1f} s after they were back")


def storm(stage):
  """every fault of every backend in turn"""
  modes = ("serve", "reset", "fin", "close", "short", "cut", "cut-chunked", "long", "garbage",
           "bad-chunk", "refuse", "reset-accept", "status")
  stage.add_backends(4)
  stage.start(stage.configuration({**RETRIES, **QUICK}))
  stage.load(2 * stage.seconds, connections=CONNECTIONS)
  end, turn = time.monotonic() + 2 * stage.seconds - 0.5, 0
  while time.monotonic() < end:
    # One always serves; the others walk through the modes out of step.
    stage.backends[1 + turn % 3].order(modes[turn % len(modes)], 30, 503)
    turn += 1
    time.sleep(0.08)
  for backend in stage.backends:
    backend.order("serve")
  stage.join()
  stage.tried.append(f"{turn} changes of behaviour on three of four backends, 13 modes")
  sent = stage.counts.of("sent")
  stage.account(lost=sent, cut=sent, saved_may_be_lost=("upstream_protocol",))
  _saved(stage)
  stage.load(1, rate=500)
  after = stage.join()[0]
  good = sum(kind["good"] for kind in after["kinds"].values())
  total = sum(kind["sent"] for kind in after["kinds"].values())
  stage.expect(good == total, f"after the storm {total - good} of {total} were not answered well")


SCENARIOS = (killed, paused, refusing, resetting, exhausting, resetting_at_accept, trickling_heads,
             trickling_bodies, lying, garbage, closing, all_dead, storm)
