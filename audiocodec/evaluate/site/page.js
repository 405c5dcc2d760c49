"use strict";
const DATA = window.EVALUATION;
const COLORS = ["var(--c0)", "var(--c1)", "var(--c2)", "var(--c3)", "var(--c4)", "var(--c5)"];
const SYSTEMS = [...new Set(DATA.means.map((row) => row.system).concat(DATA.results.map((r) => r.system)))];
const colorOf = (system) => COLORS[Math.max(0, SYSTEMS.indexOf(system)) % COLORS.length];
const MEASURES = Object.entries(DATA.measures);
const arrow = (measure) => (measure.better === "higher" ? "higher is better ↑" : "lower is better ↓");
const unit = (measure) => (measure.unit ? ` ${measure.unit}` : "");
const value = (name, number) => (number === null || number === undefined ? "–" : number.toFixed(DATA.measures[name].digits));

function tip(text, event) {
  const box = byId("tip");
  box.hidden = !text;
  if (!text) return;
  box.textContent = text;
  const x = Math.min(event.clientX + 14, innerWidth - box.offsetWidth - 8);
  box.style.left = `${Math.max(8, x)}px`;
  box.style.top = `${Math.max(8, event.clientY - box.offsetHeight - 12)}px`;
}

// ---- curves
const shown = { group: DATA.means[0]?.group, systems: new Set(SYSTEMS) };

function drawCharts() {
  const rows = DATA.means.filter((row) => row.group === shown.group && shown.systems.has(row.system));
  const charts = MEASURES.flatMap(([name, measure]) => {
    const series = SYSTEMS.map((system, i) => ({
      name: system, color: colorOf(system), dash: i % 2 ? "6 3" : "none",
      points: rows.filter((row) => row.system === system && row.measures[name]?.clips).map((row) => {
        const m = row.measures[name], x = row.payload_kbps ?? row.kbps;
        const rate = x ? `, ${x.toFixed(2)} kbps spent` : "";
        return { x, y: m.mean, low: m.low, high: m.high, text: `${system} ${row.label}: ${value(name, m.mean)}${unit(measure)} (${value(name, m.low)} to ${value(name, m.high)}, ${m.clips} clips)${rate}` };
      }).sort((a, b) => a.x - b.x),
    }));
    if (!series.some((s) => s.points.length)) return [];
    const caption = make("figcaption", {}, make("b", {}, measure.title + (measure.unit && measure.unit !== "MOS-LQO" ? `, ${measure.unit}` : "")), make("small", {}, arrow(measure)));
    return [make("figure", {}, caption, make("p", { class: "about" }, measure.about), Charts.curve(measure.title, series, tip, measure.digits))];
  });
  byId("charts").replaceChildren(...charts);
  const names = MEASURES.filter(([name]) => rows.some((row) => row.measures[name]?.clips));
  byId("means").replaceChildren(table(
    ["Codec", "kbps spent", "Clips", ...names.map(([, m]) => m.title + (m.unit ? `, ${m.unit}` : ""))],
    rows.map((row) => [`${row.system} ${row.label}`, row.payload_kbps?.toFixed(2), String(row.clips), ...names.map(([name]) => {
      const m = row.measures[name];
      return m?.clips ? make("span", {}, value(name, m.mean), make("small", {}, m.clips > 1 ? ` [${value(name, m.low)}, ${value(name, m.high)}]` : "")) : null;
    })]), "All means"));
}

function setUpCurves() {
  const groups = [...new Set(DATA.means.map((row) => row.group))];
  const clipsOf = (group) => Math.max(...DATA.means.filter((row) => row.group === group).map((row) => row.clips));
  chips(byId("groups"), "radio", "group", groups.map((group, i) => ({ value: group, text: group, hint: String(clipsOf(group)), checked: i === 0 })), (group) => { shown.group = group; drawCharts(); });
  chips(byId("systems"), "checkbox", "system", [...new Set(DATA.means.map((row) => row.system))].map((system) => ({ value: system, text: system, color: colorOf(system), checked: true })), (system, on) => {
    if (on) shown.systems.add(system); else shown.systems.delete(system);
    drawCharts();
  });
  drawCharts();
}

// ---- listening
const REFERENCE = "reference";
const state = { player: null, version: REFERENCE, before: REFERENCE, pictures: new Map(), abx: null };
const deck = new Sounds.Deck(() => showPlaying());

function versionsOf(player) { return [{ point: REFERENCE, label: "Reference", system: "" }, ...player.versions]; }

async function choosePlayer(player) {
  stopAbx();
  const keep = state.player ? state.version : REFERENCE;
  deck.clear(); showPlaying();
  state.player = player; state.pictures.clear();
  const versions = versionsOf(player);
  state.version = versions.some((v) => v.point === keep) ? keep : REFERENCE;
  const inputs = chips(byId("versions"), "radio", "version", versions.map((v, i) => ({
    value: v.point, text: v.point === REFERENCE ? "Reference" : v.point, hint: i < 10 ? String(i) : "", disabled: true,
    color: v.point === REFERENCE ? "" : colorOf(v.system), checked: v.point === state.version,
  })), chooseVersion);
  for (const select of [byId("abx-a"), byId("abx-b")]) select.replaceChildren(...versions.map((v) => make("option", { value: v.point }, v.point === REFERENCE ? "Reference" : v.point)));
  byId("abx-b").selectedIndex = Math.min(1, versions.length - 1);
  drawClipTable();
  byId("now").textContent = "Loading …";
  await Promise.all(versions.map(async (v, i) => {
    try {
      const buffer = await Sounds.load(v.point === REFERENCE ? player.file : v.file, player.rate);
      if (state.player !== player) return;
      deck.add(v.point, buffer);
      inputs[i].disabled = false;
      if (v.point === REFERENCE || v.point === state.version) drawPictures();
    } catch (error) { byId("now").textContent = `${v.point} cannot be played: ${error.message}`; }
  }));
  if (state.player !== player) return;
  chooseVersion(state.version);
  byId("listen").dataset.ready = player.clip;
}

function chooseVersion(point) {
  if (!deck.buffers.has(point)) return;
  if (point !== state.version) state.before = state.version;
  state.version = point;
  deck.select(point);
  const input = [...document.getElementsByName("version")].find((i) => i.value === point);
  if (input) input.checked = true;
  if (!state.abx) { byId("now").textContent = describe(point); drawPictures(); markRow(); }
}

function describe(point) {
  if (point === REFERENCE) return "Reference: the original sound";
  const found = DATA.results.find((r) => r.clip === state.player.clip && `${r.system} ${r.label}` === point);
  const said = MEASURES.filter(([name]) => found?.measures[name] !== undefined).slice(0, 4).map(([name, m]) => `${m.title} ${value(name, found.measures[name])}${unit(m)}`);
  const spent = found?.payload_bytes ? [`${((8 * found.payload_bytes) / found.seconds / 1000).toFixed(2)} kbps spent`] : [];
  return [point, ...spent, ...said].join(" · ");
}

function gridOf(point, canvas) {
  const key = `${point} ${Pictures.columnsOf(canvas)}`;
  if (!state.pictures.has(key)) state.pictures.set(key, Pictures.spectrogram(deck.buffers.get(point).getChannelData(0), Pictures.columnsOf(canvas)));
  return state.pictures.get(key);
}
function drawPictures() {
  const rate = state.player?.rate, canvases = ["spec-reference", "spec-version", "spec-difference"].map(byId);
  if (!deck.buffers.has(REFERENCE) || !deck.buffers.has(state.version)) return;
  const name = state.version === REFERENCE ? "Reference" : state.version;
  byId("cap-version").textContent = name;
  canvases[1].setAttribute("aria-label", `Spectrogram of ${name}`);
  canvases[2].setAttribute("aria-label", `Difference of the spectrograms, ${name} less reference`);
  Pictures.drawHeat(canvases[0], gridOf(REFERENCE, canvases[0]), rate);
  Pictures.drawHeat(canvases[1], gridOf(state.version, canvases[1]), rate);
  Pictures.drawDifference(canvases[2], gridOf(REFERENCE, canvases[2]), gridOf(state.version, canvases[2]), rate);
  state.heights = Pictures.peaks(deck.buffers.get(state.abx ? REFERENCE : state.version).getChannelData(0), Math.max(60, Math.round(byId("wave").clientWidth / 4)));
  drawWave();
}
function drawWave() {
  if (!state.heights) return;
  const ink = getComputedStyle(document.documentElement).getPropertyValue("--accent");
  Pictures.drawWave(byId("wave"), state.heights, ink, deck.duration ? deck.position / deck.duration : 0);
}

function drawClipTable() {
  const some = DATA.results.filter((r) => r.clip === state.player.clip);
  const names = MEASURES.filter(([name]) => some.some((r) => r.measures[name] !== undefined));
  const body = table(["Version", "kbps spent", ...names.map(([, m]) => m.title + (m.unit ? `, ${m.unit}` : ""))], some.map((r) => [
    `${r.system} ${r.label}`, r.payload_bytes ? ((8 * r.payload_bytes) / r.seconds / 1000).toFixed(2) : null, ...names.map(([name]) => value(name, r.measures[name]))]), "Measures of this clip");
  body.querySelectorAll("tbody tr").forEach((row, i) => { row.dataset.point = `${some[i].system} ${some[i].label}`; });
  byId("clip-table").replaceChildren(body);
}
function markRow() {
  byId("clip-table").querySelectorAll("tbody tr").forEach((row) => row.classList.toggle("on", row.dataset.point === state.version));
}

function showPlaying() {
  const play = byId("play");
  play.textContent = deck.playing ? "Pause" : "Play";
  play.setAttribute("aria-pressed", String(deck.playing));
  if (deck.playing) requestAnimationFrame(tick);
}
function tick() {
  const place = deck.position;
  byId("time").textContent = `${place.toFixed(1)} of ${deck.duration.toFixed(1)} s`;
  byId("seek").value = deck.duration ? Math.round((1000 * place) / deck.duration) : 0;
  byId("seek").setAttribute("aria-valuetext", `${place.toFixed(1)} seconds`);
  drawWave();
  if (deck.playing) requestAnimationFrame(tick);
}
function toggle() {
  if (deck.playing) deck.pause(); else deck.play();
  showPlaying(); tick();
}
function seekTo(seconds) { deck.seek(seconds); tick(); }

// ---- ABX
function drawX() { return crypto.getRandomValues(new Uint8Array(1))[0] & 1 ? "a" : "b"; }
function chance(right, trials) {
  // The probability of so many right answers, or more, by guessing.
  let sum = 0, ways = 1;
  for (let k = 0; k <= trials; k++) { if (k >= right) sum += ways; ways = (ways * (trials - k)) / (k + 1); }
  return sum / 2 ** trials;
}
function startAbx() {
  const a = byId("abx-a").value, b = byId("abx-b").value;
  if (a === b) { byId("abx-score").textContent = "Choose two different versions."; return; }
  state.abx = { a, b, x: drawX(), right: 0, trials: 0 };
  setAbx(true);
  byId("now").textContent = "ABX is on: pictures and names are hidden.";
  byId("abx-score").textContent = "0 of 0 right";
  drawPictures();
  hear("x");
  if (!deck.playing) toggle();
}
function stopAbx() {
  if (!state.abx) return;
  state.abx = null;
  setAbx(false);
  chooseVersion(state.version);
}
function setAbx(on) {
  byId("abx-panel").hidden = !on; byId("abx-stop").hidden = !on; byId("abx-start").textContent = on ? "Start again" : "Start";
  byId("pictures").classList.toggle("hidden", on);
  byId("clip-numbers").hidden = on;
  byId("versions").disabled = on; byId("swap").disabled = on;
  byId("versions").hidden = on;
}
function hear(which) {
  const { abx } = state;
  if (!abx) return;
  deck.select(which === "x" ? abx[abx.x] : abx[which]);
  for (const key of ["a", "b", "x"]) byId(`hear-${key}`).setAttribute("aria-pressed", String(key === which));
}
function answer(which) {
  const { abx } = state;
  if (!abx) return;
  const right = which === abx.x;
  abx.trials += 1; abx.right += right ? 1 : 0;
  const p = chance(abx.right, abx.trials);
  byId("abx-score").textContent = `${right ? "Right" : "Wrong"}: X was ${abx.x.toUpperCase()}. ${abx.right} of ${abx.trials} right; guessing would do as well with a probability of ${p < 0.001 ? "under 0.1" : (100 * p).toFixed(1)} %.`;
  abx.x = drawX();
  hear("x");
}

function setUpListening() {
  const players = DATA.players;
  byId("listen").hidden = byId("nav-listen").hidden = !players.length;
  if (!players.length) return;
  chips(byId("players"), "radio", "player", players.map((p, i) => ({ value: p.clip, text: p.title, hint: p.category === "all" ? "" : p.category, checked: i === 0 })), (clip) => choosePlayer(players.find((p) => p.clip === clip)));
  byId("play").addEventListener("click", toggle);
  byId("loop").addEventListener("click", toggleLoop);
  byId("swap").addEventListener("click", () => chooseVersion(state.before));
  byId("seek").addEventListener("input", (event) => seekTo((event.target.value / 1000) * deck.duration));
  byId("keys").addEventListener("click", () => byId("help").showModal());
  byId("abx-start").addEventListener("click", startAbx);
  byId("abx-stop").addEventListener("click", stopAbx);
  for (const key of ["a", "b", "x"]) byId(`hear-${key}`).addEventListener("click", () => hear(key));
  for (const key of ["a", "b"]) byId(`say-${key}`).addEventListener("click", () => answer(key));
  document.addEventListener("keydown", onKey);
  choosePlayer(players[0]);
}
function toggleLoop() {
  deck.setLoop(!deck.loop);
  byId("loop").setAttribute("aria-pressed", String(deck.loop));
}
function onKey(event) {
  const { target, key } = event;
  if (event.ctrlKey || event.metaKey || event.altKey || byId("help").open) return;
  if (/^(SELECT|TEXTAREA)$/.test(target.tagName) || (target.tagName === "INPUT" && target.type === "text")) return;
  const native = /^(BUTTON|A|SUMMARY|INPUT)$/.test(target.tagName);
  const inGroup = target.tagName === "INPUT";
  const act = {
    " ": () => !native && toggle(), l: toggleLoop, t: () => !state.abx && chooseVersion(state.before),
    ArrowLeft: () => !inGroup && seekTo(deck.position - 0.5), ArrowRight: () => !inGroup && seekTo(deck.position + 0.5),
    "?": () => byId("help").showModal(),
    a: () => hear("a"), b: () => hear("b"), x: () => hear("x"), q: () => answer("a"), w: () => answer("b"),
  }[key.length === 1 ? key.toLowerCase() : key];
  if (/^[0-9]$/.test(key) && !state.abx) {
    const version = versionsOf(state.player)[Number(key)];
    if (version) chooseVersion(version.point);
  } else if (act && act() !== false) event.preventDefault();
}

// ---- clip by clip
const sorting = { column: null, down: true };
function drawClips() {
  const point = byId("clip-point").value;
  const some = DATA.results.filter((r) => `${r.system} ${r.label}` === point);
  const names = MEASURES.filter(([name]) => some.some((r) => r.measures[name] !== undefined)).map(([name]) => name);
  if (sorting.column && names.includes(sorting.column)) {
    const far = sorting.down ? -Infinity : Infinity;
    some.sort((a, b) => ((b.measures[sorting.column] ?? far) - (a.measures[sorting.column] ?? far)) * (sorting.down ? 1 : -1));
  }
  const heads = names.map((name) => {
    const button = make("button", { type: "button" }, `${DATA.measures[name].title}${sorting.column === name ? (sorting.down ? " ▾" : " ▴") : ""}`);
    button.addEventListener("click", () => { sorting.down = sorting.column === name ? !sorting.down : true; sorting.column = name; drawClips(); });
    return button;
  });
  const rows = some.map((r) => {
    const canvas = make("canvas", { role: "img", "aria-label": "Waveform" });
    const heights = DATA.waves[r.clip];
    if (heights) requestAnimationFrame(() => Pictures.drawWave(canvas, heights, getComputedStyle(document.documentElement).getPropertyValue("--soft")));
    const verdict = r.verdict === "ok" ? "ok" : `${r.verdict}: ${r.message}`;
    return [r.clip, DATA.categories[r.clip] ?? "", canvas, verdict, ...names.map((name) => value(name, r.measures[name]))];
  });
  const body = table(["Clip", "Category", "Reference", "Verdict", ...heads], rows, `Clips by ${point}`);
  body.querySelectorAll("thead th").forEach((head, i) => {
    if (names[i - 4] && names[i - 4] === sorting.column) head.setAttribute("aria-sort", sorting.down ? "descending" : "ascending");
  });
  body.querySelectorAll("tbody tr").forEach((row, i) => row.children[3].classList.toggle("bad", !["ok", "identical"].includes(some[i].verdict)));
  byId("clip-rows").replaceChildren(body);
}
function setUpClips() {
  const points = [...new Set(DATA.results.map((r) => `${r.system} ${r.label}`))];
  byId("clip-point").replaceChildren(...points.map((point) => make("option", { value: point }, point)));
  byId("clip-point").addEventListener("change", drawClips);
  drawClips();
}

// ---- the rest
function setUpUsage() {
  const systems = [...new Set(DATA.usage.map((u) => u.system))];
  byId("codebooks").hidden = byId("nav-codebooks").hidden = !systems.length;
  byId("usage").replaceChildren(...systems.map((system) => {
    const levels = DATA.usage.filter((u) => u.system === system);
    const values = levels.map((u) => ({ value: u.diversity, label: String(u.level), text: `level ${u.level}: ${u.diversity.toFixed(3)}, ${Math.round(100 * u.used)} % of ${u.size} entries came up` }));
    return make("figure", {}, make("figcaption", {}, make("b", {}, system), make("small", {}, `${levels[0].codes.toLocaleString("en")} codes a level`)), Charts.bars(`Use of the codebooks of ${system}`, values, colorOf(system), tip));
  }));
}
function setUpText() {
  document.title = DATA.title;
  byId("title").textContent = DATA.title;
  const counts = Object.entries(DATA.counts).map(([category, count]) => `${count} ${category === "all" ? "" : `${category} `}clip${count === 1 ? "" : "s"}`);
  byId("facts").textContent = [...counts, DATA.seconds ? `up to ${DATA.seconds} s each` : "whole clips", "mono"].join(" · ");
  byId("command").textContent = DATA.command;
  byId("models").replaceChildren(...DATA.models.map((line) => make("li", {}, line)));
  byId("warnings").replaceChildren(...DATA.warnings.map((line) => make("li", {}, line)));
  byId("warnings-title").hidden = !DATA.warnings.length;
  byId("measures").replaceChildren(...MEASURES.flatMap(([, m]) => [make("dt", {}, m.title), make("dd", {}, `${m.about} ${arrow(m)[0].toUpperCase()}${arrow(m).slice(1, -2)}.`)]));
}
function redraw() { drawPictures(); drawClips(); }

setUpText();
themeButton(byId("theme"), redraw);
setUpCurves();
setUpListening();
setUpClips();
setUpUsage();
let resizing = 0;
addEventListener("resize", () => { clearTimeout(resizing); resizing = setTimeout(redraw, 150); });
