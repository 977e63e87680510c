/**
 * Random expressions, the values of their inputs, and their evaluation one node at a time.
 */
import fc from "fast-check";
import type { Value } from "../../src/executors/executor.js";
import { type Array64, float64Executor } from "../../src/executors/float64-executor.js";
import {
  clamp,
  constant,
  count,
  div,
  type Expr,
  input,
  max,
  maximum,
  mean,
  minimum,
  pow,
  select,
  stopGradient,
  straightThrough,
  sub,
  sum,
} from "../../src/expression/expression.js";
import { finer, type Grain, grains } from "../../src/expression/grain.js";
import { type Layout, layoutOf, shapeOf, sizeOf } from "../../src/expression/layout.js";
import type { Node } from "../../src/expression/node.js";
import { type Form, noise, random } from "../../src/testing/index.js";

/** An input of every grain, named after it. */
export const leaves: readonly Expr[] = grains.map((grain) => input(grain, grain));

/** What combines two or three earlier expressions into one; every value stays in the domain of the operation. */
const combinations: Readonly<Record<string, (a: Expr, b: Expr, c: Expr, d: Expr) => Expr>> = {
  add: (a, b) => a.add(b),
  sub: (a, b) => a.sub(b),
  subFrom: (a) => sub(1, a),
  mul: (a, b) => a.mul(b),
  div: (a, b) => a.div(b.square().add(0.5)),
  divOf: (a) => div(1, a.abs().add(0.5)),
  quarter: (a) => a.div(4),
  power: (a, b) => a.abs().add(0.1).pow(b.tanh()),
  cube: (a) => a.tanh().pow(3),
  powerOf: (a) => pow(2, a.tanh()),
  neg: (a) => a.neg(),
  twice: (a) => a.neg().neg(),
  abs: (a) => a.abs(),
  sign: (a) => a.sign(),
  floor: (a) => a.mul(3).floor(),
  square: (a) => a.tanh().square(),
  sqrt: (a) => a.abs().sqrt(),
  rsqrt: (a) => a.abs().add(0.1).rsqrt(),
  exp: (a) => a.tanh().exp(),
  log: (a) => a.abs().add(0.1).log(),
  tanh: (a) => a.tanh(),
  sigmoid: (a) => a.sigmoid(),
  minimum: (a, b) => minimum(a, b),
  maximum: (a, b) => maximum(a, b),
  clamp: (a, b) => clamp(a, b.abs().neg(), b.abs()),
  greater: (a, b, c, d) => select(a.greater(b), c, d),
  greaterEqual: (a, b, c, d) => select(a.greaterEqual(b), c, d),
  less: (a, b, c, d) => select(a.less(b), c, d),
  lessEqual: (a, b, c, d) => select(a.lessEqual(b), c, d),
  equal: (a, b, c, d) => select(a.equal(b), c, d),
  sumPerChannel: (a) => (finer(a.grain, "channel") ? sum(a, "channel") : a),
  sumPerTensor: (a) => (finer(a.grain, "tensor") ? sum(a, "tensor") : a),
  meanPerChannel: (a) => (finer(a.grain, "channel") ? mean(a, "channel") : a),
  meanPerTensor: (a) => (finer(a.grain, "tensor") ? mean(a, "tensor") : a),
  maxPerChannel: (a) => (finer(a.grain, "channel") ? max(a, "channel") : a),
  maxPerTensor: (a) => (finer(a.grain, "tensor") ? max(a, "tensor") : a),
  count: (a) => count("element", "channel").mul(a.tanh()),
  // The same operands in both orders: two expressions that must not be taken for one.
  difference: (a, b) => a.sub(b).sub(b.sub(a).mul(3)),
  ratio: (a, b) =>
    a
      .abs()
      .add(1)
      .div(b.abs().add(1))
      .add(b.abs().add(1).div(a.abs().add(1))),
  order: (a, b, c, d) => select(a.greater(b), c, 1).sub(select(b.greater(a), d, 2)),
};

/** What changes a derivative, but no value. */
const gates: typeof combinations = {
  stopGradient: (a) => stopGradient(a),
  straightThrough: (a, b) => straightThrough(a, b),
};

const numbers = [0, 1, -1, 2, 0.5].map(constant);

/** An expression; as a string, how it came about. */
export interface Built {
  readonly y: Expr;
}

/** Expressions of up to `size` combinations of inputs, numbers and each other: a graph in which much is shared. */
export function expressions(size: number, { gated = false }: { gated?: boolean } = {}): fc.Arbitrary<Built> {
  const among = gated ? { ...combinations, ...gates } : combinations;
  const pick = fc.nat({ max: 2 ** 20 });
  // What rules are mostly made of comes most often.
  const names = Object.keys(among);
  const frequent = names.filter((name) => /^(add|sub|mul|sum|mean)/.test(name));
  const operation = fc.constantFrom(...names, ...frequent, ...frequent, ...frequent);
  const step = fc.tuple(operation, pick, pick, pick, pick);
  return fc.array(step, { minLength: 1, maxLength: size }).map((steps) => {
    const known: Expr[] = [...numbers, ...leaves];
    const names = [
      ...numbers.map(({ kind }) => String((kind as { value: number }).value)),
      ...leaves.map(({ kind }) => (kind as { name: string }).name),
      ...steps.map((_, i) => `#${i}`),
    ];
    const lines: string[] = [];
    for (const [name, ...picks] of steps) {
      // Half of the operands are among the last three that were made, so that the graph grows deep; a quarter are inputs.
      const first = numbers.length;
      const indices = picks.map((x) =>
        x % 2 ? known.length - 1 - (x % 3) : x % 4 ? first + (x % leaves.length) : x % known.length,
      );
      const [a, b, c, d] = indices.map((i) => known[i] as Expr) as [Expr, Expr, Expr, Expr];
      known.push((among[name] as (typeof combinations)[string])(a, b, c, d));
      lines.push(`#${lines.length} = ${name}(${indices.map((i) => names[i]).join(", ")})`);
    }
    return { y: known.at(-1) as Expr, toString: () => lines.join("; ") };
  });
}

/** Values of all inputs in a layout: numbers where one covers the tensor, arrays otherwise. */
export function inputsFor(layout: Layout, seed: number): Record<string, Value<Array64>> {
  return Object.fromEntries(
    leaves.map(({ kind, grain }, i) => {
      const shape = shapeOf(layout, grain);
      const values = Float64Array.from(noise(sizeOf(shape), random(seed, i)));
      const single = finer("channel", grain);
      return [(kind as { name: string }).name, single ? (values[0] as number) : { shape, values }];
    }),
  );
}

export const layoutFor = ({ shape, channelAxes }: Form): Layout => layoutOf(shape, channelAxes);

/** The value of a node, computed node by node as the graph stands: nothing is simplified, nothing shared but what is one node already. */
export function evaluate(
  root: Node,
  inputs: Readonly<Record<string, Value<Array64>>>,
  layout: Layout,
): { value: Value<Array64>; finite: boolean } {
  const values = new Map<Node, Value<Array64>>();
  let finite = true;
  function visit(node: Node): Value<Array64> {
    const known = values.get(node);
    if (known !== undefined) return known;
    const operands = node.operands.map(visit);
    const last = Number.POSITIVE_INFINITY;
    const instructions = [
      ...node.operands.map(({ grain }, i) => ({
        kind: { op: "input" as const, name: String(i) },
        operands: [],
        grain,
        lastUse: last,
      })),
      { kind: node.kind, operands: operands.map((_, i) => i), grain: node.grain, lastUse: last },
    ];
    const outputs = new Map([["y", operands.length]]);
    const given = node.kind.op === "input" ? inputs : Object.fromEntries(operands.entries());
    const value = float64Executor.run({ name: "one node", instructions, outputs }, given, layout).y as Value<Array64>;
    finite &&= typeof value === "number" ? Number.isFinite(value) : value.values.every(Number.isFinite);
    values.set(node, value);
    return value;
  }
  return { value: visit(root), finite };
}

/** A value as one number for each value of grain `grain`. */
export function spreadTo(value: Value<Array64>, grain: Grain, layout: Layout): Float64Array {
  const shape = shapeOf(layout, grain);
  return float64Executor.spread(value, shape).values;
}
