/**
 * A batch of matrix products in one call, as WebAssembly text; and products of few rows, for which packing the right operand would cost more than it gains: its rows are added up, four at a
 * time, times the numbers of a row on the left. A large one is read once from end to end, and no copy of it is held.
 */
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
  nest,
  params,
  set,
  sub,
  upTo,
} from "./wat.js";

/** With fewer rows than this, and not too few columns, the right operand is not packed. Every value is summed in the same order in both cases, to the same bits. */
const fewRows = 16;
const columns = 32;

/** So many columns of four rows of b stay in the first cache while all rows of a go by; where they go by at once, rows of b are read from end to end. */
const chunk = 512;

const get = (local: string) => `(local.get $${local})`;

/** c[i, 0..n] += Σ a[i, t]·b[t, 0..n], for so many i and t. All loads of a block fit into registers beside the numbers of a; see tile-text.ts for the cuts. */
function rowsOf(rows: 1 | 2, depth: 1 | 4, madd: MultiplyAdd): string {
  const ofA = upTo(rows);
  const ofB = upTo(depth);
  const sums = (at: number) => `
    ${each(ofB, (t) => `(local.set $v${t} (v128.load offset=${at} align=4 ${get(`b${t}`)}))`)}
    ${each(ofA, (i) => `(local.set $x${i} (v128.load offset=${at} align=4 ${get(`c${i}`)}))`)}
    ${each(ofA, (i) => each(ofB, (t) => madd(`x${i}`, `s${i}${t}`, `v${t}`)))}`;
  const vector = (at: number) => `
    ${sums(at)}
    ${each(ofA, (i) => `(v128.store offset=${at} align=4 ${get(`c${i}`)} ${get(`x${i}`)})`)}`;
  const cut = (i: number) => `(br_if $done (i32.eq ${get("n")} (i32.const ${-1 - i})))`;
  const advance = (by: number) => `
    ${each([...ofB.map((t) => `b${t}`), ...ofA.map((i) => `c${i}`)], (at) => set(at, add(at, 4 * by)))}
    ${set("n", sub("n", by))}`;
  const whole = (columns: number, body: string) => `
    (block $end (loop $next
      (br_if $end (i32.lt_s ${get("n")} (i32.const ${columns})))
      ${body} ${advance(columns)} (br $next)))`;
  return `
  (func $rows_${rows}_${depth} ${params("a ai ak b0 bs c0 cs n")}
    ${locals("b1 b2 b3 c1")} ${each(ofA, (i) => `(local $x${i} v128) ${each(ofB, (t) => `(local $s${i}${t} v128)`)}`)} ${each(ofB, (t) => `(local $v${t} v128)`)}
    ${each(ofA, (i) => each(ofB, (t) => `(local.set $s${i}${t} (v128.load32_splat ${add("a", mul("ai", i), mul("ak", t))}))`))}
    ${each(ofB.slice(1), (t) => set(`b${t}`, add(`b${t - 1}`, "bs")))}
    ${set("c1", add("c0", "cs"))}
    (block $done
      ${whole(
        16,
        each(upTo(4), (i) => `${vector(16 * i)} ${cut(i)}`),
      )}
      ${whole(4, vector(0))}
      (br_if $done (i32.le_s ${get("n")} (i32.const 0)))
      ${sums(0)}
      ${each(upTo(3), (lane) => `(if (i32.gt_s ${get("n")} (i32.const ${lane})) (then ${each(ofA, (i) => `(v128.store32_lane offset=${4 * lane} ${lane} ${get(`c${i}`)} ${get(`x${i}`)})`)}))`)}))`;
}

/** All rows of a times so many rows of b from k0 on. */
const sweep = (depth: 1 | 4): string => {
  const rows = (count: 1 | 2) =>
    call(
      `rows_${count}_${depth}`,
      ...[add("a", mul("i", "ai"), mul("k0", "ak")), "ai", "ak", add("b", mul("k0", "bs"), floats("j")), "bs"],
      ...[add("c", mul("i", "cs"), floats("j")), "cs", min(sub("n", "j"), "some")],
    );
  return nest(
    [
      ["k0", "k0", sub("k", depth - 1), depth],
      ["j", 0, "n", "some"],
      ["i", 0, "m", 2],
    ],
    `(if (i32.gt_s ${sub("m", "i")} (i32.const 1)) (then ${rows(2)}) (else ${rows(1)}))`,
  );
};

/** The product of a few rows, by `ai` and `ak` from one row and one column of a to the next. */
const few = `
  (func $few ${params("a ai ak b bs c cs m n k init is")} ${locals("i j k0 some")}
    ${set("some", `(select ${get("n")} (i32.const ${chunk}) (i32.le_s ${get("m")} (i32.const 2)))`)}
    ${loop(
      "i",
      0,
      "m",
      1,
      `(if ${get("init")}
        (then (memory.copy ${add("c", mul("i", "cs"))} ${add("init", mul("i", "is"))} ${floats("n")}))
        (else ${loop("j", 0, floats("n"), 4, `(f32.store ${add("c", mul("i", "cs"), "j")} (f32.const 0))`)}))`,
    )}
    ${set("k0", 0)}
    ${sweep(4)}
    ${sweep(1)})`;

/** `count` products as gemm computes one; their operands are so many bytes apart. init is the same for all of them. */
const products = `
  (func $products (export "products") ${params("count a_step b_step c_step a as ta b bs tb c cs m n k init is work")} ${locals("i")}
    ${loop(
      "i",
      0,
      "count",
      1,
      `(if (i32.and (i32.lt_s ${get("m")} (i32.const ${fewRows})) (i32.gt_s ${get("n")} (select (i32.const ${2 ** 31 - 1}) (i32.const ${columns}) ${get("tb")})))
        (then ${call("few", "a", `(select (i32.const 4) ${get("as")} ${get("ta")})`, `(select ${get("as")} (i32.const 4) ${get("ta")})`, ..."b bs c cs m n k init is".split(" "))})
        (else ${call("gemm", ..."a as ta b bs tb c cs m n k init is work".split(" "))}))
      ${each(["a", "b", "c"], (x) => set(x, add(x, `${x}_step`)))}`,
    )})`;

export const productsText = (madd: MultiplyAdd): string =>
  [rowsOf(1, 1, madd), rowsOf(1, 4, madd), rowsOf(2, 1, madd), rowsOf(2, 4, madd), few, products].join("\n");
