/**
 * One register tile is the inner loop of every product here: matrix products in all four transpositions, and convolutions with both their gradients, differ only in the strides with
 * which they walk over the left operand, the right one and the result.
 *
 * What V8 makes of it decides its size and form. It puts all loads of a basic block before the block's arithmetic; where they do not fit into its 15 registers beside the sums, they go
 * through the stack, at half the speed. So a step is cut into blocks by branches that are never taken. Each loop asks whether to stop, and moves addresses to other registers: eight steps a round
 * make that little. A tile of 5 × 8 makes 87 % of the peak so, one of 2 × 16 82 %, and 73 % without (Zen 4; of the peak of multiplying and adding in registers alone).
 */
import { add, each, floats, locals, loop, type MultiplyAdd, min, params, set, upTo } from "./wat.js";

interface Tile {
  readonly name: string;
  readonly rows: number;
  /** Columns, four at a time. */
  readonly quarters: number;
  /**
   * `row`: `as` leads from one row of a to the next, and a row's values lie next to each other (a row-major left operand).
   * `column`: `as` leads from one k to the next, and a column's values lie next to each other (a packed or a transposed one).
   */
  readonly layout: "row" | "column";
  /** How many k the loop takes a round. */
  readonly steps: number;
  /** The rows after which a step is cut. */
  readonly cuts: readonly number[];
}

/**
 * c[0..mr, 0..nr] = init + Σ over k1 × k2 of a·b, starting from zero where init is 0. Addresses and strides are in bytes. Every value is summed in the order of k, whatever the tile: bits do not
 * depend on where a matrix is cut into tiles, blocks or ranges of rows.
 */
export function tile({ name, rows, quarters, layout, steps, cuts }: Tile, madd: MultiplyAdd): string {
  const allRows = upTo(rows);
  const columns = upTo(quarters);
  const sums = (line: (i: number, j: number) => string) => each(allRows, (i) => each(columns, (j) => line(i, j)));
  const byRow = layout === "row";
  let cut = 0;
  const never = () => `(br_if $stop (i32.eq (local.get $k) (i32.const ${--cut})))`;
  const step = (t: number) => `
    ${each(columns, (j) => `(local.set $v${j} (v128.load offset=${16 * j} align=4 (local.get $b0)))`)}
    ${each(
      allRows,
      (
        i,
      ) => `(local.set $s (v128.load32_splat ${byRow ? `offset=${4 * t} (local.get $a${i})` : `offset=${4 * i} (local.get $a0)`}))
      ${each(columns, (j) => madd(`c${i}${j}`, "s", `v${j}`))}
      ${cuts.includes(i) ? never() : ""}`,
    )}
    ${byRow ? "" : set("a0", add("a0", "as"))}
    ${set("b0", add("b0", "bs"))}
    ${t < steps - 1 ? `(br_if $stop (i32.eq (local.get $k) (i32.const ${t + 1})))` : ""}`;
  // Rows that do not exist repeat the last one.
  const next = (to: string, from: string, by: string, i: number) =>
    set(to, `(select ${add(from, by)} (local.get $${from}) (i32.gt_s (local.get $mr) (i32.const ${i})))`);
  return `
  (func $${name} ${params("a as a_outer b bs b_outer k1 k2 c cs init is mr nr spill")}
    ${locals(`b0 k i j ${allRows.map((i) => `a${i}`).join(" ")}`)} (local $s v128)
    ${each(columns, (j) => `(local $v${j} v128)`)} ${sums((i, j) => `(local $c${i}${j} v128)`)}
    (if (local.get $init) (then ${each(
      allRows,
      (i) =>
        `${i ? next("init", "init", "is", i) : ""} ${each(columns, (j) => `(local.set $c${i}${j} (v128.load offset=${16 * j} align=4 (local.get $init)))`)}`,
    )}))
    (block $done
    (loop $outer
      (br_if $done (i32.or (i32.le_s (local.get $k1) (i32.const 0)) (i32.le_s (local.get $k2) (i32.const 0))))
      ${set("a0", "a")}
      ${byRow ? each(upTo(rows - 1), (i) => next(`a${i + 1}`, `a${i}`, "as", i + 1)) : ""}
      ${set("b0", "b")}
      ${set("k", "k2")}
      (block $stop (loop $inner
        ${each(upTo(steps), step)}
        ${byRow ? each(allRows, (i) => set(`a${i}`, add(`a${i}`, 4 * steps))) : ""}
        (br_if $inner (local.tee $k (i32.sub (local.get $k) (i32.const ${steps}))))))
      ${set("a", add("a", "a_outer"))}
      ${set("b", add("b", "b_outer"))}
      ${set("k1", add("k1", -1))}
      (br $outer)))
    (if (i32.and (i32.ge_s (local.get $nr) (i32.const ${4 * quarters})) (i32.ge_s (local.get $mr) (i32.const ${rows})))
      (then
        ${each(allRows, (i) => `${each(columns, (j) => `(v128.store offset=${16 * j} align=4 (local.get $c) (local.get $c${i}${j}))`)} ${set("c", add("c", "cs"))}`)})
      (else
        ;; An incomplete tile goes through a buffer of its own, so that no value beside it is written.
        ${sums((i, j) => `(v128.store offset=${16 * (quarters * i + j)} align=4 (local.get $spill) (local.get $c${i}${j}))`)}
        ${set("nr", floats(min("nr", 4 * quarters)))}
        ${loop("i", 0, min("mr", rows), 1, `${loop("j", 0, "nr", 4, `(f32.store ${add("c", "j")} (f32.load ${add("spill", "j")}))`)} ${set("c", add("c", "cs"))} ${set("spill", add("spill", 16 * quarters))}`)})))`;
}

/** Bytes that a tile spills at most. */
export const spillBytes = 160;
