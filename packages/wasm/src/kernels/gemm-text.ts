/**
 * Matrix products, as WebAssembly text.
 *
 * XNNPACK, which the backend uses for products, packs its right operand once a tensor and keeps the copy. That is made for inference: in
 * training every right operand is new, and packing it costs as much as a product with eight rows. Here both operands are packed a block at
 * a time into buffers that stay in the cache, transposed on the way where that is asked for.
 */
import { spillBytes, tile } from "./tile-text.js";
import {
  add,
  call,
  each,
  floats,
  locals,
  loop,
  type MultiplyAdd,
  min,
  mul,
  params,
  set,
  shuffle,
  sub,
  upTo,
} from "./wat.js";

const quarters = upTo(4);

/** Rows and columns of the tile. */
const tall = 5;
const wide = 8;

/** Depth, columns and rows of a block: a strip of columns and a panel of rows fit the first cache (21 KB), both packed blocks the second. */
const depth = 400;
const columns = 512;
const height = 160;

/** Where in `work` the panels of a are, and the spill, which comes last. */
const panelsAt = 4 * depth * columns;
export const gemmSpill: number = panelsAt + 4 * depth * height;
/** Bytes that `gemm` needs to pack into, and to spill incomplete tiles: its parameter `work`. */
export const gemmWork: number = gemmSpill + spillBytes;

const get = (local: string) => `(local.get $${local})`;

/** The transpose of four vectors x0 to x3 of four values: the j-th column of them. */
const halves = `
  ${each([0, 1], (i) => `(local.set $t${i} ${shuffle(get(`x${2 * i}`), get(`x${2 * i + 1}`), [0, 4, 1, 5])})`)}
  ${each([0, 1], (i) => `(local.set $t${i + 2} ${shuffle(get(`x${2 * i}`), get(`x${2 * i + 1}`), [2, 6, 3, 7])})`)}`;
const column = (j: number) => shuffle(get(`t${j & 2}`), get(`t${(j & 2) + 1}`), j % 2 ? [2, 3, 6, 7] : [0, 1, 4, 5]);

/**
 * `count` rows of a matrix whose rows are `stride` bytes apart, of which n exist, by four k at a time into [k, ·] with `step` bytes from one k to the next. Rows that do not exist repeat the last.
 */
const interleave = (name: string, count: 4 | 5, step: number): string => `
  (func $${name} ${params("from stride k n to")} ${locals("i r0 r1 r2 r3 r4")} ${each(quarters, (i) => `(local $x${i} v128) (local $t${i} v128)`)} (local $y v128)
    ${set("r0", "from")}
    ${each(upTo(count - 1), (i) => set(`r${i + 1}`, `(select ${add(`r${i}`, "stride")} ${get(`r${i}`)} (i32.gt_s ${get("n")} (i32.const ${i + 1})))`))}
    ${loop(
      "i",
      0,
      sub("k", 3),
      4,
      `${each(quarters, (i) => `(local.set $x${i} (v128.load align=4 ${get(`r${i}`)}))`)}
       ${count === 5 ? `(local.set $y (v128.load align=4 ${get("r4")}))` : ""}
       ${halves}
       ${each(quarters, (j) => `(v128.store offset=${step * j} align=4 ${get("to")} ${column(j)})`)}
       ${count === 5 ? each(quarters, (j) => `(v128.store32_lane offset=${step * j + 16} ${j} ${get("to")} ${get("y")})`) : ""}
       ${set("to", add("to", 4 * step))}
       ${each(upTo(count), (i) => set(`r${i}`, add(`r${i}`, 16)))}`,
    )}
    ${loop(
      "i",
      "i",
      "k",
      1,
      `${each(upTo(count), (i) => `(f32.store offset=${4 * i} ${get("to")} (f32.load ${get(`r${i}`)})) ${set(`r${i}`, add(`r${i}`, 4))}`)}
       ${set("to", add("to", step))}`,
    )})`;

/** Reads past an operand's last row stay within the heap: its allocator keeps more than 64 bytes behind the last block. */
const packing = `
  ;; 16 columns of a row-major b, [k, ·], into two strips [k, 8].
  (func $pack_columns ${params("b bs k to other")} ${locals("i")}
    ${loop(
      "i",
      0,
      "k",
      1,
      `${each(quarters, (j) => `(v128.store offset=${16 * (j % 2)} align=4 ${get(j < 2 ? "to" : "other")} (v128.load offset=${16 * j} align=4 ${get("b")}))`)}
       ${each(["to", "other"], (to) => set(to, add(to, 32)))} ${set("b", add("b", "bs"))}`,
    )})
  ;; 5 columns of a transposed a, [k, ·], into [k, 5].
  (func $pack_panel ${params("a as k to")} ${locals("i")}
    ${loop(
      "i",
      0,
      "k",
      1,
      `(v128.store align=4 ${get("to")} (v128.load align=4 ${get("a")})) (f32.store offset=16 ${get("to")} (f32.load offset=16 ${get("a")}))
       ${set("to", add("to", 20))} ${set("a", add("a", "as"))}`,
    )})
  ${interleave("zip_panel", 5, 20)}
  ${interleave("pack_rows", 4, 32)}`;

const strip = (j: string | number) => add("work", floats(mul("kc", j)));
const panel = add("panels", floats(mul("kc", "i")));
const columnOf = add("j0", "j");
const row = add("i0", "i");

const packStrips = `
  (if (local.get $tb)
    (then
      ${set("from", add("b", mul(columnOf, "bs"), floats("k0")))}
      ${each(quarters, (q) => {
        const left = sub("n", add("j0", "j", 4 * q));
        const to = add(strip(q < 2 ? "j" : add("j", wide)), 16 * (q % 2));
        return `(if (i32.gt_s ${left} (i32.const 0)) (then ${call("pack_rows", add("from", mul("bs", 4 * q)), "bs", "kc", left, to)}))`;
      })})
    (else ${call("pack_columns", add("b", mul("k0", "bs"), floats(columnOf)), "bs", "kc", strip("j"), strip(add("j", wide)))}))`;

const packPanel = `
  (if (local.get $ta)
    (then ${call("pack_panel", add("a", mul("k0", "as"), floats(row)), "as", "kc", panel)})
    (else ${call("zip_panel", add("a", mul(row, "as"), floats("k0")), "as", "kc", sub("mc", "i"), panel)}))`;

const tileOfBlock = `
  (call $tile_packed ${panel} (i32.const ${4 * tall}) (i32.const 0) ${strip("j")} (i32.const ${4 * wide}) (i32.const 0) (i32.const 1) (local.get $kc)
    ${add("c", mul(row, "cs"), floats(columnOf))} (local.get $cs)
    (if (result i32) (local.get $init) (then ${add("init", mul(row, "is"), floats(columnOf))}) (else (i32.const 0))) (local.get $is)
    ${sub("mc", "i")} ${sub("nc", "j")} (local.get $spill))`;

/** As few slices as hold, all of about the same size. */
const slice = (size: string, most: number) => {
  const slices = `(i32.div_s ${add(size, most - 1)} (i32.const ${most}))`;
  return `(i32.div_s ${sub(add(size, slices), 1)} ${slices})`;
};

/** c = init + a·b, a and b as they are or transposed; strides in bytes from one stored row to the next, init may be 0 (none) or c. */
const gemm = `
  (func $gemm (export "gemm") ${params("a as ta b bs tb c cs m n k init is work")}
    ${locals("k0 kc ks j0 nc i0 mc j i panels spill from")}
    (if (i32.le_s (local.get $k) (i32.const 0)) (then (return)))
    ${set("panels", add("work", panelsAt))}
    ${set("spill", add("work", gemmSpill))}
    ${set("ks", slice("k", depth))}
    ${loop(
      "k0",
      0,
      "k",
      "ks",
      `${set("kc", min(sub("k", "k0"), "ks"))}
      ;; Later slices of the depth add to what the first one left.
      (if (local.get $k0) (then ${set("init", "c")} ${set("is", "cs")}))
      ${loop(
        "j0",
        0,
        "n",
        columns,
        `${set("nc", min(sub("n", "j0"), columns))}
        ${loop("j", 0, "nc", 2 * wide, packStrips)}
        ${loop(
          "i0",
          0,
          "m",
          height,
          `${set("mc", min(sub("m", "i0"), height))}
          ${loop("i", 0, "mc", tall, packPanel)}
          ${loop("j", 0, "nc", wide, loop("i", 0, "mc", tall, tileOfBlock))}`,
        )}`,
      )}`,
    )})`;

/** The functions of this file and the tiles, as WebAssembly text. */
export const gemmText = (madd: MultiplyAdd): string =>
  [
    tile({ name: "tile_row", rows: 2, quarters: 4, layout: "row", steps: 4, cuts: [0] }, madd),
    tile({ name: "tile_column", rows: 2, quarters: 4, layout: "column", steps: 4, cuts: [0] }, madd),
    tile({ name: "tile_packed", rows: tall, quarters: wide / 4, layout: "column", steps: 8, cuts: [1, 3] }, madd),
    packing,
    gemm,
  ].join("\n");
