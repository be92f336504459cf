// The page: what is typed is asked, what is answered is shown.

import { allSteps, nextStep, showHint, showSteps } from "./steps.js";
import { ask, at, button, copy, el, faultOf } from "./dom.js";
import { collect, exportSheet, judgeClass, takeFiles } from "./sheet.js";
import { copySvg, copyTikz, formulasOnly, move, randomValues, showGraph, zoom } from "./graph.js";
import { forget, keep, past, question, remember, restore, state, taken } from "./state.js";
import { hideInPractice, showResults } from "./results.js";
import { judge } from "./answer.js";
import { showDoubts, showNames } from "./names.js";

const PAUSE = 120; // milliseconds without a key before the server is asked
let waiting = 0;

const later = () => {
  clearTimeout(waiting);
  waiting = setTimeout(derive, PAUSE);
};

async function derive() {
  keep();
  if (!state.f.trim()) {
    for (const id of ["fault", "read", "results", "chips", "names", "marks"]) at(id).replaceChildren();
    return;
  }
  const reply = await ask("derive", { ...question(), by: state.by }, "derive");
  if (reply) show(reply);
}

function show(reply) {
  const { error } = reply;
  if (error?.field === "by" && state.by) {
    state.by = ""; // the name that was chosen is gone
    derive();
    return;
  }
  at("fault").replaceChildren(...(error ? faultOf(error, correct) : []));
  at("stale").hidden = !error || !at("results").hasChildNodes();
  squiggle(error?.field === "f" ? error.span : null);
  if (!reply.read) return; // what was read last stays until something can be read again
  taken.by = reply.by;
  at("read").innerHTML = reply.read;
  chips(reply.names, reply.by);
  showNames(reply.names, reply.facts, derive);
  if (!error) {
    showResults(reply.results);
    remember();
    refreshOpen();
    askDoubts();
  }
}

async function askDoubts() {
  const reply = await ask("doubts", question(), "doubts");
  if (reply && !reply.error) showDoubts(reply.doubts, derive);
}

function correct(text) {
  at("f").value = state.f = text;
  at("f").focus();
  derive();
}

// The place of an error, underlined behind what was typed.
function squiggle(span) {
  const [start, end] = span ?? [0, 0];
  const typed = [...state.f]; // places count characters, not UTF-16 units
  const part = typed.slice(start, Math.max(end, start + 1)).join("") || " ";
  const mark = span ? el("mark", { textContent: part }) : "";
  at("marks").replaceChildren(typed.slice(0, start).join(""), mark);
}

function chips(names, by) {
  const chosen = by.split(",").map((n) => n.trim());
  at("chips").replaceChildren(
    ...names.map(({ name }) =>
      button(name, () => {
        const others = chosen.filter((n) => n !== name && names.some((m) => m.name === n));
        const found = chosen.includes(name) ? others : [...others, name];
        state.by = (found.length ? found : [name]).join(",");
        derive();
      }, { attributes: { "aria-pressed": String(chosen.includes(name)) } }),
    ),
  );
  const extra = chosen.filter((n) => n && !names.some((m) => m.name === n));
  for (const n of extra) at("chips").append(el("span", { textContent: n }));
}

// Parts of the page that are open follow the question.
const FILLED = { steps: showSteps, graph: showGraph, code: showCode, history: showPast };

function refreshOpen() {
  for (const [id, fill] of Object.entries(FILLED)) if (at(id).open) fill();
}

async function showCode() {
  const reply = await ask("code", { ...question(), target: state.target || "numpy" }, "code");
  if (reply) at("program").textContent = reply.error ? reply.error.message : reply.code;
}

function showPast() {
  const entries = past().map((p) =>
    el("li", {}, el("a", { href: p.address, textContent: `${p.f} by ${p.by}` })),
  );
  at("past").replaceChildren(...entries);
}

function fill() {
  at("f").value = state.f;
  at("answer").value = state.answer;
  for (const chosen of document.querySelectorAll("[data-state]")) {
    chosen.value = state[chosen.dataset.state];
  }
  hideInPractice();
}

// A name that is pointed at is marked wherever it stands.
function point(event) {
  for (const old of document.querySelectorAll(".same")) old.classList.remove("same");
  const name = event.target.closest?.("mi, svg text")?.textContent;
  if (!name) return;
  for (const one of document.querySelectorAll("main mi")) {
    if (one.textContent === name) one.classList.add("same");
  }
}

function listen() {
  const plain = (text) => text.replace(/[’‘`´]/g, "'").replace(/[“”]/g, '"');
  at("f").oninput = () => {
    if (plain(at("f").value) !== at("f").value) at("f").value = plain(at("f").value);
    state.f = at("f").value;
    squiggle(null);
    later();
  };
  at("answer").oninput = () => {
    state.answer = plain(at("answer").value);
    keep();
  };
  at("answer").onkeydown = (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) judge();
  };
  for (const chosen of document.querySelectorAll("[data-state]")) {
    chosen.onchange = () => {
      state[chosen.dataset.state] = chosen.value;
      derive();
    };
  }
  at("practice").onchange = () => {
    state.practice = at("practice").checked ? "1" : "";
    hideInPractice();
    keep();
    if (at("steps").open) showSteps();
  };
  for (const [id, fillIt] of Object.entries(FILLED)) {
    at(id).ontoggle = () => at(id).open && state.f.trim() && fillIt();
  }
  for (const format of document.querySelectorAll("[data-file]")) {
    format.onclick = () => exportSheet(format.dataset.file);
  }
  const presses = {
    judge, hint: showHint, next: nextStep, all: allSteps, random: randomValues,
    formulas: formulasOnly, smaller: () => zoom(0.8), larger: () => zoom(1.25),
    "copy-svg": copySvg, "copy-tikz": copyTikz, back: () => move(-1), forth: () => move(1),
    "copy-code": () => copy(at("program").textContent, "Code"), collect,
    "judge-class": judgeClass, forget: () => { forget(); showPast(); },
  };
  for (const [id, press] of Object.entries(presses)) at(id).onclick = press;
  at("file").onchange = () => takeFiles(at("file").files);
  at("class").ondragover = (event) => event.preventDefault();
  at("class").ondrop = (event) => {
    event.preventDefault();
    takeFiles(event.dataTransfer.files);
  };
  document.addEventListener("pointerover", point);
  window.addEventListener("hashchange", () => {
    restore();
    fill();
    derive();
  });
}

fill();
listen();
derive();
at("f").focus();
