// The computational graph: formulas or numbers, and the backward pass node by node.

import { ask, at, copy, el, faultOf } from "./dom.js";
import { question, state } from "./state.js";

let told = null;
let place = -1;
let scale = 1;

export async function showGraph() {
  const values = Object.keys(state.values).length ? parsed() : null;
  const reply = await ask("graph", { ...question(), values }, "graph");
  if (!reply) return;
  if (reply.error) {
    at("picture").replaceChildren(...faultOf(reply.error));
    return;
  }
  told = reply;
  place = -1;
  at("picture").innerHTML = reply.svg;
  zoom(1);
  inputs(reply.inputs);
  at("gate").textContent = "";
}

function parsed() {
  const found = {};
  for (const [name, typed] of Object.entries(state.values)) {
    try {
      found[name] = JSON.parse(typed);
    } catch {
      found[name] = typed;
    }
  }
  return found;
}

function inputs(names) {
  const fields = names.map(({ name, sizes }) => {
    const field = el("input", { value: state.values[name] ?? "", placeholder: "[1, 2]", spellcheck: false });
    field.onchange = () => {
      if (field.value.trim()) state.values[name] = field.value.trim();
      else delete state.values[name];
      showGraph();
    };
    return el("label", {}, `${name}${sizes.length ? `: ${sizes.join(" × ")}` : ""}`, field);
  });
  if (!at("values").contains(document.activeElement)) at("values").replaceChildren(...fields);
}

// Small whole numbers that fit: every size gets a number of its own.
export function randomValues() {
  if (!told) return;
  const sizes = {};
  const size = (s) => (/^\d+$/.test(s) ? Number(s) : (sizes[s] ??= 2 + (Object.keys(sizes).length % 2)));
  const draw = (shape) =>
    shape.length
      ? Array.from({ length: size(shape[0]) }, () => draw(shape.slice(1)))
      : Math.floor(Math.random() * 7) - 3 || 1;
  state.values = {};
  for (const { name, sizes: shape } of told.inputs) state.values[name] = JSON.stringify(draw(shape));
  showGraph();
}

export function formulasOnly() {
  state.values = {};
  showGraph();
}

// By a factor of 1 as large as fits, if that can still be read.
export function zoom(factor) {
  const svg = at("picture").querySelector("svg");
  if (!svg) return;
  const { width, height } = svg.viewBox.baseVal;
  const fitting = Math.min(1, Math.max(0.6, at("picture").clientWidth / width));
  scale = factor === 1 ? fitting : Math.min(4, Math.max(0.25, scale * factor));
  svg.setAttribute("width", width * scale);
  svg.setAttribute("height", height * scale);
}

export function move(by) {
  if (!told) return;
  place = Math.max(-1, Math.min(told.steps.length - 1, place + by));
  const step = told.steps[place];
  at("gate").textContent = step ? step.says : "";
  for (const box of at("picture").querySelectorAll("rect")) {
    const name = box.querySelector("title")?.textContent.split(/[\s=:,]/)[0];
    box.classList.toggle("now", Boolean(step) && name === step.node);
  }
}

export const copySvg = () => told && copy(told.file, "SVG");
export const copyTikz = () => told && copy(told.tikz, "TikZ");
