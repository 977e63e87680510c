/**
 * One register tile, 2 rows by 16 columns, is the inner loop of every product here: matrix products in all four transpositions and both
 * gradients of a convolution differ only in the strides with which they walk over the left operand, the right one and the result.
 *
 * XNNPACK, which the backend uses for products, packs its right operand once a tensor and keeps the copy. That is made for inference: in
 * training every right operand is new, and packing it costs as much as a product with eight rows. Here both operands are packed a block at
 * a time into buffers that stay in the cache, transposed on the way where that is asked for.
 */
import { add, call, each, floats, locals, loop, min, mul, params, set, shuffle, sub } from "./wat.js";

const rows = [0, 1] as const;
const quarters = [0, 1, 2, 3] as const;

/**
 * The tile: c[0..mr, 0..nr] = init + Σ over k1 × k2 of a·b, starting from zero where init is 0. Addresses and strides are in bytes.
 * `row`: as leads from one row of a to the next, and a row's values lie next to each other (a row-major left operand).
 * `column`: as leads from one k to the next, and a column's values lie next to each other (a packed or a transposed one).
 *
 * Relaxed SIMD's multiply-add makes no difference: the loads are what it waits for.
 * The loop is not unrolled and the tile has 8 accumulators because V8 makes 60 GFLOP/s of this, and 30 to 40 of the same with four steps
 * a round, or with 4 × 8, 6 × 8 or 3 × 12 accumulators.
 */
function tile(layout: "row" | "column"): string {
  const a = (i: number) => (layout === "row" ? `(local.get $a${i})` : `offset=${4 * i} (local.get $a0)`);
  return `
  (func $tile_${layout} ${params("a as a_outer b bs b_outer k1 k2 c cs init is mr nr spill")}
    ${locals("a0 a1 b0 k i j")} (local $s v128)
    ${each(quarters, (j) => `(local $v${j} v128) (local $c0${j} v128) (local $c1${j} v128)`)}
    (if (local.get $init)
      (then
        ${each(quarters, (j) => `(local.set $c0${j} (v128.load offset=${16 * j} align=4 (local.get $init)))`)}
        (if (i32.gt_s (local.get $mr) (i32.const 1)) (then ${set("init", add("init", "is"))}))
        ${each(quarters, (j) => `(local.set $c1${j} (v128.load offset=${16 * j} align=4 (local.get $init)))`)}))
    (block $done
    (loop $outer
      (br_if $done (i32.or (i32.le_s (local.get $k1) (i32.const 0)) (i32.le_s (local.get $k2) (i32.const 0))))
      ${set("a0", "a")}
      ;; A second row that does not exist repeats the first.
      ${set("a1", `(select ${add("a", "as")} (local.get $a) (i32.gt_s (local.get $mr) (i32.const 1)))`)}
      ${set("b0", "b")}
      ${set("k", "k2")}
      (loop $inner
        ${each(quarters, (j) => `(local.set $v${j} (v128.load offset=${16 * j} align=4 (local.get $b0)))`)}
        ${each(
          rows,
          (i) => `(local.set $s (v128.load32_splat ${a(i)}))
          ${each(quarters, (j) => `(local.set $c${i}${j} (f32x4.add (local.get $c${i}${j}) (f32x4.mul (local.get $s) (local.get $v${j}))))`)}`,
        )}
        ${layout === "row" ? each(rows, (i) => set(`a${i}`, add(`a${i}`, 4))) : set("a0", add("a0", "as"))}
        ${set("b0", add("b0", "bs"))}
        (br_if $inner (local.tee $k ${sub("k", 1)})))
      ${set("a", add("a", "a_outer"))}
      ${set("b", add("b", "b_outer"))}
      ${set("k1", sub("k1", 1))}
      (br $outer)))
    (if (i32.ge_s (local.get $nr) (i32.const 16))
      (then
        ${each(quarters, (j) => `(v128.store offset=${16 * j} align=4 (local.get $c) (local.get $c0${j}))`)}
        (if (i32.gt_s (local.get $mr) (i32.const 1))
          (then
            ${set("c", add("c", "cs"))}
            ${each(quarters, (j) => `(v128.store offset=${16 * j} align=4 (local.get $c) (local.get $c1${j}))`)})))
      (else
        ;; An incomplete tile goes through a buffer of its own, so that no value beside it is written.
        ${each(rows, (i) => each(quarters, (j) => `(v128.store offset=${64 * i + 16 * j} align=4 (local.get $spill) (local.get $c${i}${j}))`))}
        ${loop("i", 0, min("mr", 2), 1, `${loop("j", 0, floats("nr"), 4, `(f32.store ${add("c", "j")} (f32.load ${add("spill", "j")}))`)} ${set("c", add("c", "cs"))} ${set("spill", add("spill", 64))}`)})))`;
}

/** Depth, columns and rows of a block: a strip of 16 columns fits the first cache (24 KiB), both packed blocks the second. */
const depth = 384;
const columns = 256;
const height = 128;

/** Bytes that `gemm` needs to pack into, and to spill incomplete tiles: its parameter `work`. The spill comes last. */
export const gemmWork: number = 4 * (depth * columns + depth * height + 32);
/** Where in `work` the spill is. */
export const gemmSpill: number = 4 * (depth * columns + depth * height);

/** Reads past an operand's last row stay within the heap: its allocator keeps more than 64 bytes behind the last block. */
const packing = `
  ;; 16 columns of a row-major b, [depth, ·], into [depth, 16].
  (func $pack_columns ${params("b bs k to")} ${locals("i")}
    ${loop(
      "i",
      0,
      "k",
      1,
      `${each(quarters, (j) => `(v128.store offset=${16 * j} align=4 (local.get $to) (v128.load offset=${16 * j} align=4 (local.get $b)))`)}
       ${set("to", add("to", 64))} ${set("b", add("b", "bs"))}`,
    )})
  ;; 4 rows of b, [·, depth], of which n exist, into every fourth quarter of [depth, 16].
  (func $pack_rows ${params("b bs k n to")} ${locals("i r0 r1 r2 r3")} ${each(quarters, (i) => `(local $x${i} v128) (local $t${i} v128)`)}
    ${set("r0", "b")}
    ${each([1, 2, 3], (i) => set(`r${i}`, `(select ${add(`r${i - 1}`, "bs")} (local.get $r${i - 1}) (i32.gt_s (local.get $n) (i32.const ${i})))`))}
    ${loop(
      "i",
      0,
      sub("k", 3),
      4,
      `${each(quarters, (i) => `(local.set $x${i} (v128.load align=4 (local.get $r${i})))`)}
       ${each([0, 1], (i) => `(local.set $t${i} ${shuffle(`(local.get $x${2 * i})`, `(local.get $x${2 * i + 1})`, [0, 4, 1, 5])})`)}
       ${each([0, 1], (i) => `(local.set $t${i + 2} ${shuffle(`(local.get $x${2 * i})`, `(local.get $x${2 * i + 1})`, [2, 6, 3, 7])})`)}
       ${each(
         quarters,
         (i) =>
           `(v128.store offset=${64 * i} align=4 (local.get $to)
              ${shuffle(`(local.get $t${i & 2})`, `(local.get $t${(i & 2) + 1})`, i % 2 ? [2, 3, 6, 7] : [0, 1, 4, 5])})`,
       )}
       ${set("to", add("to", 256))}
       ${each(quarters, (i) => set(`r${i}`, add(`r${i}`, 16)))}`,
    )}
    ${loop(
      "i",
      "i",
      "k",
      1,
      `${each(quarters, (i) => `(f32.store offset=${4 * i} (local.get $to) (f32.load (local.get $r${i}))) ${set(`r${i}`, add(`r${i}`, 4))}`)}
       ${set("to", add("to", 64))}`,
    )})
  ;; 2 columns of a transposed a, [depth, ·], into [depth, 2].
  (func $pack_pair ${params("a as k to")} ${locals("i")}
    ${loop(
      "i",
      0,
      "k",
      1,
      `(i64.store align=4 (local.get $to) (i64.load align=4 (local.get $a))) ${set("to", add("to", 8))} ${set("a", add("a", "as"))}`,
    )})
  ;; 2 rows of a, [·, depth], of which n exist, into [depth, 2].
  (func $zip_pair ${params("a as k n to")} ${locals("i r")} (local $x v128) (local $y v128)
    ${set("r", `(select ${add("a", "as")} (local.get $a) (i32.gt_s (local.get $n) (i32.const 1)))`)}
    ${loop(
      "i",
      0,
      sub("k", 3),
      4,
      `(local.set $x (v128.load align=4 (local.get $a))) (local.set $y (v128.load align=4 (local.get $r)))
       (v128.store align=4 (local.get $to) ${shuffle("(local.get $x)", "(local.get $y)", [0, 4, 1, 5])})
       (v128.store offset=16 align=4 (local.get $to) ${shuffle("(local.get $x)", "(local.get $y)", [2, 6, 3, 7])})
       ${set("a", add("a", 16))} ${set("r", add("r", 16))} ${set("to", add("to", 32))}`,
    )}
    ${loop(
      "i",
      "i",
      "k",
      1,
      `(f32.store (local.get $to) (f32.load (local.get $a))) (f32.store offset=4 (local.get $to) (f32.load (local.get $r)))
       ${set("a", add("a", 4))} ${set("r", add("r", 4))} ${set("to", add("to", 8))}`,
    )})`;

const strip = add("work", floats(mul("kc", "j")));
const panel = add("panels", floats(mul("kc", "i")));
const column = add("j0", "j");
const row = add("i0", "i");

const packStrip = `
  (if (local.get $tb)
    (then
      ${set("from", add("b", mul(column, "bs"), floats("k0")))}
      ${each(quarters, (q) => {
        const left = sub("n", add("j0", "j", 4 * q));
        return `(if (i32.gt_s ${left} (i32.const 0))
          (then ${call("pack_rows", add("from", mul("bs", 4 * q)), "bs", "kc", left, add(strip, 16 * q))}))`;
      })})
    (else ${call("pack_columns", add("b", mul("k0", "bs"), floats(column)), "bs", "kc", strip)}))`;

const packPanel = `
  (if (local.get $ta)
    (then ${call("pack_pair", add("a", mul("k0", "as"), floats(row)), "as", "kc", panel)})
    (else ${call("zip_pair", add("a", mul(row, "as"), floats("k0")), "as", "kc", sub("mc", "i"), panel)}))`;

const tileOfBlock = `
  (call $tile_column ${panel} (i32.const 8) (i32.const 0) ${strip} (i32.const 64) (i32.const 0) (i32.const 1) (local.get $kc)
    ${add("c", mul(row, "cs"), floats(column))} (local.get $cs)
    (if (result i32) (local.get $init) (then ${add("init", mul(row, "is"), floats(column))}) (else (i32.const 0))) (local.get $is)
    ${sub("mc", "i")} ${sub("nc", "j")} (local.get $spill))`;

/** c = init + a·b, a and b as they are or transposed; strides in bytes from one stored row to the next, init may be 0 (none) or c. */
const gemm = `
  (func $gemm (export "gemm") ${params("a as ta b bs tb c cs m n k init is work")}
    ${locals("k0 kc j0 nc i0 mc j i panels spill from")}
    ${set("panels", add("work", 4 * depth * columns))}
    ${set("spill", add("work", gemmSpill))}
    ${loop(
      "k0",
      0,
      "k",
      depth,
      `${set("kc", min(sub("k", "k0"), depth))}
      ;; Later slices of the depth add to what the first one left.
      (if (local.get $k0) (then ${set("init", "c")} ${set("is", "cs")}))
      ${loop(
        "j0",
        0,
        "n",
        columns,
        `${set("nc", min(sub("n", "j0"), columns))}
        ${loop("j", 0, "nc", 16, packStrip)}
        ${loop(
          "i0",
          0,
          "m",
          height,
          `${set("mc", min(sub("m", "i0"), height))}
          ${loop("i", 0, "mc", 2, packPanel)}
          ${loop("j", 0, "nc", 16, loop("i", 0, "mc", 2, tileOfBlock))}`,
        )}`,
      )}`,
    )})`;

/** The functions of this file, as WebAssembly text. */
export const gemmText: string = [tile("row"), tile("column"), packing, gemm].join("\n");
