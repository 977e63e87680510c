/**
 * The operations of chains: what each is on four numbers at a time, and what it costs.
 *
 * A boolean is a mask, all bits of a lane. All operands are locals or constants, so they may be repeated.
 */
import type { OperationName } from "@hypergrad/core/executors";
import { simd } from "../fused/simd.js";

type Own =
  | ("squaredDifference" | "reciprocal" | "relu" | "relu6" | "leakyRelu" | "step" | "clip" | "invert")
  | ("notEqual" | "and" | "or" | "not" | "number" | "copy" | "constant");

export type Operation = OperationName | Own;

type Instruction = (...operands: string[]) => string;

const splat = (value: number): string => `(v128.const f32x4 ${value} ${value} ${value} ${value})`;
const ZERO = splat(0);

// biome-ignore format: a table, one row per operation
const others: Readonly<Record<Own, Instruction>> = {
  squaredDifference: (a, b) => simd.square(simd.sub(a, b)),
  reciprocal: (a) => simd.div(splat(1), a),
  // Of NaN, NaN, as on the cpu backend.
  relu: (a) => simd.maximum(a, ZERO),
  relu6: (a) => simd.minimum(simd.maximum(a, ZERO), splat(6)),
  leakyRelu: (a, alpha) => simd.select(simd.less(a, ZERO), simd.mul(a, alpha), a),
  step: (a, alpha) => simd.select(simd.equal(a, a), simd.select(simd.greater(a, ZERO), splat(1), alpha), a),
  clip: (a, least, most) => `(f32x4.pmin (f32x4.pmax ${a} ${least}) ${most})`,
  /** 1 / √(a + ε) */
  invert: (a, epsilon) => simd.rsqrt(simd.add(a, epsilon)),

  notEqual: (a, b) => `(f32x4.ne ${a} ${b})`,
  and: (a, b) => `(v128.and ${a} ${b})`,
  or: (a, b) => `(v128.or ${a} ${b})`,
  not: (a) => `(v128.not ${a})`,
  /** A boolean as a number. */
  number: (a) => `(v128.and ${a} ${splat(1)})`,

  /** The operand itself, repeated. */
  copy: (a) => a,
  /** A constant. */
  constant: (a) => a,
};

export const instructions: Readonly<Record<Operation, Instruction>> = { ...simd, ...others };

/** What an operation costs beyond an addition; of those that are not here, nothing. */
const costs: Partial<Record<Operation, number>> = { div: 2, sqrt: 2, rsqrt: 4, reciprocal: 2, invert: 4 };

/** What an operation costs; an addition is 1. */
export const costOf = (operation: Operation): number => 1 + (costs[operation] ?? 0);
