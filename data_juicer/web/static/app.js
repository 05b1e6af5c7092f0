"use strict";
/* The page. Whatever comes from a job is put in as text, never as markup. In a report the data is in the page; else it is asked of the server. */
const embedded = document.getElementById("data");
const report = embedded ? JSON.parse(embedded.textContent) : null;
const main = document.getElementById("main"), live = document.getElementById("live"), where = document.getElementById("where");
let stream = null, timer = null;
var shown = null;

function el(name, attributes = {}, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else if (key === "width") node.style.width = value;
    else if (key === "colour") node.style.background = `var(${value})`;
    else node.setAttribute(key, value === true ? "" : value);
  }
  node.append(...children.filter(child => child !== null && child !== undefined));
  return node;
}
const number = value => value === null || value === undefined ? "" : Math.round(value).toLocaleString("en-US");
const seconds = value => value >= 100 ? number(value) : value.toFixed(value >= 10 ? 1 : 2);
const when = text => text ? text.slice(0, 19).replace("T", " ") : "";
async function ask(path) {
  const answer = await fetch(path, { headers: { accept: "application/json" } });
  if (!answer.ok) throw new Error((await answer.text()).slice(0, 300) || answer.statusText);
  return answer.json();
}
/* What a reader has done to a part of the page, so that an update does not undo it: what is open, where the focus, sliders and scrolled boxes are. */
const USED = "a, button, input, summary, [tabindex]";
const nameOf = node => `${node.tagName} ${node.getAttribute("aria-label") || node.getAttribute("href") || node.textContent.replace(/: .*/, "").slice(0, 80)}`;
function stateOf(node) {
  const used = [...node.querySelectorAll(USED)], focus = node.contains(document.activeElement) ? document.activeElement : null;
  return {
    open: new Set([...node.querySelectorAll("details[open] > summary")].map(nameOf)), focus: focus && nameOf(focus),
    values: new Map(used.filter(each => each.tagName === "INPUT").map(each => [nameOf(each), each.value])),
    scrolled: new Map(used.filter(each => each.scrollTop || each.scrollLeft).map(each => [nameOf(each), [each.scrollTop, each.scrollLeft]])) };
}
function restore(node, state) {
  for (const each of node.querySelectorAll(USED)) {
    const name = nameOf(each), place = state.scrolled.get(name), value = state.values.get(name);
    if (each.tagName === "SUMMARY" && state.open.has(name)) each.parentNode.open = true;
    if (value !== undefined && value !== each.value) { each.value = value; each.dispatchEvent(new Event("input")); }
    if (place) [each.scrollTop, each.scrollLeft] = place;
    if (state.focus === name) { each.focus({ preventScroll: true }); state.focus = null; }
  }
}
/* Children in place of those that were, where they are others. */
function put(node, ...children) {
  const next = el("div", {}, ...children.filter(child => child !== "")), html = next.innerHTML;
  if (node.shownHtml === html) return;
  const state = node.shownHtml === undefined ? null : stateOf(node);
  node.shownHtml = html;
  node.replaceChildren(...next.childNodes);
  if (state) restore(node, state);
}
function table(caption, titles, rows, classes = []) {
  const heads = titles.map((title, at) => el("th", { scope: "col", class: classes[at] }, title));
  const body = rows.map(cells => el("tr", {}, ...cells.map((cell, at) => el("td", { class: classes[at], title: classes[at] === "cut" && typeof cell === "string" ? cell : null }, cell))));
  return el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": caption },
    el("table", {}, el("caption", {}, caption), el("thead", {}, el("tr", {}, ...heads)), el("tbody", {}, ...body)));
}
function card(title, kind, ...children) {
  const id = `h-${title.replace(/\W+/g, "-").toLowerCase()}`;
  return el("section", { class: `card ${kind}`, "aria-labelledby": id }, el("h2", { id }, title), ...children);
}
const legend = pairs => el("div", { class: "legend" }, ...pairs.map(([text, colour]) => el("span", {}, el("i", { colour }), text)));
const badge = status => el("span", { class: `badge ${status}` }, status);
function facts(pairs) {
  return el("dl", { class: "facts" }, ...pairs.filter(([, value]) => value !== "" && value !== null && value !== undefined)
    .map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value))));
}

/* ---- the list of jobs */

const LISTED_MAX = 1000;
async function showList() {
  where.textContent = ""; document.title = "data_juicer jobs";
  const box = el("div", {}), search = el("input", { type: "search", placeholder: "Find a job", "aria-label": "Find a job", oninput: () => draw() });
  let jobs = [];
  const draw = () => {
    const word = search.value.toLowerCase();
    const rows = jobs.filter(job => job.job_id.toLowerCase().includes(word) || job.status.includes(word)).slice(0, LISTED_MAX).map(job => [
      job.problem ? job.job_id : el("a", { href: `#/job/${job.key}` }, job.job_id), badge(job.status), `${number(job.rows_done)} of ${number(job.rows)}`,
      number(job.rows_out), number(job.rows_dead_letter), when(job.created), el("span", { class: "soft" }, job.problem || job.folder)]);
    put(box, rows.length ? table(`${number(jobs.length)} ${jobs.length === 1 ? "job" : "jobs, the newest first"}${rows.length < jobs.length ? `; ${number(rows.length)} are shown` : ""}`, ["job", "status", "rows done", "rows out", "dead letters", "created (UTC)", "folder"], rows,
      ["cut", "left", "", "", "", "left", "text"]) : el("p", { class: "hint" }, jobs.length ? "No job has such a name or status." : "There are no jobs in these folders yet."));
  };
  main.replaceChildren(el("h1", {}, "Jobs"), el("div", { class: "tools" }, search), el("div", { class: "card" }, box));
  const load = async () => {
    try { jobs = (await ask("/api/jobs")).jobs; live.textContent = "live"; draw(); } catch (error) { live.textContent = `not connected: ${error.message}`; }
  };
  await load();
  timer = setInterval(load, 3000);
}

/* ---- one job */

function copied(button, text) {
  const say = word => { button.textContent = word; live.textContent = word; };
  navigator.clipboard.writeText(text).then(() => say("Copied"), () => say("Not copied: select it"));
}

class JobPage {
  constructor(key) {
    this.key = key; this.states = null; this.heavyAt = 0; this.heavyOf = "";
    const part = () => el("div", {});
    this.parts = Object.fromEntries(["head", "command", "stop", "flow", "time", "stats", "lanesNow", "runs", "samples", "letters", "explained", "events", "slowest"].map(name => [name, part()]));
    this.chosen = el("p", { class: "hint", "aria-live": "polite" }, "Point at a square, or use the arrow keys.");
    this.squares = new Squares((at, state) => { this.chosen.textContent = `partition ${number(at)}: ${state}`; });
    this.legendBox = el("div", {});
    this.lanes = el("canvas", { role: "img", "aria-label": "What each worker did at what time" });
    this.lanes.style.width = "100%";
    this.lanesHint = el("p", { class: "hint" }); this.resources = el("div", {}); this.resourcesHint = el("p", { class: "hint" });
    const p = this.parts;
    main.replaceChildren(el("div", { class: "grid" },
      el("section", { class: "card", "aria-label": "Summary" }, p.head, p.command, p.stop),
      card("Rows through the operators", "", p.flow),
      card("What filters measured", "", p.stats),
      card("Partitions", "half", this.legendBox, this.squares.canvas, this.chosen, p.slowest),
      card("Workers", "half", this.lanes, this.lanesHint, p.lanesNow),
      card("Time by operator and run", "half", p.time),
      card("Memory and CPU", "half", this.resources, this.resourcesHint),
      card("Samples before and after", "", p.samples),
      card("Dead letters", "half", p.letters),
      card("What the last run reused", "half", p.explained),
      card("Events", "half", p.events),
      card("Runs", "half", p.runs)));
    addEventListener("resize", this.resized = () => { clearTimeout(this.later); this.later = setTimeout(() => { this.squares.draw(); this.drawWide(); }, 120); });
  }
  close() { removeEventListener("resize", this.resized); }
  update(job) {
    this.job = job; where.textContent = job.job_id; document.title = `${job.job_id} ${job.status}`;
    if (job.states !== undefined && job.states !== null) this.squares.set(job.states, job.partitions);
    else if (job.changed && job.changed.length) this.squares.change(job.changed);
    const counts = this.squares.tally;
    this.legendBox.replaceChildren(legend(Object.keys(STATES).filter(key => counts[key]).map(key => [`${number(counts[key])} ${STATES[key][0]}`, STATES[key][1]])));
    this.head(job); this.flow(job); this.time(job); this.now(job); this.history(job); this.drawWide();
  }
  head(job) {
    const percent = Math.floor(job.share * 100), running = job.is_alive;
    const copy = el("button", { type: "button", onclick: () => copied(copy, job.resume_command) }, "Copy");
    const seen = [job.phase, job.rows_per_s && running ? `${number(job.rows_per_s)} rows/s` : "", job.left || ""].filter(Boolean).join(", ");
    put(this.parts.head, 
      el("h1", {}, job.job_id, " ", badge(job.status)),
      el("div", { class: "bar", role: "progressbar", "aria-valuemin": "0", "aria-valuemax": "100", "aria-valuenow": String(percent), "aria-label": "Work done" }, el("div", { width: `${job.share * 100}%` })),
      el("p", { class: "hint" }, `${percent}%${seen ? `, ${seen}` : ""}`),
      job.reason ? el("p", { class: job.status === "stopped" ? "alert stopped-note" : "alert" }, job.reason) : null,
      job.last_error && job.status !== "completed" ? el("p", { class: "alert" }, job.last_error) : null,
      ...job.warnings.slice(-3).map(text => el("p", { class: "alert stopped-note" }, text)),
      facts([["rows in", number(job.rows)], ["rows done", number(job.rows_done)], ["rows out", number(job.rows_out)], ["dead letters", number(job.rows_dead_letter)],
        ["partitions", `${number(job.partitions_done)} of ${number(job.partitions)}`], ["failed partitions", job.partitions_failed ? number(job.partitions_failed) : ""],
        ["retries", job.retries ? number(job.retries) : ""],
        ["stragglers", job.copies_started ? `${number(job.copies_started)} begun again, ${number(job.copies_won)} ended first there` : ""], ["operators", `${seconds(job.operator_s)} s`],
        ["checkpoints", job.checkpoint_s ? `${seconds(job.checkpoint_s)} s, ${plainNumber(Math.round(job.checkpoint_bytes / 1e5) / 10)} MB` : ""], ["created (UTC)", when(job.created)]]),
      job.status === "completed" && job.export_path ? el("p", { class: "hint" }, "result: ", el("code", {}, job.export_path)) : null,
);
    put(this.parts.command, running ? "" : el("p", { class: "hint" }, job.status === "completed" ? "To run it again with other settings:" : "To resume it:"),
      running ? "" : el("div", { class: "command" }, el("code", { tabindex: "0", "aria-label": "Command" }, job.resume_command), copy));
    put(this.parts.stop, running && !report ? el("p", {}, el("button", { class: "danger", type: "button", onclick: () => this.stop() }, "Stop after the partitions in flight")) : "",
      this.asked ? el("p", { class: "hint", role: "status" }, this.asked) : "");
  }
  async stop() {
    if (!confirm("Ask the driver to finish the partitions in flight and to stop?")) return;
    try {
      const answer = await fetch(`/api/jobs/${this.key}/stop`, { method: "POST", headers: { "x-data-juicer": "stop" } });
      this.asked = answer.ok ? (await answer.json()).message : await answer.text();
    } catch (error) { this.asked = `the server did not answer: ${error.message}`; }
    this.head(this.job);
  }
  flow(job) {
    const most = Math.max(1, ...job.operators.map(o => o.rows_in + o.rows_generated));
    const kinds = [["rows_out", "kept", "--kept"], ["rows_filtered", "filtered", "--dropped"], ["rows_duplicate", "duplicates", "--duplicate"], ["rows_grouped", "grouped", "--warn"],
      ["rows_null_text", "null texts", "--soft"], ["rows_dead_letter", "dead letters", "--dead"]].filter(([key]) => key === "rows_out" || job.operators.some(o => o[key]));
    const made = job.operators.some(o => o.rows_generated);
    const rows = job.operators.map(o => {
      const label = kinds.map(([key, word]) => `${number(o[key])} ${word}`).join(", ");
      const flow = el("div", { class: "flow", role: "img", "aria-label": label, title: label }, ...kinds.map(([key, , colour]) => el("i", { colour, width: `${o[key] / most * 100}%` })));
      return [o.name, flow, number(o.rows_in), ...(made ? [number(o.rows_generated)] : []), ...kinds.map(([key]) => number(o[key])), seconds(o.duration_s), o.mb_per_s === null ? "" : plainNumber(Number(o.mb_per_s.toPrecision(3)))];
    });
    put(this.parts.flow, legend(kinds.map(([, word, colour]) => [word, colour])), job.operators.length ?
      table("Rows of the partitions that are committed", ["operator", "share", "rows in", ...(made ? ["generated"] : []), ...kinds.map(([, word]) => word), "seconds", "MB/s"], rows, ["cut", "wide"]) : el("p", { class: "hint" }, "No row has been read yet."));
  }
  time(job) {
    const runs = [...new Set(job.operators.flatMap(o => Object.keys(o.seconds_by_run)))].sort((a, b) => a - b);
    const colours = ["--kept", "--made", "--duplicate", "--dropped", "--warn", "--link"], colour = run => colours[runs.indexOf(run) % colours.length];
    const most = Math.max(1e-9, ...job.operators.map(o => Math.max(o.duration_s, Object.values(o.seconds_by_run).reduce((a, b) => a + b, 0))));
    const rows = job.operators.map(o => {
      const label = Object.entries(o.seconds_by_run).map(([run, s]) => `run ${run}: ${seconds(s)} s`).join(", ");
      return [o.name, el("div", { class: "flow", role: "img", "aria-label": label || "no time", title: label }, ...Object.entries(o.seconds_by_run).map(([run, s]) => el("i", { colour: colour(run), width: `${s / most * 100}%` }))), seconds(o.duration_s)];
    });
    put(this.parts.time, job.is_history_read || !job.is_alive ? legend(runs.map(run => [`run ${run}`, colour(run)])) : el("p", { class: "hint" }, "The event log is being read…"),
      table("Seconds of all workers together; what was redone counts in the run that did it", ["operator", "share", "seconds committed"], rows, ["cut", "wide"]));
    put(this.parts.slowest, job.slowest.length ? el("details", {}, el("summary", {}, "The slowest partitions"), table("Seconds of all attempts", ["partition", "seconds"], job.slowest.map(s => [number(s.partition), seconds(s.busy_s)]))) : "");
  }
  now(job) {
    const busy = job.lanes.filter(lane => lane.partition !== null);
    put(this.parts.lanesNow, legend([["attempt committed", "--kept"], ["failed or lost", "--dead"], ["running", "--made"]]),
      !job.lanes.length ? el("p", { class: "hint" }, job.is_history_read ? "The log names no worker." : "The event log is being read…") :
      busy.length ? table(`${busy.length} of ${job.lanes.length} workers are busy`, ["worker", "partition", "operator", "seconds"],
        busy.slice(0, 64).map(lane => [lane.name, number(lane.partition), lane.operator, seconds(Math.max(0, job.time_s - lane.since_s))]), ["cut", "", "left"]) :
      el("p", { class: "hint" }, `${job.lanes.length === 1 ? "1 worker" : `${job.lanes.length} workers`}; none is busy now.`));
  }
  history(job) {
    put(this.parts.events, job.notices.length ? el("ul", { class: "events", tabindex: "0" }, ...[...job.notices].reverse().map(n =>
      el("li", { class: n.level }, el("span", { class: "soft" }, `${when(n.ts)} `), n.text))) : el("p", { class: "hint" }, "None yet."));
    put(this.parts.runs, table("Times are UTC", ["run", "outcome", "started", "took", "where"], job.runs.map(r => [String(r.number), r.outcome, when(r.started), r.took, r.where]), ["", "left", "left", "", "text"]),
      report ? el("p", { class: "hint" }, `A trace for Perfetto: dj-jobs timeline ${job.job_id}`) : el("p", {}, el("a", { href: `/api/jobs/${this.key}/timeline`, download: "trace.json" }, "Timeline for Perfetto (trace.json)")));
    const e = job.explained;
    put(this.parts.explained, ...(e ? [el("p", { class: "hint" }, `Run ${e.run}, partitions: ${[[e.partitions_done, "done before it"], [e.partitions_begun, "continued from a checkpoint"], [e.partitions_anew, "computed from their source"]].filter(([count]) => count).map(([count, word]) => `${number(count)} ${word}`).join(", ") || "none"}.`),
      Object.keys(e.after).length ? table("Continued after", ["operator", "partitions"], Object.entries(e.after).map(([name, count]) => [name, number(count)])) : "",
      e.causes.length ? el("ul", { class: "causes", "aria-label": "Why the rest was not reused" }, ...e.causes.map(why => el("li", {}, why))) : ""] : [el("p", { class: "hint" }, "No run was planned yet.")]));
  }
  drawWide() {
    const job = this.job;
    if (!job) return;
    const index = Object.fromEntries(job.lanes.map((lane, at) => [lane.name, at]));
    const span = drawLanes(this.lanes, job.lanes, job.spans, job.lanes.filter(l => l.partition !== null).map(l => [index[l.name], l.since_s, l.partition]), job.is_alive ? job.time_s : Math.max(0, ...job.spans.map(s => s[2])));
    this.lanesHint.textContent = span ? `The newest attempts, over ${seconds(span)} s.` : "";
    const last = job.resources.length ? `${job.resources.length} ${job.resources[job.resources.length - 1][0]} ${this.resources.clientWidth}` : "";
    if (last && last === this.drawn) return;
    this.drawn = last;
    this.resourcesHint.textContent = drawResources(this.resources, job.resources) ? "Of the driver's machine, every ten seconds." : "Sampled every ten seconds; there are not two samples yet.";
  }
  heavy(stats, samples, letters) {
    this.stats(stats); this.samples(samples); this.letters(letters);
  }
  stats(found) {
    const cards = [];
    for (const filter of found.filters) for (const stat of filter.stats) {
      const bound = filter.bound && filter.bound.stat === stat.name ? filter.bound : null;
      const dropped = `${number(filter.rows_dropped)} of ${number(filter.rows_in)} rows dropped (${(filter.rows_dropped / Math.max(1, filter.rows_in) * 100).toFixed(1)}%)`;
      const missing = filter.partitions_unknown ? `; ${filter.partitions_unknown === 1 ? "1 partition has" : `${number(filter.partitions_unknown)} partitions have`} no statistics` : "";
      const head = [el("h3", {}, `${filter.operator_index + 1}. ${filter.operator_name}: ${stat.name}`), el("p", { class: "hint" }, dropped + missing)];
      if (!stat.histogram) {
        if (stat.words.length) cards.push(el("div", {}, ...head, table(`${number(stat.words_distinct)} different values`, ["value", "rows"], stat.words.slice(0, 10).map(w => [w.value.slice(0, 60), number(w.rows)]), ["cut"])));
        continue;
      }
      cards.push(el("div", {}, ...head, ...this.tried(stat, bound)));
    }
    put(this.parts.stats, cards.length ? el("div", { class: "histograms" }, ...cards) : el("p", { class: "hint" }, "No filter has been through a partition yet, or none recorded statistics."));
  }
  tried(stat, bound) {
    const { edges, counts } = stat.histogram, chart = histogram(stat, bound), out = el("p", { class: "chosen", "aria-live": "polite" });
    const below = [0]; counts.forEach(count => below.push(below[below.length - 1] + count));
    const total = below[below.length - 1], about = stat.rank_error ? `, within ${(stat.rank_error * 100).toFixed(2)}% of the rows` : "";
    const range = el("input", { type: "range", min: "0", max: String(counts.length), value: "0", "aria-label": `Try another bound of ${stat.name}`, oninput: () => {
      const at = Number(range.value);
      chart.try(edges[at]);
      range.setAttribute("aria-valuetext", plainNumber(edges[at]));
      out.textContent = `At ${plainNumber(edges[at])} a minimum would drop ${number(below[at])} rows (${(below[at] / Math.max(1, total) * 100).toFixed(1)}%), a maximum there ${number(total - below[at])}${about}.`;
    } });
    const middle = stat.percentiles.find(p => p.share === .5);
    out.textContent = `Median ${plainNumber(middle ? middle.value : null)}${stat.mean === null ? "" : `, mean ${plainNumber(stat.mean)}`}${about}. Move the slider to try a bound.`;
    const rows = stat.percentiles.map(p => [`${p.share * 100}%`, plainNumber(p.value), number(p.rows_below), number(p.rows_above)]);
    return [chart.root, range, out, el("details", {}, el("summary", {}, "Percentiles"), table("What a bound at each would drop", ["percentile", "value", "as minimum", "as maximum"], rows))];
  }
  samples(found) {
    const by = new Map();
    for (const sample of found.samples) { const name = `${sample.operator_index + 1}. ${sample.operator}`; if (!by.has(name)) by.set(name, []); by.get(name).push(sample); }
    put(this.parts.samples, el("p", { class: "hint" }, found.note), ...[...by].map(([name, list]) => el("details", {}, el("summary", {}, `${name}: ${summed(list)}`),
      el("div", { class: "rows", tabindex: "0", role: "region", "aria-label": `Rows of ${name}` }, ...list.map(s => this.sample(s))))));
  }
  sample(s) {
    const place = `${s.what}: ${s.place}, field ${s.field}${s.why ? `; ${s.why}` : ""}`;
    const text = s.after === null ? [s.before] : diffWords(s.before, s.after).map(([kind, part]) => kind === 0 ? part : el(kind < 0 ? "del" : "ins", {}, part));
    return el("div", { class: "sample" }, el("span", { class: "soft" }, place), el("pre", { dir: "auto" }, ...(s.before === "" && !s.after ? [el("span", { class: "soft" }, "(empty)")] : text)));
  }
  letters(found) {
    put(this.parts.letters, ...(found.rows ? [table("By operator and error", ["operator", "error", "rows"], found.groups.map(g => [g.operator, g.error_type, number(g.rows)]), ["cut", "left"]),
      found.letters.length && el("details", {}, el("summary", {}, found.letters.length === 1 ? "The row" : `The first ${found.letters.length} rows`), el("div", { class: "rows", tabindex: "0", role: "region", "aria-label": "Rows of dead letters" }, ...found.letters.map(l => el("div", { class: "sample" }, el("span", { class: "soft" }, `${l.source}, ${l.place}, ${l.operator}`), el("pre", {}, `${l.error}\n${l.row}`)))))].filter(Boolean) :
      [el("p", { class: "hint" }, "None: every row could be read and processed.")]));
  }
  async loadHeavy() {
    const job = this.job, of = job ? `${job.rows_done} ${job.share} ${job.rows_dead_letter} ${job.is_alive}` : "";
    if (this.loading || of === this.heavyOf) return;
    this.loading = true;
    try {
      const base = `/api/jobs/${this.key}`, [stats, samples, letters] = await Promise.all(["stats", "samples", "letters"].map(name => ask(`${base}/${name}`)));
      this.heavyOf = of; this.heavy(stats, samples, letters);
    } catch (error) { put(this.parts.stats, el("p", { class: "hint" }, `not read: ${error.message}`)); }
    this.loading = false; this.heavyAt = Date.now();
  }
}

function summed(list) {
  const counts = {};
  for (const { what } of list) counts[what] = (counts[what] || 0) + 1;
  return Object.entries(counts).map(([what, count]) => `${count} ${what}`).join(", ");
}

async function showJob(key) {
  const page = shown = new JobPage(key);
  try { page.update(await ask(`/api/jobs/${key}`)); } catch (error) { main.replaceChildren(el("p", { class: "alert" }, `This job cannot be shown: ${error.message}`)); return; }
  page.loadHeavy();
  stream = new EventSource(`/api/jobs/${key}/events`);
  stream.onopen = () => { live.textContent = "live"; };
  stream.onerror = () => { live.textContent = "not connected; trying again"; };
  stream.onmessage = event => {
    const job = JSON.parse(event.data);
    page.update(job); live.textContent = job.is_alive ? "live" : "up to date";
    if (Date.now() - page.heavyAt > 10000 || !job.is_alive) page.loadHeavy();
  };
}

function route() {
  if (stream) stream.close();
  if (shown) shown.close();
  clearInterval(timer); stream = timer = shown = null;
  const match = location.hash.match(/^#\/job\/([0-9a-f]{16})$/);
  if (match) showJob(match[1]); else showList();
}

if (report) {
  document.getElementById("home").removeAttribute("href");
  live.textContent = `as of ${when(report.made)} UTC`;
  shown = new JobPage(""); shown.update(report.job); shown.heavy(report.stats, report.samples, report.letters);
} else { addEventListener("hashchange", route); route(); }
