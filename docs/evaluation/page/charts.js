"use strict";
// Small helpers for the document, and the curves as inline SVG.

function make(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [key, value] of Object.entries(attributes)) {
    if (key === "class") node.className = value;
    else if (key in node && typeof value !== "string") node[key] = value;
    else node.setAttribute(key, value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}
const byId = (id) => document.getElementById(id);

// Radio buttons or checkboxes that look like chips; returns their inputs.
function chips(fieldset, type, name, items, onChange) {
  fieldset.querySelectorAll(".chip").forEach((old) => old.remove());
  return items.map((item) => {
    const input = make("input", { type, name, value: item.value, checked: Boolean(item.checked), disabled: Boolean(item.disabled) });
    input.addEventListener("change", () => onChange(item.value, input.checked));
    const dot = item.color ? make("i", { class: "dot", style: `background:${item.color}` }) : null;
    const hint = item.hint ? make("span", { class: "hint", "aria-hidden": "true" }, item.hint) : null;
    fieldset.append(make("label", { class: "chip" }, input, make("span", {}, dot, item.text, hint)));
    return input;
  });
}

function table(head, rows, caption) {
  const line = (cells, tag, first) => make("tr", {}, ...cells.map((cell, i) => {
    const node = i === 0 ? make("th", { scope: first }) : make(tag, tag === "th" ? { scope: "col" } : {});
    node.append(cell ?? "–");
    return node;
  }));
  return make("table", { "aria-label": caption }, make("thead", {}, line(head, "th", "col")), make("tbody", {}, ...rows.map((row) => line(row, "td", "row"))));
}

const Charts = (() => {
  const WIDE = 360, HIGH = 220, LEFT = 44, RIGHT = 12, TOP = 10, BOTTOM = 30;
  const SPACE = "http://www.w3.org/2000/svg";
  function svg(tag, attributes, text) {
    const node = document.createElementNS(SPACE, tag);
    for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
    if (text !== undefined) node.textContent = text;
    return node;
  }
  function ticks(low, high) {
    const rough = (high - low) / 4 || 1, power = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 2.5, 5, 10].map((f) => f * power).find((s) => s >= rough);
    const out = [];
    for (let v = Math.ceil(low / step) * step; v <= high + 1e-9; v += step) out.push(Number(v.toPrecision(6)));
    return out;
  }
  const short = (value) => Number(value.toPrecision(3)).toString();

  // series: [{name, color, dash, points: [{x, y, low, high, text}]}]; x in kbps, null for a line.
  function curve(title, series, tip, digits) {
    const all = series.flatMap((s) => s.points), xs = all.map((p) => p.x).filter((x) => x);
    const root = svg("svg", { viewBox: `0 0 ${WIDE} ${HIGH}`, role: "img", "aria-label": summary(title, series, digits) });
    if (!all.length) return root;
    const minX = Math.min(...xs, Infinity), maxX = Math.max(...xs, -Infinity);
    const lowX = Math.log2(Number.isFinite(minX) ? minX * 0.85 : 0.5), highX = Math.log2(Number.isFinite(maxX) ? maxX * 1.18 : 16);
    const lows = all.map((p) => p.low), highs = all.map((p) => p.high);
    const pad = 0.06 * (Math.max(...highs) - Math.min(...lows)) || 0.1;
    const lowY = Math.min(...lows) - pad, highY = Math.max(...highs) + pad;
    const px = (kbps) => LEFT + ((Math.log2(kbps) - lowX) / (highX - lowX)) * (WIDE - LEFT - RIGHT);
    const py = (value) => HIGH - BOTTOM - ((value - lowY) / (highY - lowY)) * (HIGH - TOP - BOTTOM);
    for (const value of ticks(lowY, highY)) {
      root.append(svg("line", { class: "grid", x1: LEFT, x2: WIDE - RIGHT, y1: py(value), y2: py(value) }));
      root.append(svg("text", { x: LEFT - 6, y: py(value) + 4, "text-anchor": "end" }, short(value)));
    }
    for (let kbps = 1 / 8; kbps <= 1024; kbps *= 2) {
      if (Math.log2(kbps) < lowX || Math.log2(kbps) > highX) continue;
      root.append(svg("text", { x: px(kbps), y: HIGH - BOTTOM + 16, "text-anchor": "middle" }, String(kbps)));
      root.append(svg("line", { class: "grid", x1: px(kbps), x2: px(kbps), y1: HIGH - BOTTOM, y2: HIGH - BOTTOM + 4 }));
    }
    root.append(svg("text", { x: WIDE - RIGHT, y: HIGH - 2, "text-anchor": "end" }, "kbps"));
    for (const { color, dash, points } of series) {
      const placed = points.filter((p) => p.x);
      if (placed.length > 1) {
        const edge = [...placed.map((p) => `${px(p.x)},${py(p.high)}`), ...placed.toReversed().map((p) => `${px(p.x)},${py(p.low)}`)];
        root.append(svg("polygon", { points: edge.join(" "), fill: color, opacity: 0.14 }));
        root.append(svg("polyline", { points: placed.map((p) => `${px(p.x)},${py(p.y)}`).join(" "), fill: "none", stroke: color, "stroke-width": 2.2, "stroke-linejoin": "round", "stroke-dasharray": dash }));
      }
      for (const p of points) {
        if (p.x) root.append(svg("circle", { cx: px(p.x), cy: py(p.y), r: 3.8, fill: color }));
        else root.append(svg("line", { x1: LEFT, x2: WIDE - RIGHT, y1: py(p.y), y2: py(p.y), stroke: color, "stroke-width": 1.8, "stroke-dasharray": "2 5" }));
      }
    }
    const near = (event) => {
      const box = root.getBoundingClientRect(), k = WIDE / box.width;
      const x = (event.clientX - box.left) * k, y = (event.clientY - box.top) * k;
      const far = (p) => Math.hypot(p.x ? px(p.x) - x : 0, py(p.y) - y);
      const best = all.reduce((a, b) => (far(b) < far(a) ? b : a));
      tip(far(best) < 26 ? best.text : "", event);
    };
    root.addEventListener("pointermove", near);
    root.addEventListener("pointerdown", near);
    root.addEventListener("pointerleave", (event) => tip("", event));
    return root;
  }
  function summary(title, series, digits) {
    const parts = series.filter((s) => s.points.length).map((s) => {
      const words = s.points.map((p) => `${p.x ? `${p.x.toFixed(1)} kbps ` : ""}${p.y.toFixed(digits)}`);
      return `${s.name}: ${words.join(", ")}`;
    });
    return `${title}. ${parts.join(". ")}.`;
  }

  function bars(title, values, color, tip) {
    const root = svg("svg", { viewBox: `0 0 ${WIDE} ${HIGH}`, role: "img", "aria-label": `${title}: ${values.map((v) => v.text).join("; ")}` });
    const py = (value) => HIGH - BOTTOM - value * (HIGH - TOP - BOTTOM), step = (WIDE - LEFT - RIGHT) / values.length;
    for (const value of [0, 0.25, 0.5, 0.75, 1]) {
      root.append(svg("line", { class: "grid", x1: LEFT, x2: WIDE - RIGHT, y1: py(value), y2: py(value) }));
      root.append(svg("text", { x: LEFT - 6, y: py(value) + 4, "text-anchor": "end" }, String(value)));
    }
    values.forEach((v, i) => {
      const bar = svg("rect", { x: LEFT + i * step + step * 0.15, width: step * 0.7, y: py(v.value), height: HIGH - BOTTOM - py(v.value), fill: color, rx: Math.min(3, step * 0.2) });
      bar.addEventListener("pointermove", (event) => tip(v.text, event));
      bar.addEventListener("pointerleave", (event) => tip("", event));
      root.append(bar);
      if (values.length <= 16 || i % 4 === 0) root.append(svg("text", { x: LEFT + (i + 0.5) * step, y: HIGH - BOTTOM + 16, "text-anchor": "middle" }, v.label));
    });
    root.append(svg("text", { x: WIDE - RIGHT, y: HIGH - 2, "text-anchor": "end" }, "level"));
    return root;
  }
  return { curve, bars };
})();

// Dark and light: what the system says, until somebody chooses.
function themeButton(button, onChange) {
  const read = () => { try { return localStorage.getItem("theme"); } catch { return null; } };
  const system = matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => (document.documentElement.dataset.theme ?? (system.matches ? "dark" : "light")) === "dark";
  const show = () => { button.textContent = isDark() ? "Light" : "Dark"; button.setAttribute("aria-label", `Change to ${isDark() ? "light" : "dark"} colours`); };
  const saved = read();
  if (saved) document.documentElement.dataset.theme = saved;
  button.addEventListener("click", () => {
    const next = isDark() ? "light" : "dark";
    document.documentElement.dataset.theme = next;
    try { localStorage.setItem("theme", next); } catch { /* some browsers keep nothing for files */ }
    show(); onChange();
  });
  system.addEventListener("change", () => { show(); onChange(); });
  show();
}
