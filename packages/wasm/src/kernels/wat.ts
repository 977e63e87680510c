/** The few phrases of WebAssembly text that the kernels repeat: a counted loop, sums and products of addresses. */

/** The value of a local, or a constant. */
const value = (x: string | number): string =>
  typeof x === "number" ? `(i32.const ${x})` : x.startsWith("(") ? x : `(local.get $${x})`;

/** Left-folds `instruction` over two or more operands. */
const fold =
  (instruction: string) =>
  (...operands: (string | number)[]): string =>
    operands.map(value).reduce((sum, operand) => `(${instruction} ${sum} ${operand})`);

export const add: (...operands: (string | number)[]) => string = fold("i32.add");
export const sub: (...operands: (string | number)[]) => string = fold("i32.sub");
export const mul: (...operands: (string | number)[]) => string = fold("i32.mul");

/** The smaller of two. */
export const min = (a: string | number, b: string | number): string =>
  `(select ${value(a)} ${value(b)} (i32.lt_s ${value(a)} ${value(b)}))`;

/** `local = x`. */
export const set = (local: string, x: string | number): string => `(local.set $${local} ${value(x)})`;

/** The bytes of `n` float32 values. */
export const floats = (n: string | number): string => `(i32.shl ${value(n)} (i32.const 2))`;

let labels = 0;

/** For `local` from `start` while it is less than `end`, by `by`. */
export function loop(
  local: string,
  start: string | number,
  end: string | number,
  by: string | number,
  body: string,
): string {
  const label = labels++;
  return `${set(local, start)}
    (block $end${label} (loop $next${label}
      (br_if $end${label} (i32.ge_s (local.get $${local}) ${value(end)}))
      ${body}
      ${set(local, add(local, by))}
      (br $next${label})))`;
}

/** Parameters, all i32. */
export const params = (names: string): string =>
  names
    .split(" ")
    .map((name) => `(param $${name} i32)`)
    .join(" ");

/** Locals, all i32. */
export const locals = (names: string): string =>
  names
    .split(" ")
    .map((name) => `(local $${name} i32)`)
    .join(" ");

/** A call of a function of this module. */
export const call = (name: string, ...operands: (string | number)[]): string =>
  `(call $${name} ${operands.map(value).join(" ")})`;

/** The lines that `line` gives for each number. */
export const each = <T>(list: readonly T[], line: (item: T) => string): string =>
  list.map((item) => line(item)).join("\n");

/** Four 32-bit lanes out of the eight of two vectors. */
export const shuffle = (x: string, y: string, lanes: readonly number[]): string =>
  `(i8x16.shuffle ${lanes.flatMap((lane) => [0, 1, 2, 3].map((byte) => 4 * lane + byte)).join(" ")} ${x} ${y})`;

/** Loops within loops, the outermost first. */
export const nest = (
  loops: readonly (readonly [local: string, start: string | number, end: string | number, by: string | number])[],
  body: string,
): string => loops.reduceRight((inner, [local, start, end, by]) => loop(local, start, end, by, inner), body);

/** The numbers below n. */
export const upTo = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

/** `sum += a · b` of four lanes, all of them locals. */
export type MultiplyAdd = (sum: string, a: string, b: string) => string;

/** In two roundings, which are the same everywhere; or relaxed: in one, where the processor can. */
export const multiplyAdd =
  (relaxed: boolean): MultiplyAdd =>
  (sum, a, b) =>
    relaxed
      ? `(local.set $${sum} (f32x4.relaxed_madd (local.get $${a}) (local.get $${b}) (local.get $${sum})))`
      : `(local.set $${sum} (f32x4.add (local.get $${sum}) (f32x4.mul (local.get $${a}) (local.get $${b}))))`;
