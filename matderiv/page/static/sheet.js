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
  const told = tableOf(["row", "id", "verdict", "what is said"]);
  for (const r of reply.rows) told.add([r.row, r.id, r.verdict, r.message]);
  const taken = button("save .csv", () => save(reply.csv, "verdicts.csv", "text/csv"));
  at("judged").replaceChildren(el("p", { textContent: reply.summary }), told.table, taken);
}

function tableOf(titles) {
  const head = el("tr", {}, ...titles.map((h) => el("th", { textContent: h, scope: "col" })));
  const body = el("tbody");
  const add = (cells) => body.append(
    el("tr", {}, ...cells.map((c) => (c instanceof Node ? el("td", {}, c) : el("td", { textContent: String(c) })))),
  );
  return { table: el("table", { tabIndex: 0 }, el("thead", {}, head), body), add };
}

// Files of a class: a table goes into the field, each sheet is judged and gets a page.
export async function takeFiles(files) {
  const sheets = [...files].filter((f) => !/\.csv$/i.test(f.name));
  for (const file of files) if (!sheets.includes(file)) at("table").value = await file.text();
  if (!sheets.length) return;
  const told = tableOf(["sheet", "ok", "wrong", "open", "outcome", "page"]);
  at("judged").replaceChildren(told.table);
  for (const file of sheets) {
    const reply = await ask("turned", { name: file.name, text: await file.text() });
    if (reply.error) {
      told.add([file.name, "", "", "", reply.error.message, ""]);
      continue;
    }
    const name = file.name.replace(/\.\w+$/, ".html");
    const page = button(`save ${name}`, () => save(reply.page, name, "text/html"));
    told.add([file.name, ...reply.counts, reply.outcome, page]);
  }
}
