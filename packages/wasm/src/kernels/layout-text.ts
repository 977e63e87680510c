/** Moving values without changing them, as WebAssembly text: transposing, padding, repeating; and summing rows by segment. */
import { add, call, each, floats, locals, loop, min, mul, params, set, shuffle, sub } from "./wat.js";

const quarters = [0, 1, 2, 3] as const;

/** Source and target rows of one block that share a cache set: 32 × 32 values keep a power-of-two stride from evicting itself. */
const block = 32;

/** 4 × 4 values, which lie xs bytes apart from row to row, to rows that lie ts bytes apart. */
const transposeFour = `
  (func $transpose_four ${params("x xs to ts")} ${each(quarters, (i) => `(local $x${i} v128) (local $t${i} v128)`)}
    ${each(quarters, (i) => `(local.set $x${i} (v128.load align=4 ${i === 0 ? "(local.get $x)" : add("x", mul("xs", i))}))`)}
    ${each([0, 1], (i) => `(local.set $t${i} ${shuffle(`(local.get $x${2 * i})`, `(local.get $x${2 * i + 1})`, [0, 4, 1, 5])})`)}
    ${each([0, 1], (i) => `(local.set $t${i + 2} ${shuffle(`(local.get $x${2 * i})`, `(local.get $x${2 * i + 1})`, [2, 6, 3, 7])})`)}
    ${each(
      quarters,
      (i) =>
        `(v128.store align=4 ${i === 0 ? "(local.get $to)" : add("to", mul("ts", i))}
          ${shuffle(`(local.get $t${i & 2})`, `(local.get $t${(i & 2) + 1})`, i % 2 ? [2, 3, 6, 7] : [0, 1, 4, 5])})`,
    )})`;

const from = add("x", mul("r", "xs"), floats("c"));
const into = add("to", mul("c", "ts"), floats("r"));

/** n matrices of 32-bit values, each transposed. */
const transpose = `
  (func $transpose (export "transpose") ${params("x to n rows columns")} ${locals("i r0 c0 r c xs ts r_end c_end r_four c_four")}
    ${set("xs", floats("columns"))} ${set("ts", floats("rows"))}
    ${loop(
      "i",
      0,
      "n",
      1,
      `${loop(
        "r0",
        0,
        "rows",
        block,
        loop(
          "c0",
          0,
          "columns",
          block,
          `${set("r_end", min(add("r0", block), "rows"))} ${set("c_end", min(add("c0", block), "columns"))}
          ${set("r_four", `(i32.and (local.get $r_end) (i32.const -4))`)} ${set("c_four", `(i32.and (local.get $c_end) (i32.const -4))`)}
          ${loop("r", "r0", "r_four", 4, `${loop("c", "c0", "c_four", 4, call("transpose_four", from, "xs", into, "ts"))}`)}
          ${loop("r", "r0", "r_four", 1, loop("c", "c_four", "c_end", 1, `(i32.store ${into} (i32.load ${from}))`))}
          ${loop("r", "r_four", "r_end", 1, loop("c", "c0", "c_end", 1, `(i32.store ${into} (i32.load ${from}))`))}`,
        ),
      )}
      ${set("x", add("x", mul("rows", "xs")))} ${set("to", add("to", mul("rows", "xs")))}`,
    )})`;

/** Copies n × rows rows of `bytes` bytes; strides in bytes: from image to image and from row to row, on either side. */
const copyRows = `
  (func $copy_rows (export "copy_rows") ${params("x x_image x_row to to_image to_row n rows bytes")} ${locals("i r")}
    ${loop(
      "i",
      0,
      "n",
      1,
      loop(
        "r",
        0,
        "rows",
        1,
        `(memory.copy ${add("to", mul("i", "to_image"), mul("r", "to_row"))} ${add("x", mul("i", "x_image"), mul("r", "x_row"))} (local.get $bytes))`,
      ),
    )})`;

/** Each of n values, \`times\` times. */
const repeat = `
  (func $repeat (export "repeat") ${params("x to n times")} ${locals("i j")}
    ${loop(
      "i",
      0,
      "n",
      1,
      loop(
        "j",
        0,
        "times",
        1,
        `(f32.store (local.get $to) (f32.load ${add("x", floats("i"))})) ${set("to", add("to", 4))}`,
      ),
    )})`;

/** The sums of n groups of \`times\` values that lie next to each other. */
const sumGroups = `
  (func $sum_groups (export "sum_groups") ${params("x to n times")} ${locals("i j")} (local $sum f32)
    ${loop(
      "i",
      0,
      "n",
      1,
      `(local.set $sum (f32.const 0))
      ${loop("j", 0, "times", 1, `(local.set $sum (f32.add (local.get $sum) (f32.load (local.get $x)))) ${set("x", add("x", 4))}`)}
      (f32.store ${add("to", floats("i"))} (local.get $sum))`,
    )})`;

/** Adds row i of x to row ids[i] of a result, which has \`segments\` rows; other ids are left out. */
const segments = (type: "f32" | "i32") => `
  (func $segment_sum_${type} (export "segment_sum_${type}") ${params("x ids to n columns segments")} ${locals("i j id from into")}
    ${loop(
      "i",
      0,
      "n",
      1,
      `${set("id", `(i32.load ${add("ids", floats("i"))})`)}
      (if (i32.lt_u (local.get $id) (local.get $segments))
        (then
          ${set("into", add("to", mul(floats("columns"), "id")))}
          ${set("from", add("x", mul(floats("columns"), "i")))}
          ${loop(
            "j",
            0,
            sub("columns", 3),
            4,
            `(v128.store align=4 (local.get $into) (${type}x4.add (v128.load align=4 (local.get $into)) (v128.load align=4 (local.get $from))))
            ${set("into", add("into", 16))} ${set("from", add("from", 16))}`,
          )}
          ${loop(
            "j",
            "j",
            "columns",
            1,
            `(${type}.store (local.get $into) (${type}.add (${type}.load (local.get $into)) (${type}.load (local.get $from))))
            ${set("into", add("into", 4))} ${set("from", add("from", 4))}`,
          )}))`,
    )})`;

export const layoutText: string = [
  transposeFour,
  transpose,
  copyRows,
  repeat,
  sumGroups,
  segments("f32"),
  segments("i32"),
].join("\n");
