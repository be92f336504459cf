// What was typed and chosen: kept in the fragment of the address, so that it can be shared.

const OBJECTS = ["shapes", "kinds", "assume", "values"];
const PLAIN = [
  "f", "by", "answer", "order", "kind", "layout", "spelling", "gradient", "vectors", "transpose",
  "view", "detail", "target", "practice",
];
const KEPT = "matderiv-history";
const MOST = 50;

export const state = read();

function read() {
  const given = new URLSearchParams(location.hash.slice(1));
  const found = {};
  for (const name of PLAIN) found[name] = given.get(name) ?? "";
  for (const name of OBJECTS) found[name] = object(given.get(name));
  return found;
}

function object(text) {
  try {
    const found = JSON.parse(text ?? "{}");
    return found && typeof found === "object" && !Array.isArray(found) ? found : {};
  } catch {
    return {};
  }
}

export function fragment() {
  const kept = new URLSearchParams();
  for (const name of PLAIN) if (state[name]) kept.set(name, state[name]);
  for (const name of OBJECTS) {
    if (Object.keys(state[name]).length) kept.set(name, JSON.stringify(state[name]));
  }
  return `#${kept}`;
}

// Typing replaces the entry of the browser's history, a new question adds one.
export function keep(isNew = false) {
  if (fragment() === location.hash) return;
  history[isNew ? "pushState" : "replaceState"](null, "", fragment());
}

export function restore() {
  Object.assign(state, read());
}

export function past() {
  try {
    const found = JSON.parse(localStorage.getItem(KEPT) ?? "[]");
    return Array.isArray(found) ? found : [];
  } catch {
    return [];
  }
}

export function remember() {
  const entry = { f: state.f, by: state.by || taken.by, address: fragment() };
  const others = past().filter((p) => p.f !== entry.f || p.by !== entry.by);
  try {
    localStorage.setItem(KEPT, JSON.stringify([entry, ...others].slice(0, MOST)));
  } catch {
    // a browser that keeps nothing has no history
  }
}

export function forget() {
  localStorage.removeItem(KEPT);
}

// What the server took for the variable where nobody chose one.
export const taken = { by: "" };

// The question as the server is asked.
export function question() {
  const { f, shapes, kinds, assume } = state;
  const by = state.by || taken.by;
  const conventions = {};
  for (const name of ["order", "kind", "layout", "spelling", "gradient", "vectors", "transpose"]) {
    if (state[name]) conventions[name] = state[name];
  }
  return { f, by, shapes, kinds, assume, ...conventions };
}
