// The derivation: all of it, or one step after the other, with a hint before each.

import { ask, at, el, faultOf } from "./dom.js";
import { question, state } from "./state.js";

let shown = 0;

const asked = () => ({ ...question(), view: state.view || "chain", detail: state.detail || "normal" });
const items = () => [...at("told").querySelectorAll("li")];

// The steps fetched anew; in practice none of them is seen at first.
export async function showSteps() {
  const reply = await ask("steps", asked(), "steps");
  if (!reply) return;
  at("told-hint").replaceChildren();
  if (reply.error) {
    at("told").replaceChildren(...faultOf(reply.error));
    return;
  }
  at("told").innerHTML = reply.html;
  for (const box of at("told").querySelectorAll(".formula,.right,.left")) box.tabIndex = 0;
  reveal(state.practice ? 0 : items().length);
}

function reveal(count) {
  shown = Math.min(count, items().length);
  items().forEach((item, k) => (item.hidden = k >= shown));
  for (const section of at("told").querySelectorAll("section")) {
    section.hidden = ![...section.querySelectorAll("li")].some((li) => !li.hidden);
  }
  at("next").disabled = shown >= items().length;
}

export function nextStep() {
  if (shown >= items().length) reveal(0);
  reveal(shown + 1);
  at("told-hint").replaceChildren();
}

export function allSteps() {
  reveal(items().length);
}

export async function showHint() {
  if (shown >= items().length) reveal(0);
  const reply = await ask("hint", { ...asked(), number: shown + 1 }, "hint");
  if (!reply) return;
  if (reply.error) {
    at("told-hint").replaceChildren(...faultOf(reply.error));
    return;
  }
  const rows = reply.rows.map(([word, says]) => el("p", { textContent: word ? `${word}: ${says}` : says }));
  at("told-hint").replaceChildren(el("h3", { textContent: reply.title }), ...rows);
}
