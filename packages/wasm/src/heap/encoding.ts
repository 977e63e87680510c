/** How WebAssembly is written, as text and as bytes: parentheses, numbers, types, lists. */

/** A parenthesis of the text: words, and parentheses within. */
export type Node = readonly (string | Node)[];

/** The first parenthesis of a text. What follows ;; is a comment. */
export function parse(text: string): Node {
  const top: (string | Node)[] = [];
  const open = [top];
  for (const [token] of text.matchAll(/;;.*|[()]|"[^"]*"|[^\s()]+/g)) {
    if (token === "(") {
      const node: (string | Node)[] = [];
      open.at(-1)?.push(node);
      open.push(node);
    } else if (token === ")") open.pop();
    else if (!token.startsWith(";;")) open.at(-1)?.push(token);
  }
  if (open.length !== 1 || top.length !== 1) throw new Error("The parentheses of a kernel's text do not match.");
  return top[0] as Node;
}

/** A natural number below 2³², seven bits a byte, the lowest first; all bytes but the last have their highest bit set. */
export function pushNumber(value: number, bytes: number[]): void {
  let rest = value >>> 0;
  for (; rest > 0x7f; rest >>>= 7) bytes.push((rest & 0x7f) | 0x80);
  bytes.push(rest);
}

/** A whole number of 32 bits, in the same way; the last byte's bit 6 is the sign. */
export function pushSigned(value: number, bytes: number[]): void {
  let rest = value | 0;
  for (; rest < -0x40 || rest > 0x3f; rest >>= 7) bytes.push((rest & 0x7f) | 0x80);
  bytes.push(rest & 0x7f);
}

/** A list: its length and its items. */
export function list(items: readonly (readonly number[])[]): number[] {
  const bytes: number[] = [];
  pushNumber(items.length, bytes);
  for (const item of items) for (const byte of item) bytes.push(byte);
  return bytes;
}

/** Text between quotes, all ASCII. */
export const quoted = (word: string): number[] => list([...word.slice(1, -1)].map((letter) => [letter.charCodeAt(0)]));

const words: Readonly<Record<string, number>> = { inf: Infinity, "-inf": -Infinity, nan: Number.NaN };

/** A number of the text. */
export const numberOf = (word: string | undefined): number => words[word as string] ?? Number(word);

const types: Readonly<Record<string, number>> = { i32: 0x7f, i64: 0x7e, f32: 0x7d, f64: 0x7c, v128: 0x7b };

/** A type of values. */
export function typeOf(word: string | Node | undefined): number {
  const type = types[word as string];
  if (type === undefined)
    throw new Error(`A kernel's text has no type ${word}; there are ${Object.keys(types).join(", ")}.`);
  return type;
}
