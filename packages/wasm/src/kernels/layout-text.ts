/** What convolutions move, as WebAssembly text: padding, repeating; and summing rows by segment. */
import { add, floats, locals, loop, mul, params, set, sub } from "./wat.js";

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

export const layoutText: string = [copyRows, repeat, sumGroups, segments("f32"), segments("i32")].join("\n");
