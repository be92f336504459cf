// Questions collected for one file, and the answers of a class.

import { ask, at, button, el, faultOf, save } from "./dom.js";
import { saveSheet } from "./results.js";
import { question, state } from "./state.js";

const ENDINGS = { html: "html", latex: "tex", markdown: "md" };
let parts = [];

export function collect() {
  if (!state.f.trim()) return;
  parts.push({ ...structuredClone(question()), view: state.view || "chain" });
  list();
}

function list() {
  at("parts").replaceChildren(...parts.map(item));
}

function item(part, k) {
  const swap = (a, b) => {
    [parts[a], parts[b]] = [parts[b], parts[a]];
    list();
  };
  const name = `${part.f} by ${part.by}`;
  return el("li", {},
    el("code", { textContent: name }),
    button("↑", () => k && swap(k, k - 1), { attributes: { "aria-label": `${name}: up` } }),
    button("↓", () => k + 1 < parts.length && swap(k, k + 1), { attributes: { "aria-label": `${name}: down` } }),
    button("×", () => { parts.splice(k, 1); list(); }, { attributes: { "aria-label": `${name}: remove` } }),
  );
}

export async function exportSheet(format) {
  if (!parts.length) collect();
  const reply = await saveSheet(parts, format, ENDINGS[format], "sheet", at("title").value);
  at("sheet-fault").replaceChildren(...(reply?.error ? faultOf(reply.error) : []));
}

export async function judgeClass() {
  const table = at("table").value;
  at("judged").replaceChildren(el("p", { textContent: "…" }));
  const reply = await ask("class", { table }, "class");
  if (!reply) return;
  if (reply.error) {
    at("judged").replaceChildren(...faultOf(reply.error));
    return;
  }
  const head = el("tr", {}, ...["row", "id", "verdict", "what is said"].map((h) => el("th", { textContent: h, scope: "col" })));
  const rows = reply.rows.map((r) =>
    el("tr", {}, ...[r.row, r.id, r.verdict, r.message].map((cell) => el("td", { textContent: String(cell) }))),
  );
  const table_ = el("table", { tabIndex: 0 }, el("thead", {}, head), el("tbody", {}, ...rows));
  const taken = button("save .csv", () => save(reply.csv, "verdicts.csv", "text/csv"));
  at("judged").replaceChildren(el("p", { textContent: reply.summary }), table_, taken);
}
