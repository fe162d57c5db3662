"use strict";
// Shows the lines that hold every word of the filter; without a script the list is whole.
const box = document.getElementById("filter"), left = document.getElementById("left");
const lines = [...document.querySelectorAll(".list li")].map((item) => [item, item.textContent.toLowerCase()]);
function filter() {
  const words = box.value.toLowerCase().split(/\s+/).filter(Boolean);
  let shown = 0;
  for (const [item, text] of lines) shown += !(item.hidden = !words.every((word) => text.includes(word)));
  left.textContent = words.length ? `${shown} of ${lines.length}` : "";
}
box.closest("p").hidden = false;
box.addEventListener("input", filter);
