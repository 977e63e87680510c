/** The gradient of softmax, row by row, as WebAssembly text: a row stays in the cache between the two passes over it. Sums are float64. */
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

/** (dy − ⟨dy, y⟩) · y, in each row. */
export const softmaxText: string = `
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
