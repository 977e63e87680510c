/**
 * Moving values without changing them, as WebAssembly text: whatever is a walk over axes, with a stride on either side of each, is done by one function.
 *
 * A table says what the axes are, the outermost first: of each its size, its stride in x and its stride in the result, in bytes; then how the two
 * innermost ones are done (`how`).
 */
import { add, call, each, floats, locals, loop, min, mul, nest, params, set, shuffle, sub } from "./wat.js";

/** How the two innermost axes are moved: rows of bytes that lie together, of one value repeated, a matrix transposed, or value by value. */
export const how = { runs: 0, repeat: 1, transpose: 2, words: 3, bytes: 4 } as const;

/** The bytes of a row of the table. */
const entry = 12;

/** Runs of so many bytes are worth the engine's own copying, which begins slowly. */
const long = 1024;

const quarters = [0, 1, 2, 3] as const;

const word = (at: string, offset = 0): string => `(i32.load offset=${offset} (local.get $${at}))`;
const vector = (at: string): string => `(v128.load align=1 ${at})`;
const local = (name: string): string => `(local.get $${name})`;
const next = (name: string, by: string | number): string => set(name, add(name, by));

/** What \`rows\` rows do, each \`xs\` bytes after the other in x and \`ts\` in the result. */
const perRow = (body: string): string => loop("r", 0, "rows", 1, `${body} ${next("x", "xs")} ${next("to", "ts")}`);

const rowsOf = "x xs to ts rows";

/** Sixteen bytes at a time, the last of which may overlap those before. */
const vectors = (body: (at: string) => string): string => `
  ${loop("j", 0, "last", 16, body("j"))}
  ${body("last")}`;

const runs = `
  (func $move_runs ${params(`${rowsOf} bytes`)} ${locals("r j last")}
    ${set("last", sub("bytes", 16))}
    (if (i32.ge_s ${local("bytes")} (i32.const ${long}))
      (then ${perRow(`(memory.copy ${local("to")} ${local("x")} ${local("bytes")})`)} (return)))
    (if (i32.ge_s ${local("bytes")} (i32.const 16))
      (then
        ${perRow(vectors((at) => `(v128.store align=1 ${add("to", at)} ${vector(add("x", at))})`))} (return)))
    ${perRow(`
      ${loop("j", 0, sub("bytes", 3), 4, `(i32.store align=1 ${add("to", "j")} (i32.load align=1 ${add("x", "j")}))`)}
      ${loop("j", "j", "bytes", 1, `(i32.store8 ${add("to", "j")} (i32.load8_u ${add("x", "j")}))`)}`)})`;

const repeat = `
  (func $move_repeat ${params(`${rowsOf} bytes`)} ${locals("r j last")} (local $v v128)
    ${set("last", sub("bytes", 16))}
    (if (i32.ge_s ${local("bytes")} (i32.const 16))
      (then
        ${perRow(`(local.set $v (v128.load32_splat ${local("x")}))
          ${vectors((at) => `(v128.store align=4 ${add("to", at)} ${local("v")})`)}`)} (return)))
    ${perRow(loop("j", 0, "bytes", 4, `(i32.store ${add("to", "j")} ${word("x")})`))})`;

/** Value by value: a word, or a byte. */
const single = (name: string, load: string, store: string): string => `
  (func $${name} ${params(`${rowsOf} columns xc tc`)} ${locals("r j from into")}
    ${perRow(`${set("from", "x")} ${set("into", "to")}
      ${loop("j", 0, "columns", 1, `(${store} ${local("into")} (${load} ${local("from")})) ${next("from", "xc")} ${next("into", "tc")}`)}`)})`;

/** Rows and columns of one block: whole lines of the cache are read, and written, in few enough pages. */
const [tall, wide] = [64, 32];

/** 4 × 4 values from p on, to q on. */
const four = `
  ${each(quarters, (i) => `(local.set $x${i} (v128.load align=4 (local.get $p))) ${next("p", "ss")}`)}
  ${each([0, 1], (i) => `(local.set $t${i} ${shuffle(`(local.get $x${2 * i})`, `(local.get $x${2 * i + 1})`, [0, 4, 1, 5])})`)}
  ${each([0, 1], (i) => `(local.set $t${i + 2} ${shuffle(`(local.get $x${2 * i})`, `(local.get $x${2 * i + 1})`, [2, 6, 3, 7])})`)}
  ${each(
    quarters,
    (i) =>
      `(v128.store align=4 (local.get $q)
        ${shuffle(`(local.get $t${i & 2})`, `(local.get $t${(i & 2) + 1})`, i % 2 ? [2, 3, 6, 7] : [0, 1, 4, 5])}) ${next("q", "ts")}`,
  )}`;

const from = add("source", mul("r", "ss"), floats("c"));
const into = add("to", mul("c", "ts"), floats("r"));
const one = `(i32.store ${into} (i32.load ${from}))`;

/**
 * A matrix of 32-bit values: rows lie xs bytes apart, the columns that become of them ts bytes. Where such distances fall into few sets of the cache, \`scratch\` is
 * where a block is put first; 0 else.
 */
const transposeMatrix = `
  (func $transpose_matrix ${params("x xs to ts rows columns scratch")} ${locals("r0 c0 r c r_end c_end r_four c_four source ss p q")}
    ${each(quarters, (i) => `(local $x${i} v128) (local $t${i} v128)`)}
    ${set("source", "x")} ${set("ss", "xs")}
    ${nest(
      [
        ["c0", 0, "columns", wide],
        ["r0", 0, "rows", tall],
      ],
      `${set("r_end", min(add("r0", tall), "rows"))} ${set("c_end", min(add("c0", wide), "columns"))}
      ${set("r_four", `(i32.and (local.get $r_end) (i32.const -4))`)} ${set("c_four", `(i32.and (local.get $c_end) (i32.const -4))`)}
      (if ${local("scratch")}
        (then
          ${call("move_runs", add("x", mul("r0", "xs"), floats("c0")), "xs", "scratch", 4 * wide, sub("r_end", "r0"), floats(sub("c_end", "c0")))}
          ${set("ss", 4 * wide)} ${set("source", sub("scratch", mul("r0", "ss"), floats("c0")))}))
      ${loop("c", "c0", "c_four", 4, loop("r", "r0", "r_four", 4, `${set("p", from)} ${set("q", into)} ${four}`))}
      ${loop("r", "r0", "r_four", 1, loop("c", "c_four", "c_end", 1, one))}
      ${loop("r", "r_four", "r_end", 1, loop("c", "c0", "c_end", 1, one))}`,
    )})`;

/** n matrices of 32-bit values, each transposed. */
const transpose = `
  (func $transpose (export "transpose") ${params("x to n rows columns")} ${locals("i bytes")}
    ${set("bytes", floats(mul("rows", "columns")))}
    ${loop(
      "i",
      0,
      "n",
      1,
      `${call("transpose_matrix", "x", floats("columns"), "to", floats("rows"), "rows", "columns", 0)} ${next("x", "bytes")} ${next("to", "bytes")}`,
    )})`;

/** The two innermost axes: rows, and what a row has. */
const innermost = `
  (func $move_innermost ${params("x to table")} ${locals("kind rows xs ts columns xc tc")}
    ${["rows", "xs", "ts", "columns", "xc", "tc", "kind"].map((name, i) => set(name, word("table", 4 * i))).join("\n")}
    ${Object.entries({
      runs: ["move_runs", "columns"],
      repeat: ["move_repeat", "columns"],
      words: ["move_words", "columns", "xc", "tc"],
      bytes: ["move_bytes", "columns", "xc", "tc"],
    } as Record<keyof typeof how, string[]>)
      .map(
        ([kind, [name, ...more]]) =>
          `(if (i32.eq ${local("kind")} (i32.const ${how[kind as keyof typeof how]})) (then ${call(name as string, "x", "xs", "to", "ts", "rows", ...more)} (return)))`,
      )
      .join("\n")}
    ${call("transpose_matrix", "x", "xs", "to", "tc", "rows", "columns", word("table", 28))})`;

/** All axes but the two innermost, of which there are \`axes\`: each in a loop of its own. */
const move = `
  (func $move (export "move") ${params("x to table axes")} ${locals("i size xs ts")}
    (if (i32.eqz ${local("axes")}) (then ${call("move_innermost", "x", "to", "table")} (return)))
    ${["size", "xs", "ts"].map((name, i) => set(name, word("table", 4 * i))).join("\n")}
    ${loop("i", 0, "size", 1, `${call("move", "x", "to", add("table", entry), sub("axes", 1))} ${next("x", "xs")} ${next("to", "ts")}`)})`;

/** Of each of \`batch\` × \`outer\` lists of \`rows\` rows of \`bytes\` bytes, the n that the batch's ids name. */
const gather = `
  (func $gather (export "gather") ${params("x ids to batch outer rows n bytes")} ${locals("b o i from")}
    ${nest(
      [
        ["b", 0, "batch", 1],
        ["o", 0, "outer", 1],
      ],
      `${loop(
        "i",
        0,
        "n",
        1,
        `${set("from", add("x", mul(`(i32.load ${add("ids", floats("i"))})`, "bytes")))}
        (if (i32.eq ${local("bytes")} (i32.const 4))
          (then (i32.store ${local("to")} ${word("from")}))
          (else ${call("move_runs", "from", 0, "to", 0, 1, "bytes")}))
        ${next("to", "bytes")}`,
      )}
      ${next("x", mul("rows", "bytes"))} (if (i32.eq ${add("o", 1)} ${local("outer")}) (then ${next("ids", floats("n"))}))`,
    )})`;

export const moveText: string = [
  runs,
  repeat,
  single("move_words", "i32.load", "i32.store"),
  single("move_bytes", "i32.load8_u", "i32.store8"),
  transposeMatrix,
  transpose,
  innermost,
  move,
  gather,
].join("\n");
