"use strict";
const root = document.documentElement, tip = document.getElementById("tip");
document.getElementById("theme").onclick = () => {
  const dark = root.dataset.theme
    ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
};
// Only one sound at a time.
document.addEventListener("play", (event) => {
  for (const other of document.querySelectorAll("audio")) if (other !== event.target) other.pause();
}, true);

const nearest = (steps, at) => steps.reduce(
  (best, step, i) => Math.abs(step - at) < Math.abs(steps[best] - at) ? i : best, 0);

for (const svg of document.querySelectorAll("svg")) {
  const chart = JSON.parse(svg.nextElementSibling.textContent);
  const [left, right, top, bottom] = chart.plot;
  const cursor = svg.querySelector(".cursor");
  const hide = () => { cursor.innerHTML = ""; tip.hidden = true; };
  const show = (step, x, y) => {
    const rows = chart.curves.filter(([, steps]) => steps.length).map(([name, steps, values]) => {
      const i = nearest(steps, step);
      return [name, steps[i], values[i]];
    });
    if (!rows.length) return;
    const at = left + (right - left) * rows[0][1] / Math.max(chart.steps, 1);
    cursor.innerHTML = `<path d="M${at} ${top}V${bottom}"/>`;
    tip.textContent = `step ${Math.round(rows[0][1]).toLocaleString("en")}`;
    for (const [name, , value] of rows) {
      const line = document.createElement("div");
      line.textContent = (name ? name + ": " : "") + value;
      tip.append(line);
    }
    tip.hidden = false;
    const box = tip.getBoundingClientRect();
    tip.style.left = Math.max(4, x + 14 + box.width > innerWidth ? x - 14 - box.width : x + 14) + "px";
    tip.style.top = Math.min(y + 10, innerHeight - box.height - 8) + "px";
  };
  svg.onpointermove = (event) => {
    const box = svg.getBoundingClientRect();
    const x = (event.clientX - box.left) * svg.viewBox.baseVal.width / box.width;
    show((x - left) / (right - left) * chart.steps, event.clientX, event.clientY);
  };
  svg.onpointerleave = svg.onblur = hide;
  let at = chart.steps;
  svg.onkeydown = (event) => {
    const way = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!way) return;
    event.preventDefault();
    at = Math.min(chart.steps, Math.max(0, at + way * chart.steps / 50));
    const box = svg.getBoundingClientRect();
    show(at, box.left + box.width / 2, box.top + 20);
  };
}
