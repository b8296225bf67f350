// Why this file exists: three small pictures of the last five minutes, drawn as SVG by hand: a library would be larger than
// the page.

/** Room for the numbers at the left, in pixels. */
const left = 46;

function svg(tag, className, attributes = {}) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  if (className) node.setAttribute("class", className);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  return node;
}

/** The next of 1, 2, 5, 10, 20 … that is not below. */
function roundedUp(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].map((step) => step * power).find((step) => step >= value * 0.999_999);
}

/** From nothing to the largest value. */
function linearScale(largest) {
  const top = roundedUp(Math.max(largest, 1));
  return { ticks: [0, top / 2, top], place: (value) => value / top };
}

/** Every power of ten is as high as the other: latencies of one picture differ by a hundred times. */
function logarithmicScale(smallest, largest) {
  const low = Math.floor(Math.log10(Math.max(smallest, 0.05)));
  const high = Math.max(low + 1, Math.ceil(Math.log10(Math.max(largest, 0.1)) - 1e-9));
  const step = Math.ceil((high - low) / 3);
  const ticks = [];
  for (let power = low; power <= high; power += step) ticks.push(10 ** power);
  return { ticks, place: (value) => Math.min(1, Math.max(0, (Math.log10(Math.max(value, 1e-3)) - low) / (high - low))) };
}

class Chart {
  /**
   * `series`: { word, of: the value of a point, className, big }; `stack`: areas upon each other, else lines;
   * `format` for figures, `tick` for the numbers at the left.
   */
  constructor({ title, series, stack = false, logarithmic = false, format, unit = "", tick = format, sentence }) {
    Object.assign(this, { title, series, stack, logarithmic, format, unit, tick, sentence });
    this.node = make("div", "chart");
    this.when = make("span", "when");
    const head = make("div", "chart-head", make("h2", "", title), this.when);
    this.figures = make("div", "figures");
    this.values = series.map(({ word, big, className }) => {
      const value = make("b", "", "–");
      const figure = make("span", `figure ${big ? "" : "small"}`);
      if (!big || series.length > 1) figure.append(make("i", className));
      figure.append(value, make("span", "", `${word}${unit ? ` ${unit}` : ""}`));
      this.figures.append(figure);
      return value;
    });
    this.plot = svg("svg", "plot", { tabindex: 0, role: "img", focusable: "true" });
    this.node.append(head, this.figures, this.plot);
    this.cursor = null;
    this.points = [];
    this.plot.addEventListener("pointermove", (event) => this.point(event));
    this.plot.addEventListener("pointerleave", () => this.moveTo(null));
    this.plot.addEventListener("blur", () => this.moveTo(null));
    this.plot.addEventListener("keydown", (event) => this.key(event));
    new ResizeObserver(() => this.draw()).observe(this.plot);
  }

  update(points, now) {
    this.points = points;
    this.now = now;
    this.draw();
  }

  get width() { return this.plot.clientWidth || 400; }
  get height() { return this.plot.clientHeight || 130; }
  x(at) { return left + (1 - (this.now - at) / chartSpan) * (this.width - left - 6); }

  scale() {
    let largest = 0;
    let smallest = Infinity;
    for (const point of this.points) {
      if (point.hole) continue;
      let sum = 0;
      for (const { of } of this.series) {
        const value = of(point);
        if (value === null) continue;
        sum += value;
        smallest = Math.min(smallest, value);
        if (!this.stack) largest = Math.max(largest, value);
      }
      if (this.stack) largest = Math.max(largest, sum);
    }
    if (!this.logarithmic) return linearScale(largest);
    return logarithmicScale(Number.isFinite(smallest) ? smallest : 1, largest);
  }

  draw() {
    if (this.now === undefined) return;
    const { width, height } = this;
    const { ticks, place } = this.scale();
    const y = (value) => height - 18 - place(value) * (height - 28);
    this.plot.setAttribute("viewBox", `0 0 ${width} ${height}`);
    const parts = [];
    for (const tick of ticks) {
      parts.push(svg("line", tick === ticks[0] ? "base" : "grid", { x1: left, x2: width - 6, y1: y(tick), y2: y(tick) }));
      const text = svg("text", "", { x: left - 5, y: y(tick) + 3.5, "text-anchor": "end" });
      text.textContent = this.tick(tick);
      parts.push(text);
    }
    for (const minutes of [4, 2, 0]) {
      const text = svg("text", "", { x: this.x(this.now - minutes * 60_000), y: height - 4, "text-anchor": minutes ? "middle" : "end" });
      text.textContent = minutes ? `−${minutes} min` : "now";
      parts.push(text);
    }
    parts.push(...(this.stack ? this.areas(y) : this.lines(y)));
    const shown = this.shown();
    if (this.cursor !== null && shown) {
      const x = this.x(shown.at);
      parts.push(svg("line", "cursor", { x1: x, x2: x, y1: 6, y2: height - 18 }));
    }
    this.plot.replaceChildren(...parts);
    this.tell(shown);
  }

  /** Runs of points without a hole. */
  runs(has) {
    const runs = [[]];
    for (const point of this.points) {
      if (point.hole || !has(point)) {
        if (runs.at(-1).length) runs.push([]);
      } else {
        runs.at(-1).push(point);
      }
    }
    return runs.filter((run) => run.length > 0);
  }

  lines(y) {
    return this.series.flatMap(({ of, className }) => {
      const path = this.runs((point) => of(point) !== null)
        .map((run) => `M${run.map((point) => `${this.x(point.at).toFixed(1)},${y(of(point)).toFixed(1)}`).join("L")}`);
      return path.length ? [svg("path", `line ${className}`, { d: path.join("") })] : [];
    });
  }

  areas(y) {
    const parts = [];
    const runs = this.runs(() => true);
    const below = new Map(this.points.map((point) => [point, 0]));
    for (const { of, className } of this.series) {
      let area = "";
      let line = "";
      let isEmpty = true;
      for (const run of runs) {
        const foot = run.map((point) => `${this.x(point.at).toFixed(1)},${y(below.get(point)).toFixed(1)}`);
        const top = run.map((point) => {
          if (of(point) > 0) isEmpty = false;
          below.set(point, below.get(point) + of(point));
          return `${this.x(point.at).toFixed(1)},${y(below.get(point)).toFixed(1)}`;
        });
        line += `M${top.join("L")}`;
        area += `M${top.join("L")}L${foot.reverse().join("L")}Z`;
      }
      if (!isEmpty) parts.push(svg("path", `area ${className}`, { d: area }), svg("path", `line ${className}`, { d: line }));
    }
    return parts;
  }

  /** The point that the figures are of: the one under the cursor, or the last. */
  shown() {
    const points = this.points.filter((point) => !point.hole);
    if (this.cursor === null) return points.at(-1) ?? null;
    const at = this.now - this.cursor;
    return points.reduce((best, point) => (!best || Math.abs(point.at - at) < Math.abs(best.at - at) ? point : best), null);
  }

  tell(point) {
    this.series.forEach(({ of }, index) => setText(this.values[index], point ? this.format(of(point)) : "–"));
    setText(this.when, point && this.cursor !== null ? `${span((this.now - point.at) / 1_000)} ago` : "");
    const words = point ? this.sentence(point) : "nothing yet";
    if (this.words !== words) this.plot.setAttribute("aria-label", `${this.title}: ${words}`);
    this.words = words;
  }

  /** `cursor` is how long ago. */
  moveTo(cursor) {
    this.cursor = cursor === null ? null : Math.min(chartSpan, Math.max(0, cursor));
    this.draw();
  }

  point(event) {
    const box = this.plot.getBoundingClientRect();
    const share = (event.clientX - box.left - left) / (box.width - left - 6);
    this.moveTo((1 - share) * chartSpan);
  }

  key(event) {
    const steps = { ArrowLeft: 5_000, ArrowRight: -5_000, PageUp: 60_000, PageDown: -60_000, Home: chartSpan, End: -chartSpan };
    const step = steps[event.key];
    if (!step) return;
    event.preventDefault();
    this.moveTo((this.cursor ?? 0) + step);
  }
}
