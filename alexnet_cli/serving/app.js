"use strict";

const byId = (id) => document.getElementById(id);
let newest = 0;

function bar(label, probability) {
  const percent = (100 * probability).toFixed(1) + "%";
  const item = document.createElement("li");
  const words = document.createElement("div");
  const track = document.createElement("div");
  const filled = document.createElement("div");
  words.className = "words";
  for (const text of [label, percent]) {
    const span = document.createElement("span");
    span.textContent = text;
    words.append(span);
  }
  track.className = "track";
  track.setAttribute("aria-hidden", "true");
  filled.className = "bar";
  filled.style.width = percent;
  track.append(filled);
  item.append(words, track);
  return item;
}

function show(file, found) {
  const preview = byId("preview");
  URL.revokeObjectURL(preview.src);
  preview.src = URL.createObjectURL(file);
  byId("answer").textContent = found.answer;
  byId("classes").replaceChildren(...found.classes.map((x) => bar(x.label, x.probability)));
  byId("result").hidden = false;
  byId("status").textContent = "Done: " + found.answer;
}

async function send(file) {
  const own = ++newest;
  byId("status").textContent = "Looking at the picture ...";
  byId("result").hidden = true;
  let problem;
  try {
    const headers = { "Content-Type": "application/octet-stream" };
    const response = await fetch("/predict", { method: "POST", body: file, headers });
    const found = await response.json();
    // A newer picture may have been sent meanwhile.
    if (own !== newest) return;
    if (response.ok) return show(file, found);
    problem = found.error;
  } catch (error) {
    problem = "no answer from the server";
  }
  if (own === newest) byId("status").textContent = "That did not work: " + problem;
}

function first(files) {
  if (files.length) send(files[0]);
}

byId("file").addEventListener("change", (event) => first(event.target.files));
byId("drop").addEventListener("submit", (event) => event.preventDefault());
document.addEventListener("paste", (event) => first(event.clipboardData.files));
for (const name of ["dragover", "dragleave", "drop"]) {
  document.addEventListener(name, (event) => {
    event.preventDefault();
    byId("drop").classList.toggle("over", name === "dragover");
  });
}
document.addEventListener("drop", (event) => first(event.dataTransfer.files));
