// Why this file exists: it asks the gateway again and again, and says so when nobody answers.

const memory = new Memory();
const page = { filter: "", time: 0, themeName: "", showOrders };
const serviceViews = new Map();
const limitViews = new Map();
let showRoutes = null;
let showWords = null;
let status = null;
let isPaused = false;
let timer = 0;
let lostSince = 0;
let refusedAt = "";

/** Milliseconds for an answer. */
const patience = 8_000;

const charts = [
  new Chart({
    title: "Requests", unit: "/s", stack: true, format: perSecond,
    series: [{ word: "", of: (point) => point.rate, className: "flow", big: true }],
    sentence: (point) => `${perSecond(point.rate)} requests per second`,
  }),
  new Chart({
    title: "Errors", unit: "/s", stack: true, format: perSecond,
    series: [
      { word: "5xx", of: (point) => point.failed, className: "bad", big: true },
      { word: "4xx", of: (point) => point.refused, className: "warn" },
      { word: "client gone", of: (point) => point.aborted, className: "soft" },
    ],
    sentence: (point) => `${perSecond(point.failed)} answers per second say 5xx, ${perSecond(point.refused)} say 4xx`,
  }),
  new Chart({
    title: "Latency", logarithmic: true, format: milliseconds,
    series: [
      { word: "p99", of: (point) => point.p99, className: "rest p99", big: true },
      { word: "p90", of: (point) => point.p90, className: "flow p90" },
      { word: "p50", of: (point) => point.p50, className: "soft p50" },
    ],
    tick: (value) => (value >= 1_000 ? `${value / 1_000} s` : `${value} ms`),
    sentence: (point) => `half of the requests within ${milliseconds(point.p50)}, 99 in a hundred within ${milliseconds(point.p99)}`,
  }),
];
byId("charts").append(...charts.map((chart) => chart.node));

// MARK: Asking

async function ask(path, accept = "application/json") {
  const answer = await fetch(path, { cache: "no-store", headers: { Accept: accept }, signal: AbortSignal.timeout(patience) });
  if (!answer.ok) throw new Error(`${path} answered ${answer.status}`);
  return answer.text();
}

/** A look that is dear to take, for thousands of backends, is taken less often: never more than a hundredth of a core. */
function interval(size) {
  return size < 150_000 ? 1_000 : size < 1_500_000 ? 3_000 : 10_000;
}

async function look() {
  clearTimeout(timer);
  if (isPaused || document.hidden) return;
  let next = 1_000;
  try {
    const text = await ask("/status");
    next = interval(text.length);
    const isFirst = status === null;
    status = JSON.parse(text);
    if (isFirst) await begin();
    lostSince = 0;
    memory.add(status);
    show();
    await showErrors();
    setText(byId("asked"), `Asked every ${next / 1_000} s while this page is in view; ${bytes(text.length)} each time.`);
  } catch (error) {
    lostSince ||= Date.now();
    if (error instanceof TypeError || error.name === "TimeoutError" || error.name === "AbortError") showState();
    else fail(error);
  }
  clearTimeout(timer);
  timer = setTimeout(look, next);
}

/** Something that this page did not expect: seen, not swallowed. */
function fail(error) {
  console.error(error);
  showState(`cannot be shown: ${error.message}`);
}

async function begin() {
  memory.bounds = status.traffic.duration_bounds_ms;
  memory.seed(JSON.parse(await ask("/history")).samples.filter((sample) => sample.clock_ms < status.traffic.clock_ms), memory.bounds);
  showRoutes = makeRoutes(memory);
  showWords = makeWords(memory);
  byId("waiting").hidden = true;
  byId("main").hidden = false;
}

// MARK: Showing

function show() {
  page.time = Date.parse(status.time);
  const problems = attentionOf(status, memory);
  showState();
  showFacts(byId("facts"), [
    ["up", span(status.uptime_seconds)], ["generation", String(status.configuration.generation)],
    ["hash", status.configuration.hash.slice(0, 12)], ["at", status.listeners.join(", ")],
  ]);
  setText(byId("version"), printable(status.version));
  showAttention(problems, status);
  charts.forEach((chart) => chart.update(memory.points, memory.now.at));
  showGauges(status, memory);
  showServices();
  showRoutes(status);
  showLimits(status, memory, limitViews);
  showWords();
  showConfiguration(status, page.time);
  const grave = problems.filter((problem) => problem.word === "bad").length;
  document.title = grave ? `▲ ${grave} · gateway` : "gateway";
}

function showServices() {
  const list = byId("service-list");
  const names = new Set(status.services.map((service) => service.name));
  for (const [name, view] of serviceViews) {
    if (names.has(name)) continue;
    view.node.remove();
    serviceViews.delete(name);
  }
  for (const service of status.services) {
    let view = serviceViews.get(service.name);
    if (!view) {
      view = new ServiceView(service, page);
      serviceViews.set(service.name, view);
      list.append(view.node);
    }
    view.update(service, memory);
  }
}

/** What the bar says, and whether what stands below still holds. */
function showState(problem = "") {
  const states = {
    ready: ["ready", "Ready"],
    draining: ["draining", "Draining: finishes what it has, new clients should go elsewhere"],
    starting: ["starting", "Starting"],
  };
  let [word, text] = states[status?.state] ?? ["starting", printable(status?.state ?? "Asking …")];
  if (lostSince) {
    const since = new Date(lostSince).toLocaleTimeString("en-GB");
    [word, text] = ["lost", problem ? `The answer ${problem}` : `Does not answer since ${since}; this page goes on asking`];
    document.title = "✕ gateway";
  } else if (isPaused) {
    [word, text] = ["paused", "Paused: what stands here is old"];
  }
  setClass(byId("state"), `state ${word}`);
  setText(byId("state"), text);
  document.body.classList.toggle("stale", lostSince > 0 || isPaused);
  if (!status && lostSince) setText(byId("waiting"), "The gateway does not answer. This page goes on asking.");
}

/** The errors of a refused configuration are fetched once for each refusal. */
async function showErrors() {
  const last = status.configuration.last_reload;
  const node = byId("reload-errors");
  if (last?.result !== "refused") {
    node.hidden = true;
    refusedAt = "";
  } else if (refusedAt !== last.at) {
    refusedAt = last.at;
    setText(node, (await ask("/config/errors", "text/plain")).split("\n").map(printable).join("\n"));
    node.hidden = false;
  }
}

// MARK: Orders, as commands

/** One segment of a path, of letters, digits and `-._~` alone: safe in a URL, and between a shell's quotes. */
function segment(text) {
  return encodeURIComponent(text).replace(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`);
}

function showOrders(service, backend) {
  const path = `/backends/${segment(service.name)}/${segment(backend.address)}`;
  showCommands([nameOf(backend.address), " of ", nameOf(service.name)], [
    ["Drain: no new requests, what it has it finishes", `${path}/drain`], ["Ready: requests again", `${path}/ready`],
  ]);
}

/** `orders`: what they do, and their path. */
function showCommands(title, orders) {
  const token = status.post_needs_token ? " -H \"Authorization: Bearer $TOKEN\"" : "";
  byId("commands-title").replaceChildren(...title);
  byId("command-list").replaceChildren(...orders.flatMap(([what, path]) => {
    const code = make("code", "", `curl -X POST${token} '${location.origin}${path}'`);
    const copy = make("button", "", "Copy");
    copy.type = "button";
    copy.addEventListener("click", () => copyOf(code, copy));
    return [make("p", "", what), make("div", "command", code, copy)];
  }));
  setText(byId("command-note"), status.post_needs_token
    ? "A page in a browser may give no order. TOKEN is admin.token of the configuration."
    : "A page in a browser may give no order. Without admin.token a command has to come from the gateway’s own machine.");
  byId("commands").showModal();
}

/** Over plain HTTP from elsewhere a browser lets no page write its clipboard: then the text is selected. */
async function copyOf(code, button) {
  try {
    await navigator.clipboard.writeText(code.textContent);
    setText(button, "Copied");
  } catch {
    getSelection().selectAllChildren(code);
    setText(button, "Selected");
  }
}

// MARK: Colours, keys, sleep

const themes = ["auto", "light", "dark"];
const prefersDark = matchMedia("(prefers-color-scheme: dark)");
let theme = "auto";

/** Not to be had where a browser keeps nothing for pages: then the choice lasts as long as the page. */
function stored(change) {
  try {
    return change(localStorage);
  } catch {
    return null;
  }
}

function setTheme(name) {
  theme = themes.includes(name) ? name : "auto";
  page.themeName = theme === "auto" ? (prefersDark.matches ? "dark" : "light") : theme;
  document.documentElement.dataset.theme = page.themeName;
  setText(byId("theme"), `Theme: ${theme}`);
  if (status) showServices();
}

function switchTheme() {
  setTheme(themes[(themes.indexOf(theme) + 1) % themes.length]);
  stored((store) => store.setItem("theme", theme));
}

function pause() {
  isPaused = !isPaused;
  byId("pause").setAttribute("aria-pressed", String(isPaused));
  setText(byId("pause"), isPaused ? "Go on" : "Pause");
  showState();
  look();
}

function setFilter(text) {
  page.filter = text.trim();
  if (status) showServices();
}

function goTo(id) {
  byId(id).focus();
  byId(id).scrollIntoView({ block: "start" });
}

const keys = {
  "?": () => byId("keys").showModal(), "/": () => byId("filter").focus(), t: switchTheme, p: pause,
  a: () => byId("main").scrollIntoView(),
  1: () => goTo("services"), 2: () => goTo("routes"), 3: () => goTo("limits"), 4: () => goTo("words"), 5: () => goTo("configuration"),
};

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  if (event.target === byId("filter")) {
    if (event.key !== "Escape") return;
    byId("filter").value = "";
    setFilter("");
    byId("filter").blur();
  } else if (Object.hasOwn(keys, event.key)) {
    event.preventDefault();
    keys[event.key]();
  }
});

byId("state-words").append(...stateMeanings.map(([word, meaning]) => {
  const head = make("th", "", word);
  head.scope = "row";
  return make("tr", "", head, make("td", "", meaning));
}));
byId("filter").addEventListener("input", (event) => setFilter(event.target.value));
byId("theme").addEventListener("click", switchTheme);
byId("pause").addEventListener("click", pause);
byId("reload").addEventListener("click", () => showCommands(["Reload"], [
  ["Read the file again, and say what has changed or what is wrong", "/reload"],
]));
byId("help").addEventListener("click", keys["?"]);
prefersDark.addEventListener("change", () => setTheme(theme));
document.addEventListener("visibilitychange", look);
setTheme(stored((store) => store.getItem("theme")) ?? "auto");
look();
