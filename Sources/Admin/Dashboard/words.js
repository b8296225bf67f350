// Why this file exists: everything that the page shows goes through here: numbers become words in one way, and what
// somebody else has named becomes text, never markup.

const byId = (id) => document.getElementById(id);

/** An element. Children are nodes, or text. */
function make(tag, className = "", ...children) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  node.append(...children);
  return node;
}

/** Touches the document only when there is something new: the browser, and whoever has it read out, notices every touch. */
function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

function setClass(node, className) {
  if (node.className !== className) node.className = className;
}

/** Characters that show nothing, or turn the text around them, as their numbers. */
function printable(text) {
  return String(text).replace(
    /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g,
    (character) => `\\u{${character.codePointAt(0).toString(16)}}`);
}

/** A name from elsewhere: of its own direction, whatever stands around it. */
function nameOf(text) {
  return make("bdi", "", printable(text));
}

const grouped = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });

/** A count: 7, 1,234, 56.7k, 8.90M. */
function amount(count) {
  if (count < 10_000) return grouped.format(count);
  if (count < 1_000_000) return `${(count / 1_000).toPrecision(3)}k`;
  if (count < 1e9) return `${(count / 1e6).toPrecision(3)}M`;
  return `${(count / 1e9).toPrecision(4)}G`;
}

/** A number per second. Below ten one decimal tells, above it does not. */
function perSecond(rate) {
  if (rate === null) return "–";
  if (rate === 0) return "0";
  if (rate < 0.05) return "<0.1";
  return rate < 10 ? rate.toFixed(1) : amount(Math.round(rate));
}

/** Milliseconds with their unit. What is less than the finest measure here, a bucket of 10 µs, is not nothing. */
function milliseconds(value) {
  if (value === null) return "–";
  if (value < 0.01) return value > 0 ? "< 0.01 ms" : "0 ms";
  if (value < 10) return `${value.toPrecision(2)} ms`;
  if (value < 1_000) return `${Math.round(value)} ms`;
  return `${(value / 1_000).toPrecision(value < 10_000 ? 2 : 3)} s`;
}

/** A length of time that people wait for. */
function span(seconds) {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  if (whole < 3_600) return `${Math.floor(whole / 60)} min${whole < 600 && whole % 60 ? ` ${whole % 60} s` : ""}`;
  if (whole < 86_400) return `${Math.floor(whole / 3_600)} h ${Math.floor((whole % 3_600) / 60)} min`;
  return `${Math.floor(whole / 86_400)} d ${Math.floor((whole % 86_400) / 3_600)} h`;
}

function bytes(count) {
  for (const unit of ["B", "KiB", "MiB", "GiB"]) {
    if (count < 1_000 || unit === "GiB") return `${count < 10 && unit !== "B" ? count.toFixed(1) : Math.round(count)} ${unit}`;
    count /= 1_024;
  }
}

function percent(part, whole) {
  if (!whole) return "0 %";
  const share = (100 * part) / whole;
  if (share > 0 && share < 0.1) return "<0.1 %";
  return `${share < 10 ? share.toFixed(1).replace(/\.0$/, "") : Math.round(share)} %`;
}

/** `1 backend`, `3 backends`. */
function counted(count, word) {
  return `${amount(count)} ${word}${count === 1 ? "" : "s"}`;
}

/** Words for people are written with blanks; words of the contract stay as they are. */
const stateMeanings = [
  ["up", "takes its part of the requests"],
  ["warming", "came back or joined lately: takes a growing part"],
  ["down", "health checks fail: gets none"],
  ["ejected", "its answers to requests were bad: gets none until its time is over"],
  ["draining", "taken out by an order: finishes what it has"],
  ["circuit open", "failed too often: gets none until the wait is over"],
  ["circuit half-open", "gets some requests on trial"],
];
