# Why this file exists: a scenario says what is done to a gateway; everything around it (a gateway
# with its backends, good clients, somebody who asks the admin listener all the time, and what
# must be true afterwards) is the same for all of them.
"""The stage of a scenario."""

import json
import os
import re
import signal
import subprocess
import threading
import time
import urllib.error
import urllib.request

from children import BenchError, Child, free_port

# Kinds of requests that may be sent twice (semantics.md section 4) and whose body, if they have
# one, fits into what the gateway keeps: not one of them may be lost while another backend lives.
SAVED = ("get", "put", "keyed", "download", "chunked")
# Those that may not (post), or whose body is too large to be kept (large).
LOSABLE = ("post", "large")


class Skipped(Exception):
  """This machine, or this user, cannot play the scenario; the text says why."""


def wait_until(condition, seconds=5, pause=0.02):
  """What the condition gives once it is true, or the last it gave when time is up."""
  deadline = time.monotonic() + seconds
  while True:
    value = condition()
    if value or time.monotonic() > deadline:
      return value
    time.sleep(pause)


class Backend:
  """One backend process and its orders."""

  def __init__(self, stage, number, manner):
    self.stage, self.number, self.manner, self.port = stage, number, manner, free_port()
    self.address = f"127.0.0.1:{self.port}"
    self.marks = os.path.join(stage.directory, f"marks-{number}")
    self.start()

  def start(self):
    log = os.path.join(self.stage.directory, f"backend-{self.number}.log")
    command = [self.stage.built["backend"], str(self.port), self.marks]
    self.child = Child("backend", command, log, self.stage.cores, stdin=subprocess.PIPE,
                       stdout=subprocess.PIPE, text=True)
    self.child.wait_until_it_listens(self.port)
    self.order(*self.manner)

  def kill(self):
    os.kill(self.child.pid, signal.SIGKILL)
    self.child.process.wait()
    self.child.stop()

  def signal(self, number):
    os.kill(self.child.pid, number)

  def _say(self, line):
    self.child.process.stdin.write(line + "\n")
    self.child.process.stdin.flush()
    return self.child.process.stdout.readline()

  def order(self, mode, share=100, number=0):
    """From when this returns requests that come are met so."""
    if self._say(f"{mode} {share} {number}").strip() != mode:
      raise BenchError(f"backend {self.number} does not take its orders: {self.child.last_words()}")

  def report(self):
    return json.loads(self._say("report"))


class Counts:
  """What all the good clients of a scenario saw, added up."""

  def __init__(self):
    self.kinds, self.statuses, self.examples, self.runs = {}, {}, [], []

  def add(self, result):
    self.runs.append(result)
    self.examples += result["examples"]
    for status, count in result["statuses"].items():
      self.statuses[status] = self.statuses.get(status, 0) + count
    for kind, counts in result["kinds"].items():
      mine = self.kinds.setdefault(kind, {"refused": {}})
      for word, count in counts["refused"].items():
        mine["refused"][word] = mine["refused"].get(word, 0) + count
      for word in ("sent", "good", "backend", "cut", "unanswered", "wrong"):
        mine[word] = mine.get(word, 0) + counts[word]

  def of(self, word, kinds=SAVED + LOSABLE):
    return sum(self.kinds.get(kind, {}).get(word, 0) for kind in kinds)

  def refused(self, kinds=SAVED + LOSABLE):
    """{reason: count} of requests that the gateway answered itself."""
    total = {}
    for kind in kinds:
      for word, count in self.kinds.get(kind, {"refused": {}})["refused"].items():
        total[word] = total.get(word, 0) + count
    return total

  def lost(self, kinds):
    """Requests that were not answered as they were meant, without those cut visibly."""
    return sum(self.refused(kinds).values()) + self.of("unanswered", kinds)

  def slowest(self, word):
    return max((run[word] for run in self.runs), default=0)


class AdminWatch(threading.Thread):
  """Asks the admin listener the whole time: it must answer whatever happens to requests."""

  # A listener that waits for requests or files never answers; one that waits for a core does.
  PATIENCE = 5

  def __init__(self, stage):
    super().__init__(daemon=True)
    self.stage, self.asked, self.failed, self.slowest = stage, 0, [], 0.0
    self.over = threading.Event()

  def run(self):
    while not self.over.wait(0.05):
      path = ("/readyz", "/metrics", "/status", "/livez")[self.asked % 4]
      self.asked += 1
      began = time.monotonic()
      try:
        self.stage.ask(path, self.PATIENCE)
      except (OSError, BenchError) as error:
        self.failed.append(f"{path} after {time.monotonic() - began:.2f} s: {error}")
      self.slowest = max(self.slowest, time.monotonic() - began)

  def end(self):
    self.over.set()
    self.join()


class Stage:
  """A gateway, the backends behind it, its clients, and the verdict."""

  def __init__(self, built, gateway, directory, seconds, scale):
    self.built, self.binary, self.directory = built, gateway, directory
    self.seconds, self.scale = seconds, scale
    self.cores = ",".join(map(str, sorted(os.sched_getaffinity(0))))
    self.backends, self.loads, self.watch, self.child = [], [], None, None
    self.port, self.admin_port = free_port(), free_port()
    self.counts = Counts()
    self.tried, self.lost, self.seen, self.broken = [], [], [], []
    self.base = {}
    # Reasons that those who are not counted have met; the good clients' are then not compared.
    self.hostile_reasons = ()

  # What is printed.

  def expect(self, is_true, text):
    """A bound. When it is broken the scenario has failed."""
    if not is_true:
      self.broken.append(text)
    return is_true

  # Setting up.

  def add_backends(self, count, *manner):
    """`manner`: what each of them does from its start, as an order."""
    self.backends += [
      Backend(self, len(self.backends) + i, manner or ("serve",)) for i in range(count)]

  def configuration(self, service=None, services=None, routes=(), apart="api", **top):
    """The file as a value; JSON is YAML. `service`: settings of the one behind the good clients;
    `apart`: the service of those who vanish; `top`: further parts of the file. Requests that come
    by a route named `hostile…` are counted apart from those of the good clients."""
    api = {
      "backends": [backend.address for backend in self.backends],
      "timeouts": {"connect": "500ms", "response": "2s", "idle": "5s"},
      # A backend that is back is tried again soon: scenarios are short.
      "health": {"passive": {"ejection": "1s", "max_ejection": "2s"}},
      **(service or {})}
    all_routes = [
      *routes, {"name": "good", "match": {"path": "/*"}, "service": "api"},
      {"name": "hostile", "match": {"path": "/hostile/*"}, "service": apart,
       "strip_prefix": "/hostile"}]
    return {
      "listeners": [{"address": f"127.0.0.1:{self.port}"}],
      "admin": {"address": f"127.0.0.1:{self.admin_port}"},
      "workers": 2, "logging": {"access": {"output": "none"}},
      "services": {"api": api, **(services or {})}, "routes": all_routes, **top}

  @property
  def file(self):
    return os.path.join(self.directory, "gateway.yaml")

  def write(self, configuration):
    """Whole at once, as an editor does it."""
    text = configuration if isinstance(configuration, str) else json.dumps(configuration, indent=1)
    with open(self.file + ".new", "w") as f:
      f.write(text)
    os.rename(self.file + ".new", self.file)

  def start(self, configuration, wrapper=(), **streams):
    self.write(configuration)
    self.log = os.path.join(self.directory, "gateway.log")
    self.child = Child("gateway", [self.binary, "run", "--config", self.file], self.log,
                       self.cores, wrapper, **streams)
    self.child.wait_until_it_listens(self.port)
    self.watch = AdminWatch(self)
    self.watch.start()
    time.sleep(0.3)
    self.base = self.facts()

  def load(self, seconds=None, rate=1000, connections=64, **options):
    """Good clients, from now on for so long; join() waits for them."""
    log = os.path.join(self.directory, f"client-{len(self.loads)}.json")
    words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
    client = Child("client", [
      self.built["client"], "--port", str(self.port), "--connections", str(connections), "--rate",
      str(rate), "--seconds", str(seconds or self.seconds), *words], log, self.cores)
    self.loads.append(client)
    return client

  def result(self, client, patience=45):
    """What one of the clients saw. It is counted once, here or in join()."""
    try:
      client.process.wait(patience + self.scale * 60)
    except subprocess.TimeoutExpired:
      raise BenchError("the clients did not come to an end") from None
    self.loads.remove(client)
    client.stop()
    if client.process.returncode != 0:
      raise BenchError(f"a client failed: {client.last_words()}")
    result = json.loads(client.last_words())
    self.counts.add(result)
    return result

  def join(self):
    return [self.result(client) for client in list(self.loads)]

  # Looking.

  def ask(self, path, patience=5, method="GET"):
    """The body of an answer of the admin listener, whatever its status."""
    request = urllib.request.Request(
      f"http://127.0.0.1:{self.admin_port}{path}", method=method,
      data=b"" if method == "POST" else None)
    try:
      with urllib.request.urlopen(request, timeout=patience) as answer:
        return answer.read().decode()
    except urllib.error.HTTPError as error:
      return error.read().decode()

  def metrics(self):
    """[(name, labels, value)] of /metrics."""
    series = []
    for line in self.ask("/metrics").splitlines():
      found = re.match(r"(\w+)(?:\{(.*)\})? (\S+)", line)
      if found and not line.startswith("#"):
        labels = dict(re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', found[2] or ""))
        series.append((found[1], labels, float(found[3])))
    return series

  def total(self, name, series=None, **labels):
    return int(sum(
      value for found, has, value in series or self.metrics()
      if found == name and all(has.get(k) == v for k, v in labels.items())))

  def by(self, name, label, series=None, **labels):
    """{value of the label: sum} without zeros."""
    sums = {}
    for found, has, value in series or self.metrics():
      if found == name and value and all(has.get(k) == v for k, v in labels.items()):
        sums[has[label]] = sums.get(has[label], 0) + int(value)
    return sums

  def facts(self):
    """Memory and descriptors of the gateway, from outside."""
    return {
      "rss_kib": self.child.memory_kib()["VmRSS"],
      "own_kib": self.child.own_kib(),
      "descriptors": len(os.listdir(f"/proc/{self.child.pid}/fd"))}

  def cpu_seconds(self):
    """Time that the gateway's threads have used, user and system."""
    with open(f"/proc/{self.child.pid}/stat") as f:
      fields = f.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

  # The verdict.

  def account(self, lost=0, cut=0, saved_may_be_lost=()):
    """Judges what the clients saw. `lost`: so many of the requests that may not be repeated may be
    lost; `cut`: so many answers may break off visibly after their head; `saved_may_be_lost`:
    reasons for which even a request that may be repeated is refused."""
    counts = self.counts
    saved = {word: count for word, count in counts.refused(SAVED).items()
             if word not in saved_may_be_lost}
    self.expect(not saved, f"lost although they could be saved: {saved}")
    gone, broken = counts.lost(LOSABLE), counts.of("cut")
    self.expect(gone <= lost, f"{gone} that may not be repeated lost, at most {lost} may be")
    self.expect(broken <= cut, f"{broken} answers cut, at most {cut} may be")
    if gone:
      self.lost.append(f"{gone} of {counts.of('sent', LOSABLE):,} that may not be repeated "
                       f"({words(counts.refused(LOSABLE))}; bound {lost})")
    if broken:
      self.lost.append(f"{broken} cut visibly after their head (bound {cut})")
    given_up = {word: count for word, count in counts.refused(SAVED).items()
                if word in saved_may_be_lost}
    if given_up:
      self.lost.append(f"{sum(given_up.values())} refused in words, as they must be "
                       f"({words(given_up)})")

  def compare(self):
    """The gateway's counts against the clients', to the request."""
    def differences():
      series = self.metrics()
      # Without a route are requests that were refused before one was looked for.
      apart = ("hostile", "-") if self.hostile_reasons else ("hostile",)
      good = [one for one in series if not one[1].get("route", "").startswith(apart)]
      statuses = self.by("gateway_requests_total", "status", good)
      seen, refused = dict(self.counts.statuses), self.counts.refused()
      reasons = self.by("gateway_local_responses_total", "reason", series)
      for word in self.hostile_reasons:
        reasons.pop(word, None)
      if "overloaded" in self.hostile_reasons:
        # Connections are refused of this side and of that; whose they are nobody knows.
        refused.pop("overloaded", None)
        statuses.pop("503", None)
        seen.pop("503", None)
      found = [
        f"status {word}: clients {seen.get(word, 0)}, metrics {statuses.get(word, 0)}"
        for word in sorted({*statuses, *seen}) if statuses.get(word, 0) != seen.get(word, 0)]
      # An answer that was cut after its head has a reason too.
      own = sum(reasons.values()) - sum(refused.values())
      if own != self.counts.of("cut"):
        found.append(
          f"reasons: clients {refused} and {self.counts.of('cut')} cut, metrics {reasons}")
      return found

    wait_until(lambda: not differences(), 10)
    found = differences()
    self.expect(not found, f"metrics and clients disagree: {'; '.join(found)}")
    if not found:
      self.seen.append("metrics agree to the request")

  def settle(self):
    """Everybody is gone: nothing may be left of them."""
    def left():
      series = self.metrics()
      gauges = {
        "client connections": self.total("gateway_client_connections", series),
        "requests in flight": self.total("gateway_active_connections", series),
        "active connections": self.total("gateway_pool_connections", series, state="active")}
      return {name: value for name, value in gauges.items() if value}
    wait_until(lambda: not left(), 8)
    self.expect(not left(), f"left behind: {left()}")
    # Idle connections to backends are meant to stay; anything else is not.
    idle = self.total("gateway_pool_connections", state="idle")
    def beyond():
      return self.facts()["descriptors"] - self.base["descriptors"] - idle
    wait_until(lambda: beyond() <= 3, 5)  # the admin watch's own
    self.expect(beyond() <= 3, f"{beyond()} descriptors left behind")

  def finish(self):
    """What holds at the end of every scenario."""
    self.join()
    counts = self.counts
    missing = counts.of("unanswered")
    self.expect(counts.of("wrong") == 0, f"{counts.of('wrong')} answers silently wrong")
    self.expect(missing == 0, f"{missing} requests without an answer")
    self.broken += counts.examples
    if self.child is not None:
      self.finish_gateway()
    twice = self.repeated()
    self.expect(not twice, f"{len(twice)} that may not be repeated were sent twice: {twice[:3]}")

  def finish_gateway(self):
    runs = self.child.process.poll() is None
    if self.expect(runs, f"the gateway ended by itself: {self.child.last_words()}"):
      self.settle()
      self.compare()
      self.watch.end()
      self.expect(not self.watch.failed, f"admin did not answer: {self.watch.failed[:3]}")
      self.seen.append(
        f"admin answered {self.watch.asked} times, slowest {self.watch.slowest * 1000:.0f} ms")
      self.child.process.send_signal(signal.SIGTERM)
      self.expect_end(0)
    self.watch.end()

  def expect_end(self, code, seconds=12):
    try:
      found = self.child.process.wait(seconds)
    except subprocess.TimeoutExpired:
      self.expect(False, f"the gateway did not end in {seconds} s")
      self.child.stop()
      return
    self.child.stop()
    self.expect(found == code, f"exit code {found}, not {code}: {self.child.last_words()}")

  def repeated(self):
    """Marks that a backend has seen more than once, as 16 digits."""
    seen, twice = set(), []
    for backend in self.backends:
      with open(backend.marks, "rb") as f:
        count = int.from_bytes(f.read(8), "little")
        for _ in range(count):
          mark = f.read(8)
          if mark in seen:
            twice.append(f"{int.from_bytes(mark, 'little'):016x}")
          seen.add(mark)
    return twice

  def close(self):
    if self.watch:
      self.watch.over.set()


def words(counts):
  return ", ".join(f"{count} {word}" for word, count in sorted(counts.items())) or "none"
