/**
 * Depthwise convolutions and their gradients with respect to the image, as WebAssembly text. A channel only meets itself, so that all loops go through the images once, at the speed of memory: sums of eight
 * channels at a time stay in registers, of four output columns (or, in `depthwise-filter-text.ts`, of three taps). Padding is nowhere: taps that fall off the image are left out.
 *
 * Steps are in bytes, `…_by` and `…_from` in pixels: tap h at the output row r reads the input row r·row_by + row_from + h·h_by, and so do columns.
 * Images lie one after the other; a range of them is a call of its own.
 */
import { add, call, each, floats, locals, loop, min, mul, nest, params, set, sub } from "./wat.js";

/** Instructions on the channels of one step: two vectors of four, or a single one. */
export interface Lane {
  readonly count: number;
  readonly parts: readonly number[];
  readonly size: number;
  readonly type: string;
  readonly load: string;
  readonly store: string;
  readonly op: string;
}

export const eight: Lane = {
  ...{ count: 8, parts: [0, 1], size: 16, type: "v128", load: "v128.load", store: "v128.store", op: "f32x4" },
};
export const one: Lane = {
  ...{ count: 1, parts: [0], size: 4, type: "f32", load: "f32.load", store: "f32.store", op: "f32" },
};

export const align = (lane: Lane): string => (lane === eight ? "align=4" : "");
export const get = (local: string): string => `(local.get $${local})`;
export const load = (lane: Lane, part: number, at: string): string =>
  `(${lane.load} offset=${part * lane.size} ${align(lane)} ${at})`;
export const sum = (lane: Lane, local: string, a: string, b: string): string =>
  `(local.set $${local} (${lane.op}.add ${get(local)} (${lane.op}.mul ${a} ${b})))`;
export const vectors = (lane: Lane, names: readonly string[]): string =>
  names.map((name) => `(local $${name} ${lane.type})`).join(" ");
export const upTo = (n: number): number[] => [...Array(n).keys()];

/**
 * A value that will be needed soon is read and forgotten: it is in the cache by then. Channels are walked over in many short runs, which the processor
 * does not foresee; large images take half again as long without this.
 */
export const touch = (at: string): string => `(drop (i32.load ${at.startsWith("(") ? at : get(at)}))`;

/** Bounds that leave NaN what it is. */
const clamped = (lane: Lane, x: string): string =>
  lane === eight
    ? `(f32x4.pmin (f32x4.pmax ${x} (f32x4.splat (local.get $low))) (f32x4.splat (local.get $high)))`
    : `(f32.min (f32.max ${x} (local.get $low)) (local.get $high))`;

/** Columns of a tile of outputs, and taps that are taken at once. */
const columns = 4;
export const taps = 3;

/**
 * y = the sum over h × q taps of x · k, of `width` output columns, in all channels. `shared`: q is 3, and a column's next tap is the next column's tap, so that
 * each is read once.
 */
function gatherTile(width: number, lane: Lane, shared = false): string {
  const all = upTo(width);
  const sums = all.flatMap((j) => lane.parts.map((p) => `s${j}${p}`));
  const read = upTo(shared ? width + taps - 1 : width);
  const columnsOfX = each(read.slice(1), (j) => set(`a${j}`, add(`a${j - 1}`, "xs")));
  const walk = `
    (loop $taps
      ${columnsOfX}
      ${each(lane.parts, (p) => `(local.set $k${p} ${load(lane, p, get("e"))})`)}
      ${each(all, (j) => each(lane.parts, (p) => sum(lane, `s${j}${p}`, load(lane, p, get(`a${j}`)), get(`k${p}`))))}
      ${set("a0", add("a0", "x_q"))} ${set("e", add("e", "k_q"))}
      (br_if $taps (local.tee $j ${sub("j", 1)})))`;
  const row = `
    ${columnsOfX} ${each([1, 2], (t) => set(`e${t}`, add(t === 1 ? "e" : "e1", "k_q")))}
    ${each(
      lane.parts,
      (p) => `
      ${each(upTo(taps), (t) => `(local.set $k${t} ${load(lane, p, get(t === 0 ? "e" : `e${t}`))})`)}
      ${each(
        read,
        (c) => `(local.set $v ${load(lane, p, get(`a${c}`))})
        ${upTo(taps)
          .filter((t) => c - t >= 0 && c - t < width)
          .map((t) => sum(lane, `s${c - t}${p}`, get("v"), get(`k${t}`)))
          .join("\n")}`,
      )}`,
    )}`;
  const touchAhead = `(if (local.get $ahead) (then
    ${set("e", add("ahead", mul("b", 4, "ahead_by")))} ${each(all, () => `${touch("e")} (if (local.get $above) (then ${touch(sub("e", "above"))})) ${set("e", add("e", mul("ahead_by", 32)))}`)}
    ${set("e", add("y", mul("ys", width), mul("b", 4, "y_by")))} ${each(all, () => `${touch("e")} ${set("e", add("e", mul("y_by", 32)))}`)}))`;
  const store = (finish: (x: string) => string) => `
    ${set("e", add("y", "b"))}
    ${each(all, (j) => `${each(lane.parts, (p) => `(${lane.store} offset=${p * lane.size} ${align(lane)} (local.get $e) ${finish(get(`s${j}${p}`))})`)} ${set("e", add("e", "ys"))}`)}`;
  return `
  (func $gather_${width}_${lane.count}${shared ? "_shared" : ""}
    ${params("x xs k y ys bias h x_h k_h q x_q k_q channels ahead ahead_by above y_by")} (param $low f32) (param $high f32)
    ${locals("c b e e1 e2 ax ak i j")} ${locals(read.map((j) => `a${j}`).join(" "))} ${vectors(lane, [...sums, "v", "k0", "k1", "k2", "z0", "z1"])}
    ${loop(
      "c",
      0,
      "channels",
      lane.count,
      `;; The last channels once more with some before them, rather than one by one.
      ${set("b", floats(min("c", sub("channels", lane.count))))}
      (if (local.get $bias) (then ${each(lane.parts, (p) => `(local.set $z${p} ${load(lane, p, add("bias", "b"))})`)}))
      ${each(all, (j) => each(lane.parts, (p) => `(local.set $s${j}${p} ${get(`z${p}`)})`))}
      ${set("ax", add("x", "b"))} ${set("ak", add("k", "b"))}
      ${width > 1 ? touchAhead : ""}
      ${loop(
        "i",
        0,
        "h",
        1,
        `${set("a0", "ax")} ${set("e", "ak")} ${shared ? row : `${set("j", "q")} ${walk}`}
        ${set("ax", add("ax", "x_h"))} ${set("ak", add("ak", "k_h"))}`,
      )}
      (if (f32.gt (local.get $low) (f32.const -inf)) (then ${store((x) => clamped(lane, x))}) (else ${store((x) => x)}))`,
    )})`;
}

/** The taps that read something: from `begin` to before `end`, of `count`, at `at` + tap · by in 0..size. */
const clip = (begin: string, end: string, at: string, by: string, count: string, size: string): string => {
  const outside = (tap: string) => `(i32.ge_u ${add(at, mul(tap, by))} ${get(size)})`;
  const search = (local: string, limit: string, step: number, tap: string) => `
    (block $found (loop $next
      (br_if $found (i32.eq ${get(local)} ${limit}))
      (br_if $found (i32.eqz ${outside(tap)}))
      ${set(local, add(local, step))} (br $next)))`;
  return `
    ${set(begin, 0)} ${search(begin, get(count), 1, begin)}
    ${set(end, count)} ${search(end, get(begin), -1, sub(end, 1))}`;
};

/**
 * Every value of y from the values of x under the kernel: the convolution, and its gradient with respect to the image, for which y and x change places and taps
 * run backwards. Columns from `first` to before `last` have all their taps on the image. bias may be 0 (none).
 */
const gather = `
  (func $depthwise_gather (export "depthwise_gather")
    ${params("x x_image x_row x_col xh xw k k_row k_col kh kw y y_image y_row y_col yh yw n row_by row_from h_by col_by col_from q_by first last channels bias")}
    (param $low f32) (param $high f32)
    ${locals("i r o m row col h0 h1 q0 q1 wide shared ahead y_by from to tap")}
    ${set("y_by", `(i32.div_s ${get("y_col")} ${floats("channels")})`)}
    ${nest(
      [
        ["i", 0, "n", 1],
        ["r", 0, "yh", 1],
      ],
      `${set("row", add(mul("r", "row_by"), "row_from"))}
      ${clip("h0", "h1", "row", "h_by", "kh", "xh")}
      ${loop(
        "o",
        0,
        "yw",
        "m",
        `${set("wide", `(i32.and (i32.and (i32.ge_s ${get("o")} ${get("first")}) (i32.lt_s ${get("o")} ${get("last")})) (i32.ge_s ${get("channels")} (i32.const ${eight.count})))`)}
        ${set("wide", `(i32.and ${get("wide")} (i32.ge_s ${sub("last", "first")} (i32.const ${columns})))`)}
        ${set("m", `(select (i32.const ${columns}) (i32.const 1) ${get("wide")})`)}
        ;; The last whole tile may go over columns that are done.
        (if (local.get $wide) (then ${set("o", min("o", sub("last", columns)))}))
        ${set("col", add(mul("o", "col_by"), "col_from"))}
        ${clip("q0", "q1", "col", "q_by", "kw", "xw")}
        ${set("from", add("x", mul("i", "x_image"), mul(add("row", mul("h0", "h_by")), "x_row"), mul(add("col", mul("q0", "q_by")), "x_col")))}
        ${set("tap", add("k", mul("h0", "k_row"), mul("q0", "k_col")))}
        ${set("to", add("y", mul("i", "y_image"), mul("r", "y_row"), mul("o", "y_col")))}
        ;; The columns that the next tile has and this one has not, in the last row.
        ${set("ahead", add("from", mul(sub("h1", add("h0", 1)), "h_by", "x_row"), mul(add(mul("col_by", columns - 1), mul(sub("q1", add("q0", 1)), "q_by"), 1), "x_col")))}
        (if (i32.or (i32.gt_s ${add("o", 2 * columns)} (local.get $last)) (i32.or (i32.eq (local.get $h0) (local.get $h1)) (i32.eq (local.get $q0) (local.get $q1)))) (then ${set("ahead", 0)}))
        ${set("shared", `(i32.and (i32.and ${get("wide")} (i32.eq ${get("kw")} (i32.const ${taps}))) (i32.eq ${get("col_by")} ${get("q_by")}))`)}
        ${[
          [get("shared"), `gather_${columns}_8_shared`],
          [get("wide"), `gather_${columns}_8`],
          [`(i32.ge_s ${get("channels")} (i32.const 8))`, "gather_1_8"],
          ["", "gather_1_1"],
        ].reduceRight((otherwise, [when, name]) => {
          const run = call(
            name!,
            ...["from", mul("col_by", "x_col"), "tap", "to", "y_col", "bias"],
            `(select ${sub("h1", "h0")} (i32.const 0) (i32.gt_s ${get("q1")} ${get("q0")}))`,
            ...[
              mul("h_by", "x_row"),
              "k_row",
              sub("q1", "q0"),
              mul("q_by", "x_col"),
              "k_col",
              "channels",
              "ahead",
              "col_by",
              `(select ${mul("h_by", "x_row")} (i32.const 0) (i32.and (i32.gt_s ${sub("h1", "h0")} (i32.const 1)) (i32.gt_s ${get("row_by")} (i32.const 1))))`,
              "y_by",
              "low",
              "high",
            ],
          );
          return when ? `(if ${when} (then ${run}) (else ${otherwise}))` : run;
        }, "")}`,
      )}`,
    )})`;

export const depthwiseText: string = [
  gatherTile(columns, eight, true),
  gatherTile(columns, eight),
  gatherTile(1, eight),
  gatherTile(1, one),
  gather,
].join("\n");
