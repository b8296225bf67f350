// Why this file exists: from one look at /status to what stands on the page around the services.

/** `name` is what it is about: words of ours, or with `isName` somebody's name for it. */
const tell = (list, word, text, name, isName = false) => list.push({ word, text, name, isName });

/** `a, b and 3 more` */
function some(names) {
  const shown = names.slice(0, 3).map(printable).join(", ");
  return names.length > 3 ? `${shown} and ${names.length - 3} more` : shown;
}

/** What somebody should look at, without numbers that change all the time: this is read out. */
function attentionOf(status, memory) {
  const list = [];
  const last = status.configuration.last_reload;
  if (status.shedding !== "nothing") tell(list, "bad", `refuses ${status.shedding}: it has more to do than it can`, "Overloaded");
  if (last?.result === "refused") {
    tell(list, "bad", `${counted(last.errors, "error")}; generation ${status.configuration.generation} stays in use`, "The configuration was refused");
  }
  for (const service of status.services) attentionOfService(service, memory, list);
  const waits = status.configuration.needs_restart;
  if (waits.length) tell(list, "warn", some(waits), "In use only after a restart");
  if (memory.rate((look) => look.dropped) > 0) tell(list, "warn", "its sink does not take them", "Lines of the access log are dropped");
  if (Math.max(...status.event_loop_lag_ms) > 50) tell(list, "warn", "requests wait for a worker that is late", "Event loop lag");
  for (const limit of status.limits) {
    if (memory.rate((look) => look.limits.get(limit.name)?.evictions) > 0) {
      tell(list, "warn", "it forgets keys, max_keys is too small or somebody makes up keys", `Limit ${printable(limit.name)}`);
    }
  }
  const weights = ["bad", "warn", "soft"];
  return list.sort((one, other) => weights.indexOf(one.word) - weights.indexOf(other.word));
}

function attentionOfService(service, memory, list) {
  const name = printable(service.name);
  const of = (test) => service.backends.filter(test).map((backend) => backend.address);
  const takes = of(usable).length;
  const all = service.backends.length;
  if (all === 0) tell(list, "bad", "it has no address to send requests to", name, true);
  else if (takes === 0) tell(list, "bad", "no backend takes requests", name, true);
  for (const state of ["down", "ejected"]) {
    const found = service.backends.filter((backend) => backend.state === state);
    const reasons = [...new Set(found.map((backend) => backend.reason))];
    if (found.length) tell(list, "bad", `${found.length} of ${all} ${state}: ${some(found.map((backend) => backend.address))} (${some(reasons)})`, name, true);
  }
  const circuit = (phase) => of((backend) => backend.circuit_breaker?.state === phase);
  if (circuit("open").length) tell(list, "bad", `circuit open: ${some(circuit("open"))}`, name, true);
  if (circuit("half_open").length) tell(list, "warn", `circuit half-open, on trial: ${some(circuit("half_open"))}`, name, true);
  if (service.ignores_health) tell(list, "warn", "too few are healthy: requests go to the unhealthy too", name, true);
  const drained = of((backend) => backend.state === "draining");
  if (drained.length) tell(list, "soft", `draining: ${some(drained)}`, name, true);
  const failed = memory.traffic((look) => look.services.get(service.name), memory.bounds).failed;
  for (const [share, words] of [[0.5, "more than half"], [0.1, "more than a tenth"], [0.01, "more than one in a hundred"]]) {
    if (failed > share) {
      tell(list, "bad", `${words} of the answers say 5xx`, name, true);
      break;
    }
  }
}

function showAttention(list, status) {
  const backends = status.services.reduce((sum, service) => sum + service.backends.length, 0);
  const calm = backends === 1 ? "the one backend takes requests" : `all ${amount(backends)} backends take requests`;
  const shown = list.length ? list : [{ word: "well", name: "Nothing needs attention", text: calm }];
  const node = byId("attention");
  const words = shown.map(({ word, name, text }) => `${word}|${name}|${text}`).join("\n");
  if (node.dataset.words === words) return;
  node.dataset.words = words;
  node.replaceChildren(...shown.map(({ word, name, isName, text }) =>
    make("li", word, make("span", "", make("b", "", isName ? make("bdi", "", name) : name), `: ${text}`))));
}

// MARK: The gateway itself

function showGauges(status, memory) {
  const overhead = memory.now.overhead.map((count, bucket) => count - memory.then.overhead[bucket]);
  const bounds = status.traffic.overhead_bounds_ms;
  const cpu = memory.rate((look) => look.cpu);
  const gauges = [
    ["In flight", amount(status.requests_in_flight), "requests"],
    ["Client connections", amount(status.client_connections), `of ${amount(status.client_connections_max)}`],
    ["Own time, p50", milliseconds(percentile(bounds, overhead, 0.5)), `p99 ${milliseconds(percentile(bounds, overhead, 0.99))}`],
    ["Loop lag", milliseconds(Math.max(...status.event_loop_lag_ms)), `worst of ${counted(status.workers, "worker")}`],
    ["CPU", cpu === null ? "–" : percent(cpu, 1), "of one core"],
    ["Memory", status.resident_bytes === null ? "–" : bytes(status.resident_bytes), "resident"],
    ["Retries", perSecond(memory.rate((look) => look.retries)), "/s"],
    ["Out", `${bytes(memory.rate((look) => look.bytesOut) ?? 0)}/s`, `in ${bytes(memory.rate((look) => look.bytesIn) ?? 0)}/s`],
  ];
  const node = byId("gauges");
  if (!node.childElementCount) {
    node.append(...gauges.map(([title]) => make("div", "gauge", make("span", "", title), make("b"), make("small"))));
  }
  gauges.forEach(([, value, note], index) => {
    setText(node.children[index].children[1], value);
    setText(node.children[index].children[2], note);
  });
}

// MARK: Routes

function makeRoutes(memory) {
  const now = (row) => memory.traffic((look) => look.routes.get(routeKey(row)), memory.bounds);
  const measured = new Map();
  const table = new Table({
    label: "Routes", key: routeKey, order: () => 0,
    columns: [
      { title: "Route", isName: true, text: (row) => row.name },
      { title: "Service", isName: true, text: (row) => row.service },
      { title: "Requests/s", isNumber: true, text: (row) => perSecond(measured.get(row).rate), sort: (row) => measured.get(row).rate },
      { title: "4xx", isNumber: true, text: (row) => percent(measured.get(row).refused, 1), sort: (row) => measured.get(row).refused },
      { title: "5xx", isNumber: true, text: (row) => percent(measured.get(row).failed, 1), sort: (row) => measured.get(row).failed,
        className: (row) => (measured.get(row).failed > 0.01 ? "down" : "") },
      { title: "p50", isNumber: true, text: (row) => milliseconds(measured.get(row).p50), sort: (row) => measured.get(row).p50 ?? -1 },
      { title: "p99", isNumber: true, text: (row) => milliseconds(measured.get(row).p99), sort: (row) => measured.get(row).p99 ?? -1 },
      { title: "Since the start", isNumber: true, text: (row) => amount(total(row.answers)), sort: (row) => total(row.answers) },
    ],
  });
  table.scroll.tabIndex = 0;
  table.scroll.setAttribute("role", "region");
  table.scroll.setAttribute("aria-label", "Routes, to scroll");
  byId("route-table").append(make("div", "sheet", table.node));
  return (status) => {
    const { routes, routes_not_shown: rest } = status.traffic;
    measured.clear();
    for (const route of routes) measured.set(route, now(route));
    setText(byId("routes-note"), rest ? `the ${routes.length} busiest since the start, of ${amount(routes.length + rest)} that were asked for`
      : routes.length ? "that were asked for, the busiest since the start first" : "none was asked for yet");
    table.node.parentNode.hidden = routes.length === 0;
    table.update(routes);
  };
}

// MARK: Rows of label, bar and amounts

/** `rows`: { label, part: 0 to 1, amounts, className } */
function showRows(node, heads, rows) {
  const wanted = heads.length + rows.length * (heads.length || 3);
  while (node.childElementCount > wanted) node.lastElementChild.remove();
  while (node.childElementCount < wanted) {
    const place = node.childElementCount;
    const isLabel = place % heads.length === 0;
    const cell = make("span", "");
    if (place >= heads.length && isLabel) cell.append(make("bdi"));
    node.append(cell);
  }
  heads.forEach((text, index) => {
    setText(node.children[index], text);
    setClass(node.children[index], `head ${index ? "amount" : ""}`);
  });
  rows.forEach(({ label, part, amounts, className = "" }, row) => {
    const first = (row + 1) * heads.length;
    const cell = node.children[first];
    setText(cell.firstElementChild, printable(label));
    cell.title = printable(label);
    setClass(cell, `label ${className}`);
    cell.style.setProperty("--part", `${(100 * part).toFixed(1)}%`);
    amounts.forEach((text, index) => {
      setText(node.children[first + 1 + index], text);
      setClass(node.children[first + 1 + index], "amount");
    });
  });
}

// MARK: Limits

function showLimits(status, memory, views) {
  const list = byId("limit-list");
  byId("limits").hidden = status.limits.length === 0;
  const names = new Set(status.limits.map((limit) => limit.name));
  for (const [name, view] of views) {
    if (names.has(name)) continue;
    view.node.remove();
    views.delete(name);
  }
  for (const limit of status.limits) {
    let view = views.get(limit.name);
    if (!view) {
      view = { rule: make("p", "numbers"), numbers: make("p", "numbers"), rows: make("div", "rows wide") };
      view.numbers.append(...Array.from({ length: 4 }, () => make("span", "", make("b"), make("span"))));
      view.node = make("article", "card", make("h3", "", nameOf(limit.name)), view.rule, view.numbers, view.rows);
      list.append(view.node);
      views.set(limit.name, view);
    }
    showLimit(limit, view, memory);
  }
}

function showLimit(limit, view, memory) {
  const rate = (member) => memory.rate((look) => look.limits.get(limit.name)?.[member]);
  const burst = limit.burst === null ? "" : `, ${amount(limit.burst)} at once`;
  setText(view.rule, printable(`${limit.rate}${burst} for each ${limit.key} · ${limit.algorithm.replaceAll("_", " ")}${limit.mode === "enforce" ? "" : ` · ${limit.mode}: refuses nobody`}`));
  const numbers = [
    [perSecond(rate(limit.mode === "enforce" ? "refused" : "would_have_refused")), limit.mode === "enforce" ? " refused/s" : " would be refused/s"],
    [amount(limit.mode === "enforce" ? limit.refused : limit.would_have_refused), " since the start"],
    [amount(limit.keys), ` of ${amount(limit.max_keys)} keys`],
    limit.evictions ? [amount(limit.evictions), " forgotten too early"] : ["", ""],
  ];
  numbers.forEach(([value, text], index) => {
    setText(view.numbers.children[index].firstElementChild, value);
    setText(view.numbers.children[index].lastElementChild, text);
  });
  const most = Math.max(1, ...limit.busiest.map((key) => key.allowed + key.refused));
  if (!limit.busiest.length) return view.rows.replaceChildren();
  showRows(view.rows, ["busiest keys", "allowed", "refused"], limit.busiest.map((key) => ({
    label: key.key, part: (key.allowed + key.refused) / most, className: key.refused ? "refused" : "",
    amounts: [amount(key.allowed), amount(key.refused)],
  })));
}

// MARK: What the gateway did itself

function makeWords(memory) {
  const cards = [["Answers of its own", "by reason word"], ["Attempts made again", "by what the one before ended with"]].map(([title, note]) => {
    const rows = make("div", "rows");
    const empty = make("p", "note", "None.");
    byId("word-lists").append(make("article", "card", make("h3", "", title), make("p", "numbers", note), rows, empty));
    return { rows, empty };
  });
  const show = ({ rows, empty }, counts, rateOf) => {
    const all = [...counts].sort((one, other) => other[1] - one[1] || one[0].localeCompare(other[0]));
    const most = Math.max(1, ...all.map(([, count]) => count));
    empty.hidden = all.length > 0;
    if (!all.length) return rows.replaceChildren();
    showRows(rows, ["word", "now, /s", "total"], all.map(([word, count]) => ({
      label: word, part: count / most, amounts: [perSecond(rateOf(word)), amount(count)],
    })));
  };
  const retriesOf = (look) => {
    const sums = new Map();
    for (const service of look.services.values()) {
      for (const [kind, count] of Object.entries(service.retries ?? {})) sums.set(kind, (sums.get(kind) ?? 0) + count);
    }
    return sums;
  };
  return () => {
    show(cards[0], memory.now.words, (word) => memory.rate((look) => look.words.get(word)));
    show(cards[1], retriesOf(memory.now), (word) => memory.rate((look) => retriesOf(look).get(word)));
  };
}

// MARK: Facts

/** Terms and what they are; `facts` are pairs. */
function showFacts(node, facts) {
  if (node.childElementCount !== facts.length) node.replaceChildren(...facts.map(() => make("div", "", make("dt"), make("dd", "", make("bdi")))));
  facts.forEach(([term, value], index) => {
    setText(node.children[index].firstElementChild, term);
    setText(node.children[index].lastElementChild.firstElementChild, printable(value));
  });
}

function showConfiguration(status, time) {
  const { configuration } = status;
  const ago = (at) => `${span((time - Date.parse(at)) / 1_000)} ago`;
  const last = configuration.last_reload;
  showFacts(byId("configuration-facts"), [
    ["File", configuration.file],
    ["In use since", `${ago(configuration.since)}, generation ${configuration.generation}`],
    ["Hash", configuration.hash],
    ["Last reload", last ? `${last.result} ${ago(last.at)}, by ${last.by}` : "none since the start"],
    ["Waits for a restart", configuration.needs_restart.join(", ") || "nothing"],
    ["Listens on", status.listeners.join(", ")],
    ["Snapshots in use", String(configuration.snapshots_in_use)],
    ["Lines of the access log dropped", amount(status.access_log_dropped)],
  ]);
}
