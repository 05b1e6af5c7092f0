"use strict";
/* Charts: histograms as SVG, squares and lanes on canvas, memory and CPU with uPlot. */
const css = name => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const SVG = "http://www.w3.org/2000/svg";

function svg(name, attributes, text) {
  const node = document.createElementNS(SVG, name);
  for (const key in attributes) node.setAttribute(key, attributes[key]);
  if (text !== undefined) node.textContent = text;
  return node;
}

function plainNumber(value) {
  if (value === null || value === undefined) return "";
  if (Number.isInteger(value)) return value.toLocaleString("en-US");
  return Math.abs(value) < 10000 ? String(Number(value.toPrecision(4))) : Math.round(value).toLocaleString("en-US");
}

/* Bars of a histogram with the bounds as lines; `chosen` is another bound that the reader tries. */
function histogram(stat, bound) {
  const { edges, counts } = stat.histogram, W = 360, H = 150, low = 16, bottom = 22;
  const most = Math.max(...counts, 1), n = counts.length;
  const root = svg("svg", { viewBox: `0 0 ${W} ${H}`, role: "img" });
  const told = [`Histogram of ${stat.name}`, `${plainNumber(stat.rows)} rows from ${plainNumber(stat.minimum)} to ${plainNumber(stat.maximum)}`];
  /* place of a value: by bins, so that a logarithmic histogram needs no other rule */
  const place = value => {
    if (value <= edges[0]) return 0;
    if (value >= edges[n]) return W;
    let bin = 0;
    while (bin < n - 1 && value >= edges[bin + 1]) bin++;
    const width = edges[bin + 1] - edges[bin] || 1;
    return (bin + (value - edges[bin]) / width) * W / n;
  };
  const kept = (bin) => {
    if (!bound) return true;
    const middle = (edges[bin] + edges[bin + 1]) / 2;
    const inside = (bound.low === null || middle >= bound.low) && (bound.high === null || middle <= bound.high);
    return inside !== bound.is_reversed;
  };
  counts.forEach((count, bin) => {
    const height = count ? Math.max(1, count / most * (H - low - bottom)) : 0;
    const rect = svg("rect", { x: bin * W / n + .5, y: H - bottom - height, width: Math.max(.5, W / n - 1), height,
      fill: kept(bin) ? "var(--kept)" : "var(--dropped)" });
    rect.append(svg("title", {}, `${plainNumber(edges[bin])} to ${plainNumber(edges[bin + 1])}: ${plainNumber(count)} rows`));
    root.append(rect);
  });
  root.append(svg("line", { x1: 0, x2: W, y1: H - bottom, y2: H - bottom, stroke: "var(--line)" }));
  root.append(svg("text", { x: 0, y: H - 7 }, plainNumber(edges[0])));
  root.append(svg("text", { x: W, y: H - 7, "text-anchor": "end" }, plainNumber(edges[n])));
  if (n > 1) root.append(svg("text", { x: W / 2, y: H - 7, "text-anchor": "middle" }, plainNumber(edges[n >> 1])));
  const mark = (value, word, colour) => {
    const x = place(value), line = svg("line", { x1: x, x2: x, y1: 4, y2: H - bottom, stroke: colour, "stroke-width": 2, "stroke-dasharray": "5 3" });
    const label = svg("text", { x: x > W - 90 ? x - 4 : x + 4, y: 12, "text-anchor": x > W - 90 ? "end" : "start" }, `${word} ${plainNumber(value)}`);
    const group = svg("g", {}); group.append(line, label); root.append(group);
    return group;
  };
  for (const [key, word] of [["low", "min"], ["high", "max"]])
    if (bound && bound[key] !== null) { mark(bound[key], word, "var(--dead)"); told.push(`${word} ${plainNumber(bound[key])}`); }
  root.setAttribute("aria-label", told.join(", "));
  let tried = null;
  return { root, try: value => { if (tried) tried.remove(); tried = value === null ? null : mark(value, "tried", "var(--link)"); } };
}

const STATES = { ".": ["not begun", "--grid"], r: ["running", "--made"], s: ["with a checkpoint", "--duplicate"], w: ["waiting for the others", "--warn"],
  d: ["done", "--kept"], y: ["will be tried again", "--dropped"], f: ["failed", "--dead"] };

/* A square a partition; of very many, as small as they must be. Drawn again where a state changed only. */
class Squares {
  constructor(say) {
    this.canvas = document.createElement("canvas");
    this.canvas.className = "squares"; this.canvas.tabIndex = 0;
    this.canvas.setAttribute("role", "img");
    this.say = say; this.states = ""; this.letters = []; this.tally = {}; this.at = -1;
    this.canvas.addEventListener("pointermove", event => {
      const box = this.canvas.getBoundingClientRect();
      const column = Math.floor((event.clientX - box.left) / this.size), row = Math.floor((event.clientY - box.top) / this.size);
      if (column < this.columns) this.choose(row * this.columns + column);
    });
    this.canvas.addEventListener("keydown", event => {
      const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: this.columns, ArrowUp: -this.columns, Home: -1e9, End: 1e9 }[event.key];
      if (step === undefined) return;
      event.preventDefault();
      this.choose(Math.min(this.letters.length - 1, Math.max(0, Math.max(this.at, 0) + step)));
    });
    this.resized = new ResizeObserver(() => this.draw());
    this.resized.observe(this.canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw());
  }
  set(states, total) {
    this.letters = states.split("");
    while (this.letters.length < Math.min(total, 5e6)) this.letters.push(".");
    this.tally = {};
    for (const letter of this.letters) this.tally[letter] = (this.tally[letter] || 0) + 1;
    this.draw();
  }
  change(pairs) {
    const grows = pairs.some(([partition]) => partition >= this.letters.length);
    for (const [partition, letter] of pairs) {
      while (this.letters.length <= partition) { this.letters.push("."); this.tally["."] = (this.tally["."] || 0) + 1; }
      this.tally[this.letters[partition]]--;
      this.tally[letter] = (this.tally[letter] || 0) + 1;
      this.letters[partition] = letter;
    }
    if (grows || !this.pen) this.draw(); else for (const [partition] of pairs) this.paint(partition);
    this.label();
  }
  label() {
    const counts = this.tally;
    const told = Object.keys(STATES).filter(key => counts[key]).map(key => `${counts[key].toLocaleString("en-US")} ${STATES[key][0]}`);
    this.canvas.setAttribute("aria-label", `Partitions: ${told.join(", ") || "none"}. Arrow keys move.`);
    return told;
  }
  draw() {
    const width = this.canvas.clientWidth, n = this.letters.length;
    if (!width) return;
    const room = width * Math.min(420, Math.max(120, width * .4));
    this.size = Math.max(2, Math.min(16, Math.floor(Math.sqrt(room / Math.max(1, n)))));
    this.columns = Math.max(1, Math.floor(width / this.size));
    const height = Math.max(this.size, Math.ceil(n / this.columns) * this.size), ratio = Math.min(2, devicePixelRatio || 1);
    this.canvas.width = width * ratio; this.canvas.height = height * ratio; this.canvas.style.height = `${height}px`;
    this.pen = this.canvas.getContext("2d"); this.pen.scale(ratio, ratio);
    this.colours = Object.fromEntries(Object.keys(STATES).map(key => [key, css(STATES[key][1])]));
    const gap = this.size > 3 ? 1 : 0, by = {};
    for (let at = 0; at < n; at++) (by[this.letters[at]] ||= []).push(at);
    for (const letter in by) {
      this.pen.fillStyle = this.colours[letter] || "#888"; this.pen.beginPath();
      for (const at of by[letter]) this.pen.rect(at % this.columns * this.size, Math.floor(at / this.columns) * this.size, this.size - gap, this.size - gap);
      this.pen.fill();
    }
    this.label(); if (this.at >= 0) this.ring();
  }
  paint(at) {
    const gap = this.size > 3 ? 1 : 0, x = at % this.columns * this.size, y = Math.floor(at / this.columns) * this.size;
    this.pen.clearRect(x, y, this.size, this.size);
    this.pen.fillStyle = this.colours[this.letters[at]] || "#888"; this.pen.fillRect(x, y, this.size - gap, this.size - gap);
  }
  ring() {
    this.pen.strokeStyle = css("--text"); this.pen.lineWidth = 1.5;
    this.pen.strokeRect(this.at % this.columns * this.size + .5, Math.floor(this.at / this.columns) * this.size + .5, this.size - 2, this.size - 2);
  }
  choose(at) {
    if (at === this.at || at < 0 || at >= this.letters.length) return;
    const before = this.at; this.at = at;
    if (before >= 0) this.paint(before);
    this.ring(); this.say(at, (STATES[this.letters[at]] || ["unknown"])[0]);
  }
}

/* What each worker did at what time: the newest spans, one lane a worker. */
function drawLanes(canvas, lanes, spans, running, until) {
  const width = canvas.clientWidth, lane = 16, ratio = Math.min(2, devicePixelRatio || 1);
  if (!width || !lanes.length) return;
  const shown = lanes.slice(0, 64), height = shown.length * lane;
  canvas.width = width * ratio; canvas.height = height * ratio; canvas.style.height = `${height}px`;
  const pen = canvas.getContext("2d"); pen.scale(ratio, ratio);
  const all = spans.concat(running.map(([worker, since, partition]) => [worker, since, until, partition, null]));
  const begin = Math.min(...all.map(span => span[1]), until), end = Math.max(...all.map(span => span[2]), begin + .001), scale = width / (end - begin);
  const colours = { true: css("--kept"), false: css("--dead"), null: css("--made") };
  pen.fillStyle = css("--grid");
  shown.forEach((_, at) => pen.fillRect(0, at * lane + 2, width, lane - 4));
  for (const [worker, start, stop, , done] of all) {
    if (worker >= shown.length) continue;
    pen.fillStyle = colours[done];
    pen.fillRect((start - begin) * scale, worker * lane + 2, Math.max(.6, (stop - start) * scale - .5), lane - 4);
  }
  return end - begin;
}

/* Memory and CPU over time. */
function drawResources(node, samples) {
  node.replaceChildren();
  if (samples.length < 2) return false;
  const columns = [0, 1, 2, 3].map(at => samples.map(sample => at === 1 || at === 2 ? sample[at] / 1e6 : sample[at]));
  const axis = { stroke: css("--soft"), grid: { stroke: css("--grid"), width: 1 }, ticks: { stroke: css("--grid") } };
  new uPlot({ width: Math.max(240, node.clientWidth), height: 200, legend: { show: true }, cursor: { drag: { x: true, y: false } },
    scales: { cores: { range: (_, low, high) => [0, Math.max(1, high)] }, y: { range: (_, low, high) => [0, high * 1.05] } },
    axes: [axis, { ...axis, size: 62, values: (_, ticks) => ticks.map(tick => `${tick.toLocaleString("en-US")} MB`) },
      { ...axis, scale: "cores", side: 1, grid: { show: false }, size: 48 }],
    series: [{}, { label: "driver MB", stroke: css("--duplicate"), width: 1.5 }, { label: "workers MB", stroke: css("--kept"), width: 1.5 },
      { label: "cores", scale: "cores", stroke: css("--dropped"), width: 1.5 }] }, columns, node);
  return true;
}
