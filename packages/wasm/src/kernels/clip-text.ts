/** Values between two bounds, as WebAssembly text. NaN stays what it is: the "pseudo" minimum and maximum keep their first operand unless the second is less or more. */
import { add, floats, locals, loop, params, sub } from "./wat.js";

const bounded = (load: string, type: "f32x4" | "f32"): string => {
  if (type === "f32x4") {
    const splat = (bound: string) => `(f32x4.splat (local.get $${bound}))`;
    return `(f32x4.pmin (f32x4.pmax ${load} ${splat("least")}) ${splat("most")})`;
  }
  return `(local.set $v ${load})
    (local.set $v (select (local.get $least) (local.get $v) (f32.lt (local.get $v) (local.get $least))))
    (local.set $v (select (local.get $most) (local.get $v) (f32.gt (local.get $v) (local.get $most))))`;
};

const from = add("x", floats("i"));
const into = add("to", floats("i"));

/** n values. */
export const clipText: string = `
  (func $clip (export "clip") ${params("x to n")} (param $least f32) (param $most f32) ${locals("i")} (local $v f32)
    ${loop("i", 0, sub("n", 3), 4, `(v128.store align=4 ${into} ${bounded(`(v128.load align=4 ${from})`, "f32x4")})`)}
    ${loop("i", "i", "n", 1, `${bounded(`(f32.load ${from})`, "f32")} (f32.store ${into} (local.get $v))`)})`;
