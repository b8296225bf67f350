// Why this file exists: the gateway tells counters; rates, shares and percentiles are differences of two looks at them.

/** Milliseconds that a chart goes back. */
const chartSpan = 300_000;
/** Rates in tables are over at least this long: shorter, and the numbers flicker. */
const rateSpan = 4_500;
/** A point of a chart looks back at least this far. */
const pointSpan = 2_400;
/** Two looks further apart have a hole between them: the page was hidden, or the gateway gone. */
const holeSpan = 16_000;

/**
 * The value that `share` of the values are not above, taken from counts per bucket. Within a bucket values are taken to lie
 * evenly, as Prometheus does. Null when there is none.
 */
function percentile(bounds, counts, share) {
  const total = counts.reduce((sum, count) => sum + count, 0);
  if (total <= 0) return null;
  const rank = share * total;
  let below = 0;
  for (let bucket = 0; bucket < counts.length; bucket += 1) {
    if (counts[bucket] > 0 && below + counts[bucket] >= rank) {
      if (bucket >= bounds.length) return bounds[bounds.length - 1];
      const lower = bucket > 0 ? bounds[bucket - 1] : 0;
      return lower + ((bounds[bucket] - lower) * (rank - below)) / counts[bucket];
    }
    below += counts[bucket];
  }
  return bounds[bounds.length - 1];
}

const classes = ["1xx", "2xx", "3xx", "4xx", "5xx", "aborted"];

function total(answers) {
  return classes.reduce((sum, word) => sum + answers[word], 0);
}

/** What two sums of the same kind differ in; null when counting began anew in between. */
function difference(now, then) {
  const answers = {};
  for (const word of classes) {
    answers[word] = now.answers[word] - then.answers[word];
    if (answers[word] < 0) return null;
  }
  const durations = now.durations.map((count, bucket) => count - then.durations[bucket]);
  return durations.some((count) => count < 0) ? null : { answers, durations };
}

/** The counters of one look at /status, by what they are about. */
function countersOf(status) {
  const traffic = status.traffic;
  return {
    at: traffic.clock_ms,
    overall: traffic,
    overhead: traffic.overhead,
    bytesIn: traffic.bytes_in,
    bytesOut: traffic.bytes_out,
    cpu: status.cpu_seconds,
    dropped: status.access_log_dropped,
    words: new Map(Object.entries(traffic.local_answers)),
    services: new Map(status.services.map((service) => [service.name, service])),
    routes: new Map(traffic.routes.map((route) => [routeKey(route), route])),
    limits: new Map(status.limits.map((limit) => [limit.name, limit])),
    retries: status.services.reduce((sum, service) => sum + sumOf(service.retries), 0),
  };
}

function routeKey(route) {
  return JSON.stringify([route.name, route.service]);
}

function sumOf(counts) {
  return Object.values(counts ?? {}).reduce((sum, count) => sum + count, 0);
}

/** What the page remembers: looks of the last seconds for rates, points of the last minutes for charts. */
class Memory {
  constructor() {
    this.looks = [];
    this.samples = [];
    this.points = [];
  }

  /** Samples that the gateway has kept, from before the page was opened. */
  seed(samples, bounds) {
    for (const sample of samples) {
      const last = this.samples.at(-1);
      if (!last || sample.clock_ms > last.at) {
        this.addSample({ at: sample.clock_ms, sum: sample, retries: sample.retries }, bounds);
      }
    }
  }

  /** Another look. */
  add(status) {
    const look = countersOf(status);
    const last = this.looks.at(-1);
    // Counters that went back are those of another process.
    if (last && (look.at < last.at || total(look.overall.answers) < total(last.overall.answers))) {
      this.looks = [];
      this.samples = [];
      this.points = [];
    }
    if (last && look.at - last.at > holeSpan) this.looks = [];
    this.looks.push(look);
    while (this.looks.length > 2 && look.at - this.looks[1].at >= rateSpan) this.looks.shift();
    this.addSample({ at: look.at, sum: look.overall, retries: look.retries }, status.traffic.duration_bounds_ms);
  }

  addSample(sample, bounds) {
    let then = null;
    for (let index = this.samples.length - 1; index >= 0; index -= 1) {
      then = this.samples[index];
      if (sample.at - then.at >= pointSpan) break;
    }
    this.samples.push(sample);
    while (this.samples.length > 2 && sample.at - this.samples[1].at > chartSpan) this.samples.shift();
    const seconds = then ? (sample.at - then.at) / 1_000 : 0;
    if (seconds <= 0) return;
    const change = sample.at - then.at <= holeSpan ? difference(sample.sum, then.sum) : null;
    this.points.push(change ? pointOf(sample, then, change, seconds, bounds) : { at: sample.at, hole: true });
    while (this.points.length && sample.at - this.points[0].at > chartSpan) this.points.shift();
  }

  get now() { return this.looks.at(-1); }
  get then() { return this.looks[0]; }
  get seconds() { return (this.now.at - this.then.at) / 1_000; }

  /** How fast a counter goes, per second; null before there are two looks. */
  rate(counter) {
    if (this.seconds <= 0) return null;
    const now = counter(this.now) ?? 0;
    return Math.max(0, now - Math.min(counter(this.then) ?? 0, now)) / this.seconds;
  }

  /** Rates and percentiles of something that has answers and durations; zeros before there are two looks. */
  traffic(find, bounds) {
    const now = find(this.now);
    const then = find(this.then);
    const change = now && then && this.seconds > 0 ? difference(now, then) : null;
    if (!change) return { rate: 0, failed: 0, refused: 0, p50: null, p99: null };
    const count = total(change.answers);
    return {
      rate: count / this.seconds,
      failed: count ? change.answers["5xx"] / count : 0,
      refused: count ? change.answers["4xx"] / count : 0,
      p50: percentile(bounds, change.durations, 0.5),
      p99: percentile(bounds, change.durations, 0.99),
    };
  }
}

/** One point of the charts. */
function pointOf(sample, then, change, seconds, bounds) {
  const { answers, durations } = change;
  return {
    at: sample.at,
    rate: total(answers) / seconds,
    refused: answers["4xx"] / seconds,
    failed: answers["5xx"] / seconds,
    aborted: answers.aborted / seconds,
    retries: Math.max(0, sample.retries - then.retries) / seconds,
    p50: percentile(bounds, durations, 0.5),
    p90: percentile(bounds, durations, 0.9),
    p99: percentile(bounds, durations, 0.99),
  };
}
