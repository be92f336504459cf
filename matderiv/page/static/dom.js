// Small helpers: elements, the server, what is copied and saved.

export const at = (id) => document.getElementById(id);

// An element with properties; text stays text.
export function el(tag, { attributes = {}, ...properties } = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  for (const [name, value] of Object.entries(attributes)) {
    made.setAttribute(name, value);
  }
  made.append(...children.filter((c) => c !== null && c !== undefined && c !== ""));
  return made;
}

// An element with markup of the server, which escapes everything that a person typed.
export function marked(tag, className, markup) {
  const made = el(tag, { className });
  made.innerHTML = markup;
  return made;
}

// Requests overtake each other on their way: each has its turn, and one of an older turn is nothing.
const PAGE = crypto.randomUUID();
const turns = {};
const WORKING = "working …";

// The reply of the server; null where a newer question for the same place has been asked.
export async function ask(verb, fields, place = "") {
  const turn = (turns[place] = (turns[place] ?? 0) + 1);
  const shown = place && `${PAGE} ${place}`;
  const slow = setTimeout(() => (at("said").textContent = WORKING), 1000);
  let reply;
  try {
    const response = await fetch("ask", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ ...fields, ask: verb, place: shown, turn }),
    });
    reply = await response.json();
  } catch {
    const message = "The program does not answer; is `matderiv serve` still running?";
    reply = { error: { message, details: [], hint: "", field: "", tries: [] } };
  }
  clearTimeout(slow);
  if (at("said").textContent === WORKING) at("said").textContent = "";
  return reply.superseded || (place && turns[place] !== turn) ? null : reply;
}

let fading = 0;
export function say(text) {
  at("said").textContent = text;
  clearTimeout(fading);
  fading = setTimeout(() => (at("said").textContent = ""), 2500);
}

export async function copy(text, what) {
  try {
    await navigator.clipboard.writeText(text);
    say(`${what} copied`);
  } catch {
    const area = el("textarea", { value: text });
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    say(done ? `${what} copied` : "The browser does not let this page copy");
  }
}

export function save(text, name, type) {
  const address = URL.createObjectURL(new Blob([text], { type }));
  const link = el("a", { href: address, download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(address), 1000);
}

export function button(label, press, properties = {}) {
  return el("button", { type: "button", textContent: label, onclick: press, ...properties });
}

// An error in words, with its corrections as buttons.
export function faultOf(error, correct) {
  const lines = [error.message, ...(error.details ?? [])].join("\n");
  const shown = [el("p", { textContent: lines })];
  const tries = error.tries ?? [];
  if (tries.length && correct) {
    const row = el("div", { className: "row" }, el("span", { textContent: "try" }));
    for (const t of tries) row.append(button(t.label, () => correct(t.text)));
    shown.push(row);
  } else if (error.hint) {
    shown.push(el("p", { textContent: `Try: ${error.hint}` }));
  }
  return shown;
}
