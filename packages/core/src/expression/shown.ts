/**
 * What was given, as it stands in a message: whatever it is, showing it never fails, and the text is short.
 */

/** How many characters of a value, or of a list of names, a message shows. */
const LENGTH = 200;

/** How deep into objects a message looks, and at how many things there. */
const DEPTH = 3;
const ITEMS = 10;

/** A text of no more than this many characters. */
export function cut(text: string, length: number = LENGTH): string {
  return text.length > length ? `${text.slice(0, length - 1)}…` : text;
}

/** A value of any kind, close to JSON. */
export function shown(x: unknown): string {
  return cut(textOf(x, DEPTH));
}

function textOf(x: unknown, depth: number): string {
  if (typeof x === "string") return JSON.stringify(cut(x));
  if (typeof x === "function") return `the function ${cut(x.name) || "without a name"}`;
  if (typeof x !== "object" || x === null) return String(x);
  if (Array.isArray(x)) {
    const items = depth === 0 ? ["…"] : x.slice(0, ITEMS).map((item) => textOf(item, depth - 1));
    return `[${items}${depth > 0 && x.length > ITEMS ? ",…" : ""}]`;
  }
  // Of the prototype: an object's own property may be called "constructor".
  const { name = "Object" } = Object.getPrototypeOf(x)?.constructor ?? {};
  if (name !== "Object") return cut(String(name));
  const entries = Object.entries(x);
  const items =
    depth === 0 ? ["…"] : entries.slice(0, ITEMS).map(([key, item]) => `${textOf(key, 0)}:${textOf(item, depth - 1)}`);
  return `{${items}${depth > 0 && entries.length > ITEMS ? ",…" : ""}}`;
}

/** Names, as many as a message can hold. */
export function listed(names: Iterable<string>): string {
  const all = [...names];
  const fitting: string[] = [];
  let length = 0;
  for (const name of all) {
    length += name.length + 2;
    if (length > LENGTH && fitting.length > 0) break;
    fitting.push(cut(name));
  }
  if (all.length === 0) return "none";
  const rest = all.length - fitting.length;
  return `${fitting.join(", ")}${rest > 0 ? ` and ${rest} more` : ""}`;
}
