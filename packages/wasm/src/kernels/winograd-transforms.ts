/**
 * Winograd's transforms as WebAssembly text. A 3-tap filter of 6 values gives 4 results with 6 products instead of 12: filter and values are taken as
 * polynomials, evaluated at 6 points (0, ±3/4, ±3/2 and infinity), multiplied there and interpolated. In two dimensions: 36 products instead of 144.
 *
 * In these points float32 loses least: the usual 0, ±1, ±2 have three times the error. Barabasz, Anderson, Soodhalter, Gregg, "Error analysis and improving
 * the accuracy of Winograd convolution for deep neural networks", 2018, arXiv 1803.10986; the form is Lavin and Gray's, arXiv 1509.09308.
 */
import { add, each, floats, locals, loop, mul, params, set } from "./wat.js";

/** Results of a tile and values under it, in one dimension. */
export const results = 4;
export const values = 6;
/** Taps of the kernel. */
export const taps = 3;

const [p, q] = [3 / 4, 3 / 2];
const points = [0, p, -p, q, -q];

/** The coefficients, lowest first, of ∏ (x − root). */
const polynomial = (roots: readonly number[]): number[] =>
  roots.reduce((c, root) => Array.from({ length: c.length + 1 }, (_, k) => (c[k - 1] ?? 0) - root * (c[k] ?? 0)), [1]);

const powers = (x: number, n: number, by = 1): number[] => Array.from({ length: n }, (_, k) => x ** k / by);
const others = (i: number): number[] => points.filter((_, j) => j !== i);
const atInfinity = (n: number): number[] => [...Array(n - 1).fill(0), 1];

/** One row for each point. Rows 1 and 2, 3 and 4 are of a number and its negative: the same in even columns, opposite in odd ones. */
type Matrix = readonly (readonly number[])[];

const ofValues: Matrix = [...points.map((_, i) => [...polynomial(others(i)), 0]), polynomial(points)];
const ofResults: Matrix = [...points.map((x) => powers(x, results)), atInfinity(results)];
const ofTaps: Matrix = [
  ...points.map((x, i) =>
    powers(
      x,
      taps,
      others(i).reduce((product, other) => product * (x - other), 1),
    ),
  ),
  atInfinity(taps),
];

const pairs = [1, 3] as const;
const get = (local: string): string => `(local.get $${local})`;
const upTo = (n: number): number[] => [...Array(n).keys()];

/** Numbers that are multiplied by, as locals: V8 would make the vector again at each use. */
class Constants {
  readonly #names = new Map<number, string>();
  times(c: number, x: string): string {
    if (c === 1) return x;
    const name = this.#names.get(c) ?? `m${this.#names.size}`;
    this.#names.set(c, name);
    return `(f32x4.mul ${get(name)} ${x})`;
  }
  declare(): string {
    const all = [...this.#names];
    return [
      ...all.map(([, name]) => `(local $${name} v128)`),
      ...all.map(([c, name]) => `(local.set $${name} (f32x4.splat (f32.const ${c})))`),
    ].join(" ");
  }
}

/** Σ c·x over those with a coefficient. */
function combination(constants: Constants, terms: readonly (readonly [number, string])[]): string {
  return terms
    .filter(([c]) => c !== 0)
    .map(([c, x]) => constants.times(c, x))
    .reduce((sum, term) => `(f32x4.add ${sum} ${term})`);
}

/** `store(row, sum)` for every row of matrix · (x0, x1, …). */
function expand(matrix: Matrix, constants: Constants, store: (row: number, sum: string) => string): string {
  const n = matrix[0]!.length;
  const part = (row: number, of: (k: number) => boolean) =>
    combination(
      constants,
      upTo(n)
        .filter(of)
        .map((k) => [matrix[row]![k]!, get(`x${k}`)] as const),
    );
  const whole = (row: number) =>
    store(
      row,
      part(row, () => true),
    );
  return [
    whole(0),
    ...pairs.map(
      (row) => `
      (local.set $e ${part(row, (k) => k % 2 === 0)}) (local.set $o ${part(row, (k) => k % 2 === 1)})
      ${store(row, "(f32x4.add (local.get $e) (local.get $o))")} ${store(row + 1, "(f32x4.sub (local.get $e) (local.get $o))")}`,
    ),
    whole(values - 1),
  ].join("\n");
}

/** `store(column, sum)` for every column of matrixᵀ · (x0, x1, …). */
function contract(matrix: Matrix, constants: Constants, store: (row: number, sum: string) => string): string {
  const sums = pairs.map(
    (
      i,
    ) => `(local.set $e (f32x4.add ${get(`x${i}`)} ${get(`x${i + 1}`)})) (local.set $o (f32x4.sub ${get(`x${i}`)} ${get(`x${i + 1}`)}))
      (local.set $x${i} (local.get $e)) (local.set $x${i + 1} (local.get $o))`,
  );
  return `${sums.join("\n")} ${each(upTo(matrix[0]!.length), (k) =>
    store(
      k,
      combination(constants, [
        [matrix[0]![k]!, get("x0")],
        ...pairs.map((i) => [matrix[i]![k]!, get(`x${i + (k % 2)}`)] as const),
        [matrix[values - 1]![k]!, get(`x${values - 1}`)],
      ]),
    ),
  )}`;
}

/**
 * A square of values to a square of values, in channels (a multiple of four): at `from`, `row` and `column` bytes apart, to `to`, `to_row` and `to_column` bytes
 * apart. First the columns, into `scratch`, then the rows. `finishes`: with a bias for each channel, whose address may be 0 (none), and bounds that leave NaN what it is.
 */
function transform(name: string, matrix: Matrix, direction: typeof expand, finishes = false): string {
  const [read, written] =
    direction === expand ? [matrix[0]!.length, values] : ([values, matrix[0]!.length] as [number, number]);
  const constants = new Constants();
  const at = (base: string, step: string, k: number) => (k === 0 ? get(base) : add(base, mul(step, k)));
  const first = direction(
    matrix,
    constants,
    (row, sum) => `(v128.store offset=${16 * row * read} (local.get $t) ${sum})`,
  );
  const finish = (sum: string) =>
    finishes ? `(f32x4.pmin (f32x4.pmax (f32x4.add ${sum} (local.get $z)) (local.get $least)) (local.get $most))` : sum;
  const second = direction(
    matrix,
    constants,
    (row, sum) =>
      `(v128.store align=4 (local.get $b) ${finish(sum)}) ${row + 1 < written ? set("b", add("b", "to_column")) : ""}`,
  );
  return `
  (func $winograd_${name} ${params("from row column to to_row to_column channels scratch")} ${finishes ? "(param $bias i32) (param $low f32) (param $high f32)" : ""}
    ${locals("c j a b t")} ${["e", "o", ...upTo(values).map((k) => `x${k}`)].map((x) => `(local $${x} v128)`).join(" ")}
    (local $z v128) (local $least v128) (local $most v128)
    ${constants.declare()}
    ${finishes ? "(local.set $least (f32x4.splat (local.get $low))) (local.set $most (f32x4.splat (local.get $high)))" : ""}
    ${loop(
      "c",
      0,
      floats("channels"),
      16,
      `${finishes ? `(if (local.get $bias) (then (local.set $z (v128.load align=4 ${add("bias", "c")}))))` : ""}
      ${set("a", add("from", "c"))} ${set("t", "scratch")}
      ${loop(
        "j",
        0,
        read,
        1,
        `${each(upTo(read), (k) => `(local.set $x${k} (v128.load align=4 ${at("a", "row", k)}))`)}
        ${first}
        ${set("a", add("a", "column"))} ${set("t", add("t", 16))}`,
      )}
      ${set("a", add("to", "c"))} ${set("t", "scratch")}
      ${loop(
        "j",
        0,
        written,
        1,
        `${each(upTo(read), (k) => `(local.set $x${k} (v128.load offset=${16 * k} (local.get $t)))`)}
        ${set("b", "a")} ${second}
        ${set("a", add("a", "to_row"))} ${set("t", add("t", 16 * read))}`,
      )}`,
    )})`;
}

export const transformsText: string = [
  transform("values", ofValues, expand),
  transform("results", ofResults, contract, true),
  transform("results_gradient", ofResults, expand),
  transform("taps", ofTaps, expand),
  transform("taps_gradient", ofTaps, contract),
].join("\n");
