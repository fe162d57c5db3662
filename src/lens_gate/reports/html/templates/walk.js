"use strict";
// Tells of the run under the pointer or the arrow keys: day, value, commit, and how it ended.
const data = JSON.parse(document.getElementById("data").textContent);
const ENDED = { p: "its gate: pass", r: "its gate: regression", i: "its gate: inconclusive" };
const plot = document.getElementById("plot"), chart = plot.querySelector("svg"), said = document.getElementById("read");
const ring = document.createElementNS("http://www.w3.org/2000/svg", "circle");
ring.setAttribute("class", "ring-now");
ring.setAttribute("r", 6);
const first = data.t[0], span = data.t[data.t.length - 1] - first || 1;
let at = data.t.length;

function nearest(share) {
  const second = first + share * span;
  let low = 0, high = data.t.length - 1;
  while (high - low > 1) { const middle = (low + high) >> 1; data.t[middle] < second ? low = middle : high = middle; }
  return second - data.t[low] < data.t[high] - second ? low : high;
}

function link(text, address) {
  if (!address) return text;
  const made = document.createElement("a");
  made.href = address;
  made.textContent = text;
  return made;
}

function tell(index) {
  at = Math.max(0, Math.min(data.t.length - 1, index));
  ring.setAttribute("cx", 100 * (data.t[at] - first) / span + "%");
  ring.setAttribute("cy", data.y[at] / 10 + "%");
  chart.append(ring);
  const when = new Date((data.start + data.t[at]) * 1e3).toISOString().slice(0, 16).replace("T", " ") + " UTC";
  const commit = data.commit[at], run = data.runs[at + 1], parts = [
    when, data.say[at],
    commit && link(commit, /^[0-9a-f]{7}$/.test(commit) && data.commits.replaceAll("{commit}", commit)),
    ENDED[data.ended[at]],
    run && link("its run", data.runs[0] + run),
  ].filter(Boolean);
  said.replaceChildren(...parts.flatMap((part, number) => number ? [" · ", part] : [part]));
}

said.hidden = false;
plot.addEventListener("pointermove", (event) => {
  const room = chart.getBoundingClientRect();
  tell(nearest((event.clientX - room.left) / room.width));
});
plot.addEventListener("keydown", (event) => {
  const step = { ArrowLeft: -1, ArrowRight: 1, PageUp: -20, PageDown: 20, Home: -data.t.length, End: data.t.length }[event.key];
  if (step === undefined) return;
  event.preventDefault();
  tell(at + step);
});
