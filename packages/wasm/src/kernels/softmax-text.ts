/** Softmax and its gradient, row by row, as WebAssembly text: a row stays in the cache between the passes over it. Sums are float64. */
import { exp4 } from "./math-text.js";
import { add, floats, locals, loop, params, set, shuffle, sub } from "./wat.js";

const local = (name: string): string => `(local.get $${name})`;
const at = (name: string): string => add(name, floats("j"));
const load = (name: string): string => `(v128.load align=4 ${at(name)})`;
const vectors = (body: string): string => loop("j", 0, sub("width", 3), 4, body);
/** What is left of a row after its vectors: up to three values. */
const rest = (body: string): string => loop("j", "j", "width", 1, body);
const sum = `(f64.add (f64x2.extract_lane 0 ${local("s")}) (f64x2.extract_lane 1 ${local("s")}))`;
const promote = (v: string): string => `(f64x2.promote_low_f32x4 ${v})`;
const v128 = (names: string): string => names.replace(/\w+/g, "(local $$$& v128)");

/** Adds the four numbers of v. */
const addUp = (v: string): string =>
  `(local.set $s (f64x2.add ${local("s")} (f64x2.add ${promote(local(v))} ${promote(shuffle(local(v), local(v), [2, 3, 2, 3]))})))`;

const larger = (x: string): string => `(local.set $m (f32x4.pmax ${local("m")} ${x}))`;
const across = (lanes: readonly number[]): string => larger(shuffle(local("m"), local("m"), lanes));

/** v to its exponential, less the largest of the row. */
const exponential = (x: string): string => `(local.set $v (f32x4.sub ${x} ${local("m")})) ${exp4("v", "k", "p")}`;

/** \`overlap\`: where a row does not end with a vector, its last vector begins so many values before the end of the one before. */
const softmax = `
  (func $softmax (export "softmax") ${params("x to n width")} (param $overlap f32) ${locals("i j")} ${v128("m v k p s")} (local $scale f32)
    ${loop(
      "i",
      0,
      "n",
      1,
      `(local.set $m (v128.load32_splat ${local("x")}))
      ${vectors(larger(load("x")))} ${rest(larger(`(v128.load32_splat ${at("x")})`))}
      ${across([2, 3, 0, 1])} ${across([1, 0, 3, 2])}
      (local.set $s (v128.const i32x4 0 0 0 0))
      ${vectors(`${exponential(load("x"))} (v128.store align=4 ${at("to")} ${local("v")}) ${addUp("v")}`)}
      (if (i32.ge_s ${local("width")} (i32.const 4))
        (then (if (i32.lt_s ${local("j")} ${local("width")})
          (then
            ${set("j", sub("width", 4))}
            ${exponential(load("x"))} (v128.store align=4 ${at("to")} ${local("v")})
            (local.set $v (v128.and ${local("v")} (f32x4.ge (v128.const f32x4 0 1 2 3) (f32x4.splat ${local("overlap")}))))
            ${addUp("v")})))
        (else ${rest(`
          ${exponential(`(v128.load32_splat ${at("x")})`)} (f32.store ${at("to")} (f32x4.extract_lane 0 ${local("v")}))
          (local.set $v (v128.and ${local("v")} (v128.const i32x4 -1 0 0 0))) ${addUp("v")}`)}))
      (local.set $scale (f32.demote_f64 (f64.div (f64.const 1) ${sum})))
      (local.set $m (f32x4.splat ${local("scale")}))
      ${vectors(`(v128.store align=4 ${at("to")} (f32x4.mul ${load("to")} ${local("m")}))`)}
      ${rest(`(f32.store ${at("to")} (f32.mul (f32.load ${at("to")}) ${local("scale")}))`)}
      ${set("x", add("x", floats("width")))} ${set("to", add("to", floats("width")))}`,
    )})`;

/** (dy − ⟨dy, y⟩) · y, in each row. */
const gradient = `
  (func $softmax_gradient (export "softmax_gradient") ${params("dy y to n width")} ${locals("i j")} ${v128("v s")} (local $sum f64) (local $dot f32)
    ${loop(
      "i",
      0,
      "n",
      1,
      `(local.set $s (v128.const i32x4 0 0 0 0))
      ${vectors(`(local.set $v (f32x4.mul ${load("dy")} ${load("y")})) ${addUp("v")}`)}
      (local.set $sum ${sum})
      ${rest(`(local.set $sum (f64.add ${local("sum")} (f64.promote_f32 (f32.mul (f32.load ${at("dy")}) (f32.load ${at("y")})))))`)}
      (local.set $dot (f32.demote_f64 ${local("sum")}))
      ${vectors(`(v128.store align=4 ${at("to")} (f32x4.mul (f32x4.sub ${load("dy")} (f32x4.splat ${local("dot")})) ${load("y")}))`)}
      ${rest(`(f32.store ${at("to")} (f32.mul (f32.sub (f32.load ${at("dy")}) ${local("dot")}) (f32.load ${at("y")})))`)}
      ${["dy", "y", "to"].map((name) => set(name, add(name, floats("width")))).join(" ")}`,
    )})`;

export const softmaxText: string = softmax + gradient;
