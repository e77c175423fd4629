"use strict";

const byId = (id) => document.getElementById(id);
let newest = 0;

// Characters that are not seen, or turn the text around, as their numbers.
function visible(text) {
  return text.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, (x) => "\\u" + x.codePointAt(0).toString(16).padStart(4, "0"));
}

function say(text, kind = "") {
  byId("status").textContent = text;
  byId("status").className = kind;
}

function fail(problem) {
  byId("result").hidden = true;
  say(problem, "problem");
}

function bar(label, probability) {
  const percent = (100 * probability).toFixed(1) + "%";
  const item = document.createElement("li");
  const words = document.createElement("div");
  const track = document.createElement("div");
  const filled = document.createElement("div");
  words.className = "words";
  for (const [kind, text] of [["bdi", visible(label)], ["span", percent]]) {
    const word = document.createElement(kind);
    word.textContent = text;
    words.append(word);
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
  // A class may be called unknown, too.
  const answer = visible(found.answer) + (found.rejected ? " (no class is likely enough)" : "");
  byId("answer").textContent = answer;
  byId("classes").replaceChildren(...found.classes.map((x) => bar(x.label, x.probability)));
  byId("result").hidden = false;
  // The heading shows it already; this is for those who hear the page.
  say("Done: " + answer, "spoken");
}

async function send(file) {
  const own = ++newest;
  say("Looking at the picture ...");
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
  if (own === newest) fail("That did not work: " + problem);
}

function first(files) {
  if (files.length) return send(files[0]);
  newest++;
  fail("There is no picture in that: a text or a link is none. Save the picture, and choose its file.");
}

byId("file").addEventListener("change", (event) => {
  const files = [...event.target.files];
  // Otherwise the same file could not be chosen again.
  event.target.value = "";
  if (files.length) first(files);
});
byId("drop").addEventListener("submit", (event) => event.preventDefault());
document.addEventListener("paste", (event) => first(event.clipboardData.files));
for (const name of ["dragover", "dragleave", "drop"]) {
  document.addEventListener(name, (event) => {
    event.preventDefault();
    byId("drop").classList.toggle("over", name === "dragover");
  });
}
document.addEventListener("drop", (event) => first(event.dataTransfer.files));
