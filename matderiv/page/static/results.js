// The derivatives: large, with what is known about them, and ways to take them along.

import { ask, at, button, copy, el, marked, save, say } from "./dom.js";
import { question, state } from "./state.js";

const TARGETS = { NumPy: "numpy", PyTorch: "torch", JAX: "jax" };

export function showResults(results) {
  at("results").replaceChildren(...results.map(shown));
  hideInPractice();
}

export function hideInPractice() {
  at("results").hidden = Boolean(state.practice);
  at("practice").checked = Boolean(state.practice);
}

function shown(result, which) {
  const box = marked("div", "result", result.html);
  box.firstElementChild.tabIndex = 0;
  const sure = el("details", { className: result.doubt ? "checked doubt" : "checked" });
  const word = result.doubt ? "not decided by numbers" : "checked";
  sure.append(el("summary", { textContent: word }), el("p", { textContent: result.checked }));
  sure.append(el("pre", { textContent: result.numbers.join("\n"), tabIndex: 0 }));
  box.append(el("p", { className: "said", textContent: `Layout: ${result.layout}.` }), sure);
  for (const note of result.notes) {
    box.append(el("p", { className: "said", textContent: `Note: ${note}.` }));
  }
  if (result.facts) {
    box.append(el("p", { className: "said", textContent: `Using: ${result.facts}.` }));
  }
  if (result.sum) {
    const sum = el("details", {}, el("summary", { textContent: "As a sum" }));
    sum.append(marked("div", "formula", result.sum));
    box.append(sum);
  }
  if (result.index) {
    const entries = el("details", {}, el("summary", { textContent: "Entry by entry" }));
    entries.append(marked("div", "entries", result.index));
    box.append(entries);
  }
  box.append(copies(result, which));
  return box;
}

function copies(result, which) {
  const row = el("div", { className: "row" }, el("span", { textContent: "copy" }));
  const forms = {
    LaTeX: result.latex, MathML: result.mathml, text: result.text,
    Markdown: `$$${result.equation}$$`, SymPy: result.sympy,
  };
  for (const [name, form] of Object.entries(forms)) {
    if (form) row.append(button(name, () => copy(form, name)));
  }
  for (const [name, target] of Object.entries(TARGETS)) {
    row.append(button(name, async () => {
      const reply = await ask("code", { ...question(), which, target });
      if (reply?.error) say(reply.error.message);
      else if (reply) copy(reply.code, name);
    }));
  }
  for (const [format, ending] of [["latex", "tex"], ["html", "html"]]) {
    row.append(button(`save .${ending}`, () => saveSheet([question()], format, ending, "derivative")));
  }
  return row;
}

// Questions written into one file.
export async function saveSheet(parts, format, ending, name, title = "Derivatives") {
  const viewed = parts.map((p) => ({ ...p, view: p.view || "chain" }));
  const reply = await ask("sheet", { parts: viewed, format, title });
  if (reply?.error) say(reply.error.message);
  else if (reply) save(reply.file, `${name}.${ending}`, "text/plain");
  return reply;
}
