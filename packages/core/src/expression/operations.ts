/**
 * The table of operations: one row each, with its value in float64, its partial derivatives and its tfjs lowering.
 *
 * A partial derivative is written on expressions, of the operands (a, b) and of the result (y); `null` marks an operand that
 * nothing is differentiated through. Where the mathematics has no derivative, the table decides:
 *
 *   sqrt at 0        0         (so that Adam's √v̂ has a derivative where a gradient was always zero)
 *   rsqrt at 0       0
 *   abs, sign at 0   0
 *   floor            0 everywhere
 *   log at 0         0
 *   pow at 0         ∂/∂a is 0 where b = 0; ∂/∂b is 0 where a ≤ 0
 *   minimum, maximum at a tie: the first operand's
 *   x / 0            0         (the value itself is what IEEE 754 says)
 *   select           that of the operand selected
 */
import * as tf from "@tensorflow/tfjs-core";
import { div, type Expr, type Operand, select, sub } from "./expression.js";
import type { BinaryName, Condition, UnaryName } from "./node.js";
import { power } from "./power.js";

type Partial1 = (a: Expr, y: Expr) => Operand;
type Partial2 = (a: Expr, b: Expr, y: Expr) => Operand;
type T = tf.Tensor;

/** A row of the table for one operand. */
interface Unary {
  readonly operands: 1;
  readonly value: (a: number) => number;
  readonly partials: readonly [Partial1 | null];
  readonly tfjs: (a: T) => T;
}

/** A row for two operands. */
interface Binary {
  readonly operands: 2;
  readonly value: (a: number, b: number) => number;
  readonly partials: readonly [Partial2 | null, Partial2 | null];
  readonly tfjs: (a: T, b: T) => T;
}

/** A row for `select`: condition, yes, no. */
interface Ternary {
  readonly operands: 3;
  readonly value: (c: number, a: number, b: number) => number;
  readonly tfjs: (c: T, a: T, b: T) => T;
}

function unary(value: Unary["value"], partial: Partial1 | null, tfjs: Unary["tfjs"]): Unary {
  return { operands: 1, value, partials: [partial], tfjs };
}

function binary(value: Binary["value"], a: Partial2 | null, b: Partial2 | null, tfjs: Binary["tfjs"]): Binary {
  return { operands: 2, value, partials: [a, b], tfjs };
}

/** `yes` where a > 0, else 0. */
const wherePositive = (a: Expr, yes: Operand): Expr => select(a.greater(0) as Condition, yes, 0);

/** a / b, and 0 where b is 0. (A `select` keeps nothing of the operand that it does not select, not even a NaN.) */
const divOrZero = (a: Operand, b: Expr): Expr => select(b.equal(0) as Condition, 0, div(a, b));

const bool = (truth: boolean): number => (truth ? 1 : 0);

const first = (a: number, _b: number): number => a;

/** tf.sign, but for the WASM backend's own, which takes everything below 10⁻⁷ for 0. */
const sign = (a: T): T => tf.sub(tf.cast(tf.greater(a, 0), "float32"), tf.cast(tf.less(a, 0), "float32"));

/** All operations, by name. */
// biome-ignore format: a table, one row per operation
export const operations: Readonly<Record<UnaryName, Unary> & Record<BinaryName, Binary> & Record<"select", Ternary>> = {
  // name                 float64                           ∂/∂a                                  ∂/∂b                               tfjs
  add: binary((a, b) => a + b, () => 1, () => 1, tf.add),
  sub: binary((a, b) => a - b, () => 1, () => -1, tf.sub),
  mul: binary((a, b) => a * b, (_a, b) => b, (a) => a, tf.mul),
  div: binary((a, b) => a / b, (_a, b) => divOrZero(1, b), (_a, b, y) => divOrZero(y, b).neg(), tf.div),
  pow: binary(power, (a, b) => select(b.equal(0), 0, b.mul(a.pow(b.sub(1)))), (a, _b, y) => wherePositive(a, y.mul(a.log())), tf.pow),
  minimum: binary((a, b) => Math.min(a, b), (a, b) => select(a.lessEqual(b), 1, 0), (a, b) => select(a.lessEqual(b), 0, 1), tf.minimum),
  maximum: binary((a, b) => Math.max(a, b), (a, b) => select(a.greaterEqual(b), 1, 0), (a, b) => select(a.greaterEqual(b), 0, 1), tf.maximum),

  neg: unary((a) => -a, () => -1, tf.neg),
  abs: unary(Math.abs, (a) => a.sign(), tf.abs),
  sign: unary(Math.sign, null, sign),
  floor: unary(Math.floor, null, tf.floor),
  square: unary((a) => a * a, (a) => a.mul(2), tf.square),
  sqrt: unary(Math.sqrt, (_a, y) => divOrZero(0.5, y), tf.sqrt),
  rsqrt: unary((a) => 1 / Math.sqrt(a), (a, y) => wherePositive(a, divOrZero(y.mul(-0.5), a)), tf.rsqrt),
  exp: unary(Math.exp, (_a, y) => y, tf.exp),
  log: unary(Math.log, (a) => divOrZero(1, a), tf.log),
  tanh: unary(Math.tanh, (_a, y) => sub(1, y.square()), tf.tanh),
  sigmoid: unary((a) => 1 / (1 + Math.exp(-a)), (_a, y) => y.mul(sub(1, y)), tf.sigmoid),

  // Comparisons: 1 where true; nothing is differentiated through them.
  greater: binary((a, b) => bool(a > b), null, null, tf.greater),
  greaterEqual: binary((a, b) => bool(a >= b), null, null, tf.greaterEqual),
  less: binary((a, b) => bool(a < b), null, null, tf.less),
  lessEqual: binary((a, b) => bool(a <= b), null, null, tf.lessEqual),
  equal: binary((a, b) => bool(a === b), null, null, tf.equal),

  // Control over what is differentiated; program.ts removes both once the derivative is taken.
  stopGradient: unary((a) => a, null, (a) => a),
  straightThrough: binary(first, null, () => 1, (a) => a),

  select: { operands: 3, value: (c: number, a: number, b: number) => (c !== 0 ? a : b), tfjs: (c: T, a: T, b: T) => tf.where(c, a, b) },
};
