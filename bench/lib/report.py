# Why this file exists: people read one table. This makes it, and the machine's lines under it.
"""The table for people."""

import balancers
import limiting
import reloading
import scraping
from rounds import SHAPES

COUNT, MICROS, RATE, BYTES, KIB, MIB, MILLIS = (
  "{:,.0f}", "{:,.1f} µs", "{:,.0f}", "{:,.0f} MB/s", "{:,.2f} KiB", "{:,.1f} MiB", "{:,.1f} ms")


QUIET = 0.02  # share of time a measured program may wait for its core


def _shape_rows(prefix, measure, pattern, note=""):
  return [
    (f"{prefix}/{shape.name}", shape.label + note, pattern)
    for shape in SHAPES if measure in shape.measures]


SECTIONS = (
  ("per request, counted", [
    ("instructions", "user instructions", COUNT),
    ("syscalls", "system calls", "{:.2f}"),
    ("allocations", "allocations", "{:.2f}"),
    ("retains", "retains and releases", "{:.2f}"),
  ]),
  ("user instructions per request, by balancer", balancers.rows(COUNT)),
  ("user instructions per request, under a rate limit", limiting.rows(COUNT)),
  ("a reload under load", reloading.rows()),
  ("a scrape of 1,000 routes and 1,000 backends under load", scraping.rows()),
  ("CPU time per request (user + system, one pinned core)", _shape_rows("cpu", "cpu", MICROS)),
  ("requests per second", _shape_rows("rate", "latency", RATE)),
  ("latency, p50", _shape_rows("p50", "latency", MICROS)),
  ("latency, p99", _shape_rows("p99", "latency", MICROS)),
  ("latency, p99.9", _shape_rows("p999", "latency", MICROS)),
  ("bodies", _shape_rows("bytes", "bodies", BYTES)
   + _shape_rows("peak", "bodies", MIB, ", peak memory")),
  ("memory", [
    ("idle_kib", "per idle keep-alive connection", KIB),
    ("idle_resident_mib", "resident, all of them open", MIB),
    ("rest_resident_mib", "resident, at rest after load", MIB),
    ("stream_kib/down", "per 100 MiB body, client stalls", "{:,.0f} KiB"),
    ("stream_kib/up", "per 100 MiB body, backend stalls", "{:,.0f} KiB"),
  ]),
  ("start-up", [("startup", "exec to first proxied answer", MILLIS)]),
)


def _cells(key, pattern, programs, values, verdict):
  cells = []
  for program in programs:
    value = values.get(program.name, {}).get(key)
    text = "-" if value is None else pattern.format(value)
    if program.name == "gateway":
      cells += [text, *_judgement(verdict)]
    else:
      cells.append(text)
  return cells


def _judgement(verdict):
  if verdict is None:
    return ["", "", ""]
  share = "" if verdict.share is None else f"{verdict.share:.2f}"
  return [share, verdict.target, verdict.word]


def table(scenario_title, programs, values, verdicts):
  """The whole table as text; a section nobody measured is left out."""
  head = []
  for program in programs:
    head += [program.title, "share", "target", ""] if program.name == "gateway" else [program.title]
  lines = [("head", scenario_title, head)]
  for title, rows in SECTIONS:
    body = [
      ("row", "  " + label, _cells(key, pattern, programs, values, verdicts.get(key)))
      for key, label, pattern in rows
      if any(key in values.get(program.name, {}) for program in programs)]
    if body:
      lines += [("section", title, []), *body]
  return _layout(lines)


def _layout(lines):
  columns = max(len(cells) for _, _, cells in lines)
  first = max(len(label) for kind, label, _ in lines if kind == "row")
  widths = [max([len(cells[i]) for _, _, cells in lines if cells]) for i in range(columns)]
  text = []
  for kind, label, cells in lines:
    if kind == "head":
      text += [label, ""]
      label = ""
    elif kind == "section":
      text += ["", label] if text[-1] != "" and len(text) > 3 else [label]
      continue
    text.append((label.ljust(first) + "  " + "  ".join(
      cell.rjust(width) for cell, width in zip(cells, widths))).rstrip())
  return "\n".join(text)


def quiet_line(values):
  """Whether the times mean anything: how long measured programs waited for a core of their own."""
  waits = [v for keys in values.values() for key, v in keys.items() if key.startswith("wait/")]
  if not waits:
    return ""
  mean = sum(waits) / len(waits)
  word = "quiet machine" if mean < QUIET else "NOT a quiet machine, times mean little"
  return f"{word}: measured programs waited {mean:.1%} of the time for their core"


def machine_lines(machine, programs):
  versions = ", ".join(f"{p['title']} {p['version']}" for p in programs.values() if p["version"])
  return "\n".join((
    f"machine: {machine['cpu']}, {machine['cores']} cores, {machine['memory_mib']:,} MiB; "
    f"{machine['system']}, Linux {machine['kernel']}",
    f"pinning: {machine['pinning']}",
    f"programs: {versions}",
    "share: of the better of nginx and HAProxy in this run",
    "near: worse than the target by less than the noise of the measure",
  ))


def function_lines(detail):
  """The most expensive functions of each program that was asked for them."""
  lines = []
  for name, parts in detail.items():
    if parts.get("functions"):
      lines.append(f"{name}: user instructions per request by function")
      lines += [
        f"  {f['instructions']:10,.1f}  {f['function']}  ({f['object']})"
        for f in parts["functions"]]
  return "\n".join(lines)
