// Draws the results with Observable Plot: `Plot` is there when this runs.

const { Plot } = globalThis;
const { rows, points, memory, instructions, machine, quick } = JSON.parse(document.getElementById("data").textContent);
const main = document.querySelector("main");
const VERDICT_COLOURS = { domain: ["met", "missed", "reported"], range: ["#2a9d64", "#d9622b", "#7c8ba1"] };
const HOSTS = [...new Set(rows.map((row) => row.host))];

add("h1", "The locks beside their peers");
add("p", described(machine) + (quick ? " A quick run: good for a first look, not for a verdict." : ""));
ratios();
curves(
  "waiters",
  "Cost by the number of waiters",
  "For one key. A flat line is what is wanted. A dashed one is a peer's.",
);
curves("held keys", "Cost by the number of held keys", "Beyond the processor's caches every line rises.");
curves("threads", "Cost by the number of threads", "The time that passed, for each operation of all threads.");
runsTable();
memoryTable();
instructionPlot();
resultTable();

function ratios() {
  add("h2", "Ratio to each peer");
  add("p", "Left of the thin line we are faster. The tick is the bar; the pale line is the middle half of the rounds.");
  for (const host of HOSTS) {
    const measured = rows
      .filter((row) => row.host === host && row.ratio !== null)
      // On the axis less is better: where more is, it is drawn upside down, and written as it is.
      .map((row) => ({ ...row, written: short(row.ratio), ratio: Math.max(row.ratio, 1e-4) }))
      .map((row) => (row.higher_is_better ? upsideDown(row) : row))
      .map((row) => ({ ...row, label: `${row.case}\nbeside ${row.peer}` }));
    if (measured.length === 0) continue;
    add("h3", host);
    draw({
      height: 70 + measured.length * 40,
      marginLeft: 310,
      marginRight: 60,
      marginBottom: 45,
      insetLeft: 30,
      insetRight: 20,
      x: { type: "log", label: "ratio, ours / peer (less is better)", grid: true, tickFormat: "~g", ticks: 8 },
      y: { label: null, domain: measured.map((row) => row.label), tickSize: 0 },
      color: { ...VERDICT_COLOURS, legend: host === HOSTS[0] },
      marks: [
        Plot.ruleX([1], { strokeOpacity: 0.5 }),
        Plot.ruleY(measured, {
          y: "label",
          x1: "low",
          x2: "high",
          stroke: "verdict",
          strokeWidth: 7,
          strokeOpacity: 0.3,
        }),
        Plot.dot(measured, {
          y: "label",
          x: "ratio",
          fill: "verdict",
          r: 5,
          channels: tips(measured),
          tip: { format: { y: false } },
        }),
        Plot.tickX(
          measured.filter((row) => row.bar !== null),
          { y: "label", x: "bar", strokeWidth: 2, inset: 8 },
        ),
        Plot.text(measured, { y: "label", x: "ratio", text: "written", dy: -12, fontWeight: 600 }),
      ],
    });
  }
}

function curves(plot, title, text) {
  const drawn = points.filter((point) => point.plot === plot);
  if (drawn.length === 0) return;
  add("h2", title);
  add("p", text);
  const hosts = [...new Set(drawn.map((point) => point.host))];
  for (const host of hosts) {
    const own = drawn.filter((point) => point.host === host);
    add("h3", host);
    draw({
      height: 380,
      marginRight: 260,
      marginBottom: 45,
      x: { type: "log", label: plot, tickFormat: "~s", ticks: [...new Set(own.map((point) => point.x))], grid: true },
      y: { type: "log", label: "ns for each operation", grid: true, tickFormat: "~s" },
      color: { scheme: "observable10" },
      marks: [
        Plot.areaY(own, { x: "x", y1: "low", y2: "high", fill: "series", fillOpacity: 0.15 }),
        Plot.line(own, { filter: (point) => !isPeer(point), x: "x", y: "ns", stroke: "series", marker: "dot" }),
        Plot.line(own, { filter: isPeer, x: "x", y: "ns", stroke: "series", marker: "dot", strokeDasharray: "4 3" }),
        Plot.tip(
          own,
          Plot.pointer({ x: "x", y: "ns", title: (point) => `${point.series}, ${point.x}: ${short(point.ns)} ns` }),
        ),
        Plot.text(spaced(own), { x: "x", y: "place", text: "series", fill: "series", textAnchor: "start", dx: 10 }),
      ],
    });
  }
}

function runsTable() {
  const counted = rows.filter((row) => row.ours_runs !== undefined);
  if (counted.length === 0) return;
  add("h2", "Bodies run for each call");
  add(
    "p",
    "On the average and in the worst case, where others want the same cell: ours takes its turn, a loop goes on.",
  );
  table(
    ["host", "case", "peer", "ours", "at most", "peer's", "at most"],
    counted.map((row) => [
      row.host,
      row.case,
      row.peer,
      short(row.ours_runs),
      row.ours_most_runs,
      short(row.peer_runs),
      row.peer_most_runs,
    ]),
    [3, 4, 5, 6],
  );
}

function memoryTable() {
  if (memory.length === 0) return;
  add("h2", "Memory");
  add("p", "On the heap for each of 100,000, and what the caller's own guard or future takes besides.");
  table(
    ["for each", "side", "bytes", "allocations", "besides"],
    memory.map((it) => [
      it.what,
      it.side,
      Math.round(it.bytes).toLocaleString("en"),
      it.allocations === undefined ? "" : short(it.allocations),
      it.inline === undefined ? `of ${it.of.toLocaleString("en")} at the most` : `${it.inline} B`,
    ]),
    [2, 3, 4],
  );
}

function instructionPlot() {
  if (!instructions) return;
  add("h2", "Instructions for each operation, in Rust");
  add("p", "Counted by callgrind: they repeat where times do not.");
  const labelled = instructions.map((it) => ({ ...it, label: `${it.case} · ${it.side}` }));
  draw({
    height: 70 + labelled.length * 22,
    marginBottom: 45,
    marginLeft: 420,
    marginRight: 60,
    x: { label: "instructions", grid: true },
    y: { label: null, domain: labelled.map((it) => it.label), tickSize: 0 },
    color: { legend: true },
    marks: [
      Plot.barX(labelled, {
        y: "label",
        x: "instructions",
        fill: (it) => (it.side === "Latchwork" ? "ours" : "a peer's"),
      }),
      Plot.text(labelled, {
        y: "label",
        x: "instructions",
        text: (it) => Math.round(it.instructions),
        textAnchor: "start",
        dx: 5,
      }),
      Plot.ruleX([0]),
    ],
  });
}

function resultTable() {
  add("h2", "All rows");
  table(
    ["host", "case", "peer", "ours", "peer's", "ratio", "bar", ""],
    rows.map((row) => [
      row.host,
      row.case,
      row.peer,
      amount(row.ours_ns, row.ours_bytes),
      amount(row.peer_ns, row.peer_bytes),
      row.ratio === null ? "" : short(row.ratio),
      row.bar === null ? "" : `${row.higher_is_better ? "≥" : "≤"} ${row.bar}`,
      row.verdict,
    ]),
    [3, 4, 5, 6],
  );
}

function upsideDown({ ratio, low, high, bar, ...rest }) {
  return { ...rest, ratio: 1 / ratio, low: 1 / high, high: 1 / low, bar: bar === null ? null : 1 / bar };
}

function tips(measured) {
  return {
    case: { value: measured.map((row) => row.case), label: "case" },
    ours: { value: measured.map((row) => amount(row.ours_ns, row.ours_bytes)), label: "ours" },
    theirs: { value: measured.map((row) => amount(row.peer_ns, row.peer_bytes)), label: "peer's" },
    rounds: { value: measured.map((row) => row.rounds), label: "rounds" },
  };
}

/** The last point of each series, moved apart where their names would lie on each other. */
function spaced(own) {
  const last = new Map();
  for (const point of own) if (!(last.get(point.series)?.x > point.x)) last.set(point.series, point);
  const sorted = [...last.values()].sort((one, other) => one.ns - other.ns);
  const most = Math.max(...own.map((point) => point.high));
  const least = Math.min(...own.map((point) => point.low));
  // Fifteen pixels of the height, as a factor on the axis.
  const step = (most / least) ** (15 / 330);
  let below = 0;
  return sorted.map((point) => {
    below = Math.max(point.ns, below * step);
    return { ...point, place: below };
  });
}

/** A peer's lines are dashed. */
function isPeer({ series }) {
  return ["tokio", "DashMap", "async-", "asyncio", "promise chain", "no lock"].some((peer) => series.includes(peer));
}

function described({ cores, system, architecture, rustc, node, python }) {
  return [`${cores} cores, ${system}, ${architecture}`, rustc, node && `Node ${node}`, python]
    .filter(Boolean)
    .join("; ")
    .concat(".");
}

function amount(nanoseconds, bytes) {
  if (bytes !== undefined) return `${Math.round(bytes).toLocaleString("en")} B`;
  return nanoseconds === null ? "" : `${Math.round(nanoseconds).toLocaleString("en")} ns`;
}

function short(number) {
  return number === 0 ? "0" : Number(number.toPrecision(3)).toLocaleString("en", { maximumFractionDigits: 4 });
}

function draw(options) {
  const figure = document.createElement("figure");
  figure.append(Plot.plot({ width: 1040, style: { fontSize: "12px", background: "none" }, ...options }));
  main.append(figure);
}

function table(heading, lines, numbers) {
  const element = document.createElement("table");
  const row = (cells, name) => {
    const line = element.insertRow();
    for (const [column, text] of cells.entries()) {
      const cell = document.createElement(name);
      cell.textContent = text;
      if (numbers.includes(column)) cell.className = "number";
      if (["met", "missed"].includes(text)) cell.className = text;
      line.append(cell);
    }
  };
  row(heading, "th");
  for (const line of lines) row(line, "td");
  const frame = document.createElement("div");
  frame.className = "wide";
  frame.append(element);
  main.append(frame);
}

function add(name, text) {
  const element = document.createElement(name);
  element.textContent = text;
  main.append(element);
}
