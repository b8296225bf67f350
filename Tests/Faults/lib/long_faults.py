# Why this file exists: what is lost a little at a time shows only after long: an hour's requests
# in less time, while backends fail, clients vanish and files change; then all must be as it was.
"""Scenario: the soak."""

import threading
import time

import hostile

# Of the memory after warming up; allocators keep what a burst needed once.
GROWTH_SHARE, GROWTH_MIB = 0.10, 4


def _vanish(port, over):
  turn = 0
  while not over.wait(0.02):
    phase = hostile.PHASES[turn % len(hostile.PHASES)]
    turn += 1
    if phase in (hostile.waiting, hostile.queued):
      continue  # routes of another scenario
    try:
      client = hostile.connect(port)
      phase(client)
      hostile.vanish(client, turn % 2)
    except OSError:
      continue


def soak(stage):
  """soak: an hour's requests in less time"""
  seconds = 8 * stage.seconds
  stage.add_backends(4)
  alone = stage.backends[3].address  # a failure that meets one who vanishes anyway is nobody's loss

  def configuration(response):
    return stage.configuration(
      {"backends": [backend.address for backend in stage.backends[:3]],
       "timeouts": {"connect": "500ms", "response": f"{response}s", "idle": "5s"}},
      services={"alone": {"backends": [alone]}}, apart="alone",
      logging={"level": "warning", "access": {"output": "none"}})
  stage.start(configuration(2))
  for mode in ("reset", "cut", "garbage"):  # what it will meet, so that memory for it is there
    stage.backends[0].order(mode, 5)
    stage.load(stage.seconds / 3, rate=0)
    stage.join()
  stage.backends[0].order("serve")
  time.sleep(0.5)
  before = stage.facts()
  over = threading.Event()
  crowd = threading.Thread(target=_vanish, args=(stage.port, over))
  crowd.start()
  stage.load(seconds, rate=0, connections=48, fresh=1)
  modes, samples, turn = ("reset", "cut", "fin", "garbage", "serve"), [], 0
  end = time.monotonic() + seconds
  while time.monotonic() < end - 1:
    stage.backends[turn % 3].order(modes[turn % len(modes)], 2)
    stage.backends[(turn + 1) % 3].order("serve")
    stage.write(configuration(2 + turn % 3))
    stage.ask("/reload", method="POST")
    samples.append(stage.facts()["rss_kib"])
    turn += 1
    time.sleep(0.9)
  for backend in stage.backends:
    backend.order("serve")
  over.set()
  crowd.join()
  stage.join()
  time.sleep(1)
  after, sent = stage.facts(), stage.counts.of("sent")
  grown = (after["rss_kib"] - before["rss_kib"]) / 1024
  most = before["rss_kib"] / 1024 * GROWTH_SHARE + GROWTH_MIB
  stage.tried.append(f"{sent:,} requests, which {sent / 3600:.0f} a second make in an hour, with "
                     f"{turn} reloads, backends that fail 2% and clients that vanish")
  stage.hostile_reasons = ("client_abort",)
  bad = sum(backend.report()["misbehaved"] for backend in stage.backends)
  stage.account(lost=bad, cut=bad, saved_may_be_lost=("upstream_protocol",))
  saved = sum(stage.by("gateway_retries_total", "reason", service="api").values())
  counts = stage.counts
  refused, cut = sum(counts.refused().values()), counts.of("cut")
  stage.expect(saved + refused + cut == bad,
               f"{bad} failures, but {saved} saved, {refused} refused and {cut} cut")
  stage.seen.append(f"{bad} failures of backends = {saved} saved + {refused} refused + {cut} cut")
  stage.expect(grown <= most, f"{grown:.1f} MiB more than before, at most {most:.1f}")
  stage.seen.append(f"memory {before['rss_kib'] / 1024:.1f} MiB before, "
                    f"{min(samples) / 1024:.1f} to {max(samples) / 1024:.1f} meanwhile, "
                    f"{after['rss_kib'] / 1024:.1f} after; descriptors {before['descriptors']} "
                    f"before, {after['descriptors']} after")


SCENARIOS = (soak,)
