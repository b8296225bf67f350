// Why this file exists: services and their backends: how each is, how it does, and what can be done about it.

/** Services with more backends than this are drawn as a strip of squares too. */
const stripFrom = 25;

const usable = (backend) => backend.state === "up" || backend.state === "warming";

/** How bad a backend's state is: the worst stand first. */
function trouble(backend) {
  const states = { down: 0, ejected: 1, warming: 3.5, draining: 4, up: 6 };
  const circuits = { open: 2, half_open: 3 };
  return Math.min(states[backend.state] ?? 0, circuits[backend.circuit_breaker?.state] ?? 9);
}

function backendColumns(service, page) {
  const ago = (since) => (since ? span((page.time - Date.parse(since)) / 1_000) : "");
  const left = (until) => {
    if (!until) return "";
    const seconds = (Date.parse(until) - page.time) / 1_000;
    return seconds > 0 ? `${span(seconds)} left` : "wait over";
  };
  const breaker = (row) => row.circuit_breaker;
  const check = (row) => row.health_check;
  return [
    { title: "Backend", width: 17, isName: true, text: (row) => row.address, note: (row) => row.name ?? "" },
    { title: "State", width: 14, dot: true, text: (row) => row.state, className: (row) => `state-cell ${row.state}`,
      note: (row) => [ago(row.since), left(row.until)].filter(Boolean).join(" · "), sort: trouble },
    { title: "Reason", width: 17, text: (row) => row.reason, hint: (row) => row.reason },
    { title: "Weight", width: 5.5, isNumber: true, text: (row) => String(row.weight), sort: (row) => row.weight },
    { title: "Active", width: 5.5, isNumber: true, text: (row) => amount(row.requests_in_flight), sort: (row) => row.requests_in_flight },
    { title: "Connections", width: 8, isNumber: true, text: (row) => amount(row.connections_open), sort: (row) => row.connections_open },
    { title: "Idle", width: 4.5, isNumber: true, text: (row) => amount(row.connections_idle), sort: (row) => row.connections_idle },
    { title: "Circuit", width: 13, text: (row) => breaker(row)?.state.replace("_", "-") ?? "–", className: (row) => breaker(row)?.state ?? "",
      note: (row) => (breaker(row) ? circuitNote(breaker(row), left) : ""), hint: (row) => breaker(row)?.reason ?? "",
      sort: (row) => breaker(row)?.window.failed ?? -1 },
    { title: "Health check", width: 10.5, text: (row) => check(row)?.result ?? "–", className: (row) => (check(row)?.result === "fail" ? "down" : ""),
      note: (row) => (check(row)?.at ? (check(row).result === "pass" ? milliseconds(check(row).took_ms) : check(row).detail) : ""),
      hint: (row) => check(row)?.detail ?? "", sort: (row) => check(row)?.took_ms ?? -1 },
    { title: "Orders", width: 5, act: (row) => page.showOrders(service, row), label: (row) => `Orders for ${printable(row.address)}` },
  ];
}

function circuitNote(breaker, left) {
  if (breaker.trials) return `${breaker.trials.succeeded} of ${breaker.trials.taken} trials passed`;
  if (breaker.state !== "closed") return left(breaker.until);
  const { requests, failed, slow } = breaker.window;
  if (!requests) return "";
  return `${failed} of ${requests} failed${slow ? `, ${slow} slow` : ""}`;
}

class ServiceView {
  constructor(service, page) {
    this.page = page;
    this.numbers = make("p", "numbers");
    this.parts = ["summary", "rate", "failed", "p50", "p99", "waiting", "retries"].map(() => make("span"));
    this.numbers.append(...this.parts);
    this.note = make("span", "note");
    this.canvas = make("canvas");
    this.strip = make("div", "strip", this.canvas);
    this.strip.setAttribute("aria-hidden", "true");
    this.strip.hidden = true;
    this.table = new Table({
      label: `Backends of ${printable(service.name)}`, columns: backendColumns(service, page), key: (row) => row.address,
      order: trouble, rowClass: (row) => (usable(row) ? "up" : ""),
    });
    this.empty = make("p", "empty", "No backend fits the filter.");
    this.node = make("article", "service",
      make("header", "", make("h3", "", nameOf(service.name)), this.note, this.numbers), this.strip, this.empty, this.table.node);
  }

  update(service, memory) {
    const now = memory.traffic((look) => look.services.get(service.name), memory.bounds);
    const takes = service.backends.filter(usable).length;
    const retries = memory.rate((look) => sumOf(look.services.get(service.name)?.retries));
    const texts = [
      `${amount(takes)} of ${counted(service.backends.length, "backend")} in use`, `${perSecond(now.rate)} requests/s`,
      `${percent(now.failed, 1)} 5xx`, `p50 ${milliseconds(now.p50)}`, `p99 ${milliseconds(now.p99)}`,
      service.waiting ? `${amount(service.waiting)} waiting` : "", retries ? `${perSecond(retries)} retries/s` : "",
    ];
    texts.forEach((text, index) => setText(this.parts[index], text));
    setClass(this.parts[0], takes === 0 ? "bad" : takes < service.backends.length ? "warn" : "");
    setClass(this.parts[2], now.failed > 0.01 ? "bad" : "");
    setText(this.note, service.balancer.replaceAll("_", " "));
    const filter = this.page.filter;
    const rows = filter ? service.backends.filter((row) => fits(row, filter)) : service.backends;
    this.table.node.hidden = rows.length === 0;
    this.empty.hidden = rows.length > 0;
    this.table.update(rows);
    this.node.hidden = filter !== "" && rows.length === 0;
    this.drawStrip(service.backends);
  }

  /** One square for each backend, in the order of the file: what fails together is often neighbours. */
  drawStrip(backends) {
    this.strip.hidden = backends.length <= stripFrom;
    if (this.strip.hidden) return;
    const size = 9;
    const gap = 2;
    const across = Math.max(1, Math.floor(((this.strip.clientWidth || 828) - 28 + gap) / (size + gap)));
    const height = Math.ceil(backends.length / across) * (size + gap);
    const words = `${across} ${this.page.themeName} ${backends.map(trouble).join("")}`;
    if (this.drawn === words) return;
    this.drawn = words;
    const ratio = window.devicePixelRatio || 1;
    const width = across * (size + gap);
    this.canvas.width = width * ratio;
    this.canvas.height = height * ratio;
    this.canvas.style.width = `${width}px`;
    this.canvas.style.height = `${height}px`;
    const colour = getComputedStyle(document.documentElement);
    const colours = ["--bad", "--bad", "--bad", "--warn", "--rest", "--well", "--well"].map((name) => colour.getPropertyValue(name));
    const context = this.canvas.getContext("2d");
    context.scale(ratio, ratio);
    backends.forEach((backend, index) => {
      const level = trouble(backend);
      context.globalAlpha = level >= 6 ? 0.45 : 1;
      context.fillStyle = colours[Math.floor(level)];
      context.fillRect((index % across) * (size + gap), Math.floor(index / across) * (size + gap), size, size);
    });
  }
}

function fits(backend, filter) {
  const text = [backend.address, backend.name, backend.state, backend.reason, backend.circuit_breaker?.state, backend.health_check?.result];
  return filter.toLowerCase().split(/\s+/).every((word) => text.some((part) => part?.toLowerCase().includes(word)));
}
