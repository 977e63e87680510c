/**
 * The WASM column of the table of operations: what each one is on four float32 numbers at a time.
 *
 * A comparison gives a mask, all bits of a lane set where it is true; `select` takes one. What WASM has no instruction for is computed lane by lane
 * in float64 by JavaScript's own functions, which V8 calls directly where WASM imports them.
 */
import type { OperationName } from "@hypergrad/core/executors";

type Instruction = (...operands: string[]) => string;

/** The same number in all four lanes. */
const splat = (value: number): string => `(v128.const f32x4 ${value} ${value} ${value} ${value})`;

/** The operations whose result is a mask. */
export const comparisons: readonly OperationName[] = ["greater", "greaterEqual", "less", "lessEqual", "equal"];

// biome-ignore format: a table, one row per operation
/** The instruction of every operation, given those of its operands, which may be repeated. */
export const simd: Readonly<Record<OperationName, Instruction>> = {
  add: (a, b) => `(f32x4.add ${a} ${b})`,
  sub: (a, b) => `(f32x4.sub ${a} ${b})`,
  mul: (a, b) => `(f32x4.mul ${a} ${b})`,
  div: (a, b) => `(f32x4.div ${a} ${b})`,
  pow: (a, b) => `(call $pow4 ${a} ${b})`,
  minimum: (a, b) => `(f32x4.min ${a} ${b})`,
  maximum: (a, b) => `(f32x4.max ${a} ${b})`,

  neg: (a) => `(f32x4.neg ${a})`,
  abs: (a) => `(f32x4.abs ${a})`,
  // Of NaN, NaN.
  sign: (a) => `(v128.bitselect ${a} (f32x4.sub (v128.and (f32x4.gt ${a} ${splat(0)}) ${splat(1)}) (v128.and (f32x4.lt ${a} ${splat(0)}) ${splat(1)})) (f32x4.ne ${a} ${a}))`,
  floor: (a) => `(f32x4.floor ${a})`,
  square: (a) => `(f32x4.mul ${a} ${a})`,
  sqrt: (a) => `(f32x4.sqrt ${a})`,
  rsqrt: (a) => `(f32x4.div ${splat(1)} (f32x4.sqrt ${a}))`,
  exp: (a) => `(call $exp4 ${a})`,
  log: (a) => `(call $log4 ${a})`,
  tanh: (a) => `(call $tanh4 ${a})`,
  sigmoid: (a) => `(f32x4.div ${splat(1)} (f32x4.add ${splat(1)} (call $exp4 (f32x4.neg ${a}))))`,

  greater: (a, b) => `(f32x4.gt ${a} ${b})`,
  greaterEqual: (a, b) => `(f32x4.ge ${a} ${b})`,
  less: (a, b) => `(f32x4.lt ${a} ${b})`,
  lessEqual: (a, b) => `(f32x4.le ${a} ${b})`,
  equal: (a, b) => `(f32x4.eq ${a} ${b})`,

  stopGradient: (a) => a,
  straightThrough: (a) => a,

  select: (mask, a, b) => `(v128.bitselect ${a} ${b} ${mask})`,
};

/** The functions of JavaScript's Math that kernels import, with the number of their operands. */
const imported = { exp: 1, log: 1, tanh: 1, pow: 2 } as const;

/** What a kernel with this body must import, and the functions on four lanes that it calls. */
export function mathOf(body: string): { imports: string; functions: string } {
  const used = Object.entries(imported).filter(([name]) => body.includes(`(call $${name}4 `));
  const operands = (arity: number): string[] => ["$a", "$b"].slice(0, arity);
  const lane = (name: string, arity: number, i: number): string =>
    `(f32.demote_f64 (call $${name} ${operands(arity)
      .map((x) => `(f64.promote_f32 (f32x4.extract_lane ${i} (local.get ${x})))`)
      .join(" ")}))`;
  return {
    imports: used
      .map(([name, arity]) => `(import "Math" "${name}" (func $${name} ${"(param f64) ".repeat(arity)}(result f64)))`)
      .join("\n"),
    functions: used
      .map(([name, arity]) => {
        const lanes = [1, 2, 3].reduce(
          (vector, i) => `(f32x4.replace_lane ${i} ${vector} ${lane(name, arity, i)})`,
          `(f32x4.splat ${lane(name, arity, 0)})`,
        );
        const parameters = operands(arity).map((x) => `(param ${x} v128)`);
        return `(func $${name}4 ${parameters.join(" ")} (result v128) ${lanes})`;
      })
      .join("\n"),
  };
}
