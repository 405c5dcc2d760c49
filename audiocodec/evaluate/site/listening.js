"use strict";
// A test after ITU-R BS.1534 (MUSHRA): hidden reference, anchor, blind order, ratings 0 to 100.
const TEST = window.LISTENING;
const WORDS = ["bad", "poor", "fair", "good", "excellent"];
const REFERENCE = "reference";

function shuffled(items) {
  const out = [...items];
  for (let i = out.length - 1; i > 0; i--) {
    const j = crypto.getRandomValues(new Uint32Array(1))[0] % (i + 1);
    [out[i], out[j]] = [out[j], out[i]];
  }
  return out;
}

const trials = shuffled(TEST.trials).map((trial) => ({ ...trial, conditions: shuffled(trial.conditions) }));
const answers = [];
const state = { at: -1, current: REFERENCE, ratings: new Map(), heard: new Map(), began: 0, saved: false };
const deck = new Sounds.Deck(() => show());

async function load(trial) {
  deck.clear();
  const sounds = [[REFERENCE, trial.reference], ...trial.conditions.map((c, i) => [String(i + 1), c.file])];
  await Promise.all(sounds.map(async ([name, file]) => {
    const buffer = await Sounds.load(file, trial.rate);
    if (trials[Math.max(0, state.at)] === trial) deck.add(name, buffer);
  }));
  deck.select(REFERENCE);
}

function show() {
  byId("play").textContent = deck.playing ? "Pause" : "Play";
  byId("play").setAttribute("aria-pressed", String(deck.playing));
  byId("check").textContent = deck.playing ? "Stop" : "Play for the volume";
  byId("check").setAttribute("aria-pressed", String(deck.playing));
  if (deck.playing) requestAnimationFrame(tick);
}
function tick() {
  byId("time").textContent = `${deck.position.toFixed(1)} of ${deck.duration.toFixed(1)} s`;
  byId("seek").value = deck.duration ? Math.round((1000 * deck.position) / deck.duration) : 0;
  if (deck.playing) requestAnimationFrame(tick);
}
function toggle() { if (deck.playing) deck.pause(); else { deck.play(); count(state.current); } show(); tick(); }
function count(name) { state.heard.set(name, (state.heard.get(name) ?? 0) + 1); }

function hear(name) {
  if (!deck.buffers.has(name)) return;
  state.current = name;
  deck.select(name);
  byId("reference").setAttribute("aria-pressed", String(name === REFERENCE));
  document.querySelectorAll(".rating button").forEach((b) => b.setAttribute("aria-pressed", String(b.dataset.name === name)));
  if (deck.playing) count(name); else toggle();
  say();
}

function rate(name, value) {
  state.ratings.set(name, value);
  const row = document.querySelector(`.rating[data-name="${name}"]`);
  row.classList.remove("unheard");
  row.querySelector("output").textContent = String(value);
  row.querySelector("input").setAttribute("aria-valuetext", `${value}, ${WORDS[Math.min(4, Math.floor(value / 20))]}`);
  say();
}

function missing() {
  const names = trials[state.at].conditions.map((_, i) => String(i + 1));
  return { unheard: names.filter((n) => !state.heard.get(n)), unrated: names.filter((n) => !state.ratings.has(n)) };
}
function say() {
  const { unheard, unrated } = missing(), lines = [];
  if (unheard.length) lines.push(`Not heard yet: ${unheard.join(", ")}.`);
  if (unrated.length) lines.push(`Not rated yet: ${unrated.join(", ")}.`);
  if (!lines.length && Math.max(...state.ratings.values()) < 100) lines.push("One of them is the reference itself: it should get 100.");
  byId("missing").textContent = lines.join(" ");
  byId("next").disabled = Boolean(unheard.length || unrated.length);
}

async function begin(at) {
  const trial = trials[at];
  Object.assign(state, { at, current: REFERENCE, ratings: new Map(), heard: new Map(), began: performance.now() });
  byId("intro").hidden = true; byId("trial").hidden = false;
  byId("trial-title").textContent = `Sound ${at + 1} of ${trials.length}`;
  const progress = byId("progress");
  progress.setAttribute("aria-valuemax", String(trials.length)); progress.setAttribute("aria-valuenow", String(at));
  progress.firstElementChild.style.width = `${(100 * at) / trials.length}%`;
  byId("reference").setAttribute("aria-pressed", "true");
  byId("ratings").replaceChildren(...trial.conditions.map((_, i) => {
    const name = String(i + 1);
    const button = make("button", { type: "button", "aria-pressed": "false", "data-name": name }, `Version ${name}`);
    button.addEventListener("click", () => hear(name));
    const slider = make("input", { type: "range", min: "0", max: "100", value: "50", "aria-label": `Rating of version ${name}`, "aria-valuetext": "not rated yet" });
    slider.addEventListener("input", () => rate(name, Number(slider.value)));
    slider.addEventListener("change", () => rate(name, Number(slider.value)));
    return make("div", { class: "rating unheard", "data-name": name }, button, slider, make("output", {}, "–"));
  }));
  byId("next").textContent = at + 1 < trials.length ? "Next" : "Finish";
  say();
  byId("trial-title").focus();
  await load(trial);
  byId("trial").dataset.ready = String(at);
  tick(); show();
}

function next() {
  const { unheard, unrated } = missing();
  if (unheard.length || unrated.length) return;
  const trial = trials[state.at];
  trial.conditions.forEach((condition, i) => {
    const name = String(i + 1);
    answers.push({
      test: TEST.id, listener: byId("listener").value.trim(), order: state.at + 1, clip: trial.clip, position: i + 1,
      condition: decodeURIComponent(escape(atob(condition.name))), rating: state.ratings.get(name),
      plays: state.heard.get(name) ?? 0, seconds: Math.round((performance.now() - state.began) / 100) / 10,
    });
  });
  deck.pause(); show();
  if (state.at + 1 < trials.length) { begin(state.at + 1); return; }
  byId("trial").hidden = true; byId("done").hidden = false;
  byId("done-title").focus();
}

function csv() {
  const head = Object.keys(answers[0]), cell = (v) => (/[",\n]/.test(String(v)) ? `"${String(v).replaceAll('"', '""')}"` : String(v));
  return [head.join(","), ...answers.map((a) => head.map((key) => cell(a[key])).join(","))].join("\n") + "\n";
}
function save(kind) {
  const remarks = byId("remarks").value.trim();
  const text = kind === "csv" ? csv() : JSON.stringify({ test: TEST.id, title: TEST.title, finished: new Date().toISOString(), remarks, answers }, null, 1);
  const link = make("a", { download: `listening-${TEST.id}-${Date.now()}.${kind}` });
  link.href = URL.createObjectURL(new Blob([text], { type: kind === "csv" ? "text/csv" : "application/json" }));
  link.click();
  state.saved = true;
  byId("saved").textContent = `Saved as ${link.download}.`;
}

document.title = byId("title").textContent = TEST.title;
byId("count").textContent = `${trials.length} ${trials.length === 1 ? "sound" : "sounds"}`;
themeButton(byId("theme"), () => {});
byId("begin").addEventListener("click", () => { deck.pause(); begin(0); });
byId("check").addEventListener("click", toggle);
byId("play").addEventListener("click", toggle);
byId("reference").addEventListener("click", () => hear(REFERENCE));
byId("seek").addEventListener("input", (event) => { deck.seek((event.target.value / 1000) * deck.duration); tick(); });
byId("next").addEventListener("click", next);
byId("save-json").addEventListener("click", () => save("json"));
byId("save-csv").addEventListener("click", () => save("csv"));
addEventListener("beforeunload", (event) => { if (answers.length && !state.saved) event.preventDefault(); });
document.addEventListener("keydown", (event) => {
  const { key, target } = event;
  if (event.ctrlKey || event.metaKey || event.altKey || /^(TEXTAREA)$/.test(target.tagName) || (target.tagName === "INPUT" && target.type === "text")) return;
  if (state.at < 0 || byId("trial").hidden) return;
  if (key === " " && !/^(BUTTON|A)$/.test(target.tagName)) { toggle(); event.preventDefault(); }
  if (key === "0") hear(REFERENCE);
  if (/^[1-9]$/.test(key)) hear(key);
});
load(trials[0]).then(() => { byId("intro").dataset.ready = "yes"; });
