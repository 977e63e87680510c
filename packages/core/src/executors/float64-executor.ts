/**
 * The float64 executor: programs on plain JavaScript numbers.
 *
 * It is the oracle that the other executors are tested against, and it runs every level of a tower whose hyperparameters are single
 * numbers. It is written to be obviously right: one loop per operation, broadcasting by an index map.
 */

import type { Grain } from "../expression/grain.js";
import { type Layout, sameShape, shapeOf, sizeOf } from "../expression/layout.js";
import type { OperationName } from "../expression/node.js";
import { operations } from "../expression/operations.js";
import type { Program } from "../expression/program.js";
import { type Arithmetic, type Executor, evaluate, type Numbers, type Value } from "./executor.js";

/** An array of the float64 executor. */
export interface Array64 {
  /** Its shape. */
  readonly shape: readonly number[];
  /** Row-major. */
  readonly values: Float64Array;
}

/** element index → channel index, for every layout that was asked for. */
const channelIndices = new WeakMap<Layout, Int32Array>();

function channelIndexOf(layout: Layout): Int32Array {
  let index = channelIndices.get(layout);
  if (!index) {
    index = new Int32Array(layout.size);
    for (let i = 0; i < layout.size; i++) {
      let channel = 0;
      let stride = 1;
      let rest = i;
      for (let axis = layout.shape.length - 1; axis >= 0; axis--) {
        const size = layout.shape[axis] as number;
        if (!layout.reduced.includes(axis)) {
          channel += (rest % size) * stride;
          stride *= size;
        }
        rest = Math.floor(rest / size);
      }
      index[i] = channel;
    }
    channelIndices.set(layout, index);
  }
  return index;
}

/** Where in an array of shape `from` the value for flat index i of shape `to` stands; `from` has a size of 1 wherever they differ. */
function broadcastIndex(i: number, to: readonly number[], from: readonly number[]): number {
  let index = 0;
  let stride = 1;
  let rest = i;
  for (let axis = to.length - 1; axis >= 0; axis--) {
    const size = to[axis] as number;
    const size0 = from[axis - to.length + from.length] ?? 1;
    if (size0 !== 1) index += (rest % size) * stride;
    stride *= size0;
    rest = Math.floor(rest / size);
  }
  return index;
}

/** What a value is at an index. */
type Reader = (i: number) => number;

/** A reader of `value` at every index of an array of grain `grain`. */
function reader(value: Value<Array64>, grain: Grain, layout: Layout): Reader {
  if (typeof value === "number") return () => value;
  const { values, shape } = value;
  if (values.length === 1) return () => values[0] as number;
  if (sameShape(shape, shapeOf(layout, grain))) return (i) => values[i] as number;
  const channel = channelIndexOf(layout);
  return (i) => values[channel[i] as number] as number;
}

/** Σ with Kahan's compensation: a long sum keeps the precision of its terms. */
function compensatedSum(n: number, term: (i: number) => number): number {
  let total = 0;
  let lost = 0;
  for (let i = 0; i < n; i++) {
    const y = term(i) - lost;
    const next = total + y;
    lost = next - total - y;
    total = next;
  }
  return total;
}

function reduce(
  op: "reduceSum" | "reduceMax",
  value: Value<Array64>,
  from: Grain,
  to: Grain,
  layout: Layout,
): Value<Array64> {
  const read = reader(value, from, layout);
  const n = sizeOf(shapeOf(layout, from));
  if (to === "channel" && layout.channels !== 1) {
    const channel = channelIndexOf(layout);
    const values = new Float64Array(layout.channels).fill(op === "reduceSum" ? 0 : Number.NEGATIVE_INFINITY);
    for (let i = 0; i < n; i++) {
      const c = channel[i] as number;
      const x = read(i);
      values[c] = op === "reduceSum" ? (values[c] as number) + x : Math.max(values[c] as number, x);
    }
    return { shape: layout.channelShape, values };
  }
  if (op === "reduceSum") return compensatedSum(n, read);
  let largest = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < n; i++) largest = Math.max(largest, read(i));
  return largest;
}

function apply(op: OperationName, operands: readonly Value<Array64>[], grain: Grain, layout: Layout): Value<Array64> {
  const shape = shapeOf(layout, grain);
  const values = new Float64Array(sizeOf(shape));
  const [a, b, c] = operands.map((x) => reader(x, grain, layout)) as [Reader, Reader?, Reader?];
  const f = operations[op].value as (...xs: number[]) => number;
  // One loop for each number of operands: a list of them made for every element would take most of the time.
  if (b === undefined) for (let i = 0; i < values.length; i++) values[i] = f(a(i));
  else if (c === undefined) for (let i = 0; i < values.length; i++) values[i] = f(a(i), b(i));
  else for (let i = 0; i < values.length; i++) values[i] = f(a(i), b(i), c(i));
  return { shape, values };
}

/** How the float64 executor computes on arrays. */
export const arithmetic64: Arithmetic<Array64> = { apply, reduce };

/** The float64 executor. */
export const float64Executor: Executor<Array64> = {
  name: "float64",
  run(program: Program, inputs, layout) {
    const results: Value<Array64>[] = [];
    for (const instruction of program.instructions) {
      results.push(evaluate(instruction, results, inputs, layout, arithmetic64));
    }
    const outputs: Record<string, Value<Array64>> = {};
    for (const [name, index] of program.outputs) outputs[name] = results[index] as Value<Array64>;
    return outputs;
  },
  load: ({ shape, values }: Numbers) => ({ shape: [...shape], values: Float64Array.from(values) }),
  spread(value, shape) {
    if (typeof value === "number") return { shape, values: new Float64Array(sizeOf(shape)).fill(value) };
    if (sameShape(value.shape, shape)) return value;
    const values = new Float64Array(sizeOf(shape));
    for (let i = 0; i < values.length; i++) values[i] = value.values[broadcastIndex(i, shape, value.shape)] as number;
    return { shape, values };
  },
  shapeOf: ({ shape }) => shape,
  store: async ({ shape, values }) => ({ dtype: "float64", shape, values: values.slice() }),
  release: () => {},
};
