/**
 * Reducing one of three axes, [outer, rows, columns], the middle one, as WebAssembly text: to a sum, a product, a maximum or a minimum.
 *
 * Values meet as float32 within a block, and blocks meet as float64: a sum of millions is as accurate as one of a few hundred. Where blocks begin is a matter of the
 * shape alone.
 */
import { add, call, each, floats, locals, loop, min, mul, params, set, shuffle, sub } from "./wat.js";

/** What values are reduced by, and what they begin with. */
const operations: Readonly<Record<"add" | "mul" | "max" | "min", string>> = {
  add: "0",
  mul: "1",
  max: "-inf",
  min: "inf",
};

export type Reduction = keyof typeof operations;

/** As many columns as a call may have, folded: their float64 totals lie in the work area. */
export const mostColumns: number = 2 ** 15;

/** The bytes of those totals. */
export const reduceWork: number = 8 * mostColumns;

/** So many values of a row are added up as float32, in 16 lanes. */
const length = 4096;

const local = (name: string): string => `(local.get $${name})`;
const next = (name: string, by: string | number): string => set(name, add(name, by));
const load = (at: string, offset = 0): string => `(v128.load align=4 offset=${offset} ${local(at)})`;
const upper = (v: string): string => shuffle(v, v, [2, 3, 2, 3]);
const promote = (v: string): string => `(f64x2.promote_low_f32x4 ${v})`;
const eight = (n: string): string => `(i32.shl ${local(n)} (i32.const 3))`;

/** Up to \`count\` vectors of a block's columns from j on: down its rows in registers, then into the totals. */
const panel = (name: Reduction, identity: string, count: number): string => {
  const all = Array.from({ length: count }, (_, i) => i);
  const total = (offset: number, half: string) =>
    `(v128.store align=8 offset=${offset} ${local("q")} (f64x2.${name} (v128.load align=8 offset=${offset} ${local("q")}) ${promote(half)}))`;
  return `
    ${set("p", add("x", mul("r0", "stride"), floats("j")))} ${set("q", add("totals", eight("j")))}
    ${each(all, (i) => `(local.set $v${i} (f32x4.splat (f32.const ${identity})))`)}
    ${loop("r", "r0", "end", 1, `${each(all, (i) => `(local.set $v${i} (f32x4.${name} ${local(`v${i}`)} ${load("p", 16 * i)}))`)} ${next("p", "stride")}`)}
    ${each(all, (i) => `${total(32 * i, local(`v${i}`))} ${total(32 * i + 16, upper(local(`v${i}`)))}`)}`;
};

/** Adds \`rows\` rows, which lie \`stride\` bytes apart, to the totals of their columns. */
const accumulate = (name: Reduction, identity: string): string => `
  (func $accumulate_${name} ${params("x rows stride columns block totals")} ${locals("r0 r end j p q")}
    ${each([0, 1, 2, 3, 4, 5, 6, 7], (i) => `(local $v${i} v128)`)} (local $v f32)
    ${loop(
      "r0",
      0,
      "rows",
      "block",
      `${set("end", min(add("r0", "block"), "rows"))}
      ${loop("j", 0, sub("columns", 31), 32, panel(name, identity, 8))}
      ${loop("j", "j", sub("columns", 3), 4, panel(name, identity, 1))}
      ${loop(
        "j",
        "j",
        "columns",
        1,
        `${set("p", add("x", mul("r0", "stride"), floats("j")))} ${set("q", add("totals", eight("j")))}
        (local.set $v (f32.const ${identity}))
        ${loop("r", "r0", "end", 1, `(local.set $v (f32.${name} ${local("v")} (f32.load ${local("p")}))) ${next("p", "stride")}`)}
        (f64.store ${local("q")} (f64.${name} (f64.load ${local("q")}) (f64.promote_f32 ${local("v")})))`,
      )}`,
    )})`;

/**
 * Rows of \`inner\` values, of which the first \`columns\` are taken. \`fold\` rows are taken for one as long as they go, so that narrow ones fill vectors.
 */
const columns = (name: Reduction, identity: string): string => `
  (func $reduce_columns_${name} (export "reduce_columns_${name}")
    ${params("x to outer rows inner columns fold block totals")} (param $scale f64) ${locals("o j k q folded wide")} (local $sum f64)
    ${set("folded", `(i32.div_u ${local("rows")} ${local("fold")})`)} ${set("wide", mul("columns", "fold"))}
    ${loop(
      "o",
      0,
      "outer",
      1,
      `${loop("j", 0, "wide", 1, `(f64.store ${add("totals", eight("j"))} (f64.const ${identity}))`)}
      ${call(`accumulate_${name}`, "x", "folded", floats(mul("inner", "fold")), "wide", "block", "totals")}
      ${next("x", floats(mul("folded", "fold", "inner")))} ${set("k", sub("rows", mul("folded", "fold")))}
      ${call(`accumulate_${name}`, "x", "k", floats("inner"), "columns", "block", "totals")}
      ${next("x", floats(mul("k", "inner")))}
      ${loop(
        "j",
        0,
        "columns",
        1,
        `${set("q", add("totals", eight("j")))} (local.set $sum (f64.const ${identity}))
        ${loop("k", 0, "fold", 1, `(local.set $sum (f64.${name} ${local("sum")} (f64.load ${local("q")}))) ${next("q", eight("columns"))}`)}
        (f32.store ${add("to", floats("j"))} (f32.demote_f64 (f64.mul ${local("sum")} ${local("scale")})))`,
      )}
      ${next("to", floats("inner"))}`,
    )})`;

/** n rows of \`width\` values, each to one. */
const rows = (name: Reduction, identity: string): string => {
  const four = [0, 1, 2, 3];
  const lane = (i: number) => `(f64x2.extract_lane ${i} (local.get $d))`;
  const meet = (v: string) => `(local.set $sum (f64.${name} ${local("sum")} ${v}))`;
  return `
  (func $reduce_rows_${name} (export "reduce_rows_${name}") ${params("x to n width")} (param $scale f64) ${locals("i j end")}
    ${each(four, (i) => `(local $v${i} v128)`)} (local $d v128) (local $sum f64)
    ${loop(
      "i",
      0,
      "n",
      1,
      `(local.set $sum (f64.const ${identity})) ${set("j", 0)}
      ${loop(
        "j",
        "j",
        sub("width", 15),
        0,
        `${set("end", min(add("j", length), sub("width", 15)))}
        ${each(four, (k) => `(local.set $v${k} (f32x4.splat (f32.const ${identity})))`)}
        ${loop("j", "j", "end", 16, `${each(four, (k) => `(local.set $v${k} (f32x4.${name} ${local(`v${k}`)} ${load("x", 16 * k)}))`)} ${next("x", 64)}`)}
        (local.set $v0 (f32x4.${name} (f32x4.${name} ${local("v0")} ${local("v1")}) (f32x4.${name} ${local("v2")} ${local("v3")})))
        (local.set $d (f64x2.${name} ${promote(local("v0"))} ${promote(upper(local("v0")))}))
        ${meet(`(f64.${name} ${lane(0)} ${lane(1)})`)}`,
      )}
      ${loop("j", "j", "width", 1, `${meet(`(f64.promote_f32 (f32.load ${local("x")}))`)} ${next("x", 4)}`)}
      (f32.store ${add("to", floats("i"))} (f32.demote_f64 (f64.mul ${local("sum")} ${local("scale")})))`,
    )})`;
};

export const reduceText: string = Object.entries(operations)
  .flatMap(([name, identity]) => [accumulate, columns, rows].map((text) => text(name as Reduction, identity)))
  .join("\n");
