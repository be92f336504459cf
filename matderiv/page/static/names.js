// The table of names: kind, size and facts, with what was guessed.

import { at, button, el } from "./dom.js";
import { state } from "./state.js";

const KINDS = ["number", "vector", "row", "matrix", "array"];
const rows = new Map();

export function showNames(names, facts, changed) {
  const body = at("names");
  for (const [name, row] of rows) {
    if (!names.some((n) => n.name === name)) {
      row.line.remove();
      rows.delete(name);
    }
  }
  for (const told of names) {
    if (!rows.has(told.name)) rows.set(told.name, newRow(told.name, facts, changed));
    const row = rows.get(told.name);
    body.append(row.line);
    update(row, told, changed);
  }
}

function newRow(name, facts, changed) {
  const kind = el("select", { attributes: { "aria-label": `kind of ${name}` } });
  for (const k of KINDS) kind.append(el("option", { value: k, textContent: k }));
  const size = el("input", {
    autocomplete: "off", spellcheck: false,
    attributes: { "aria-label": `size of ${name}`, autocapitalize: "none" },
  });
  const fact = el("select", { attributes: { "aria-label": `add a fact about ${name}` } });
  fact.append(el("option", { value: "", textContent: "add" }));
  for (const f of facts) fact.append(el("option", { value: f, textContent: f }));
  const head = el("th", { scope: "row", textContent: name });
  const badge = el("span", { className: "badge" });
  const doubt = el("span", { className: "doubts" });
  const known = el("span", { className: "chips" });
  kind.onchange = () => {
    delete state.shapes[name];
    if (kind.value === "row") state.shapes[name] = "1,n";
    else state.kinds[name] = kind.value;
    changed();
  };
  size.onchange = () => {
    if (size.value.trim()) state.shapes[name] = size.value.trim();
    else delete state.shapes[name];
    changed();
  };
  fact.onchange = () => {
    state.assume[name] = [state.assume[name], fact.value].filter(Boolean).join(" ");
    changed();
  };
  const sized = el("td", {}, size, badge, doubt);
  const line = el("tr", {}, head, el("td", {}, kind), sized, el("td", {}, known, fact));
  return { line, head, kind, size, fact, known, badge, doubt };
}

// A guess that changes the answer is a question, answered by a press.
export function showDoubts(doubts, changed) {
  for (const [name, row] of rows) {
    const asked = doubts.filter((d) => d.name === name);
    row.doubt.replaceChildren(
      ...asked.map((d) =>
        button(`a ${d.kind}?`, () => {
          state.kinds[name] = d.kind;
          changed();
        }, { title: `then the derivative is ${d.text}` }),
      ),
    );
  }
}

function update(row, told, changed) {
  row.kind.value = told.kind;
  if (document.activeElement !== row.size) row.size.value = told.sizes;
  row.size.disabled = told.kind === "number";
  row.fact.value = "";
  const asks = told.guessed === "letter";
  row.badge.textContent = told.guessed ? (asks ? " guessed by its letter" : " guessed by its use") : "";
  row.known.replaceChildren(
    ...told.facts.map((f) =>
      button(`${f} ×`, () => {
        const left = (state.assume[told.name] ?? "").split(" ").filter((g) => g && g !== f);
        if (left.length) state.assume[told.name] = left.join(" ");
        else delete state.assume[told.name];
        changed();
      }, { attributes: { "aria-label": `${told.name} is not ${f}` } }),
    ),
  );
}
