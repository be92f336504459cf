// A person's own answer: right, or what differs, in three levels that are asked for one by one.

import { ask, at, button, el, faultOf, marked } from "./dom.js";
import { question, state } from "./state.js";

const SIGNS = { ok: "✓", WRONG: "✗", "?": "?", given: "·", follows: "→" };
const COLOURS = { ok: "good", WRONG: "bad", "?": "unsure", given: "", follows: "unsure" };

export async function judge() {
  const place = at("verdict");
  place.replaceChildren(el("p", { textContent: "…" }));
  const reply = await ask("verify", { ...question(), answer: state.answer }, "verify");
  if (!reply) return;
  if (reply.error) place.replaceChildren(...faultOf(reply.error));
  else if (reply.lines) place.replaceChildren(...lines(reply));
  else place.replaceChildren(...verdict(reply));
}

function verdict(told) {
  const notes = told.notes.map((n) => el("p", { className: "said", textContent: `Note: ${n}.` }));
  if (told.correct) {
    const how = told.verdict === "proved" ? "proved for all sizes" : "agrees with numbers";
    return [el("p", { className: "good", textContent: `Right. (${how})` }), ...notes];
  }
  if (told.correct === null) {
    return [el("p", { className: "unsure", textContent: "Undecided." }), ...notes];
  }
  const kind = el("p", { className: "bad", textContent: `Not right: ${told.kind}.` });
  return [kind, ...levels(told)];
}

// Where it is, then what would be right; each behind its own button.
function levels(told) {
  const where = el("div", { hidden: true, className: "differs" });
  if (told.typed) where.append(told.typed.length ? differing(told.typed) : "");
  if (told.example) where.append(el("p", { textContent: told.example }));
  const right = el("div", { hidden: true, className: "differs" });
  right.append(el("p", { textContent: told.message.split("\n").at(-1).trim() }));
  if (told.correction) right.append(marked("p", "formula", told.correction));
  if (told.meant?.length) right.append(differing(told.meant));
  const shows = (part, label, next) =>
    button(label, (event) => {
      part.hidden = false;
      event.target.hidden = true;
      if (next) next.hidden = false;
    });
  const last = shows(right, "What would be right?");
  if (!where.childNodes.length) return [last, right];
  last.hidden = true;
  return [shows(where, "Where?", last), where, last, right];
}

// A formula as pieces, some of them marked.
function differing(pieces) {
  const code = el("code");
  for (const [text, differs] of pieces) {
    code.append(differs ? el("mark", { textContent: text }) : text);
  }
  return el("p", {}, code);
}

function lines(told) {
  const list = el("ul", { className: "lines" });
  for (const line of told.lines) {
    const sign = el("span", {
      className: COLOURS[line.mark], textContent: SIGNS[line.mark],
      attributes: { role: "img", "aria-label": line.mark },
    });
    const item = el("li", {}, sign, " ", el("code", { textContent: line.text }));
    const more = line.mark === "WRONG" && line.message && line.message !== line.kind;
    const said = el("p", { className: "said", textContent: more ? line.kind : line.message });
    if (said.textContent) item.append(said);
    if (more) {
      item.append(button("What would be right?", (event) => {
        event.target.replaceWith(el("p", { textContent: line.message }));
      }));
    }
    list.append(item);
  }
  const colour = told.correct ? "good" : told.correct === false ? "bad" : "unsure";
  return [el("p", { className: colour, textContent: told.conclusion }), list];
}
