/**
 * The tfjs executor: programs as tfjs-core operations, on whichever backend is active.
 *
 * Where reading a number back is cheap (the cpu and wasm backends) every reduction to one value per tensor becomes a plain number, so
 * that all that follows from it is computed in float64 by JavaScript. Where a read would stall a GPU, or is impossible
 * (webgpu), such values stay on the device as float32 scalars and a step reads nothing.
 */
import * as tf from "@tensorflow/tfjs-core";
import type { Grain } from "../expression/grain.js";
import { countOf, type Layout, sameShape, shapeOf, sizeOf } from "../expression/layout.js";
import type { OperationName } from "../expression/node.js";
import { operations } from "../expression/operations.js";
import type { Instruction, Program } from "../expression/program.js";
import { type Arithmetic, type Executor, evaluate, type Numbers, type Value } from "./executor.js";

/** Where values that cover a whole tensor live: as plain float64 numbers, or on the device. */
export type Scalars = "host" | "device";

/** Terms that one float32 accumulator adds up before the partial sums are added by another: at most this many. */
const BLOCK = 1024;

/** The largest block length that divides n, from BLOCK/4 on; BLOCK where none does. */
function blockLength(n: number): number {
  for (let length = BLOCK; length >= BLOCK / 4; length--) if (n % length === 0) return length;
  return BLOCK;
}

/**
 * Partial sums along axis 1, of at most BLOCK terms each, so that 10⁷ terms keep float32's precision: the wasm backend adds up one term
 * after the other.
 */
function partialSums(x: tf.Tensor): tf.Tensor {
  const [before, n, ...after] = x.shape as [number, number, ...number[]];
  if (n < 2 * BLOCK) return tf.sum(x, 1, true);
  const length = blockLength(n);
  const rows = Math.floor(n / length);
  const whole = rows * length;
  const start = (row: number): number[] => [0, row, ...after.map(() => 0)];
  const blocks = whole === n ? x : tf.slice(x, start(0), [before, whole, ...after]);
  const sums = tf.sum(tf.reshape(blocks, [before, rows, length, ...after]), 2);
  return whole === n ? sums : tf.concat([sums, tf.sum(tf.slice(x, start(whole)), 1, true)], 1);
}

function sumAll(x: tf.Tensor, scalars: Scalars): Value<tf.Tensor> {
  let sums = partialSums(tf.reshape(x, [1, x.size]));
  if (scalars === "host") return sums.dataSync<"float32">().reduce((a, b) => a + b, 0);
  while (sums.size > 1) sums = partialSums(sums);
  return tf.reshape(sums, []);
}

function sumChannels(x: tf.Tensor, { shape, reduced, size, channels, channelShape }: Layout): tf.Tensor {
  if (size < 2 * BLOCK * channels) return tf.sum(x, [...reduced], true);
  let sums = x;
  const sizes = [...shape];
  // Neighbouring axes are summed as one.
  for (let last = shape.length - 1; last >= 0; last--) {
    if (!reduced.includes(last)) continue;
    let first = last;
    while (reduced.includes(first - 1)) first--;
    const n = sizeOf(sizes.slice(first, last + 1));
    const after = sizeOf(sizes.slice(last + 1));
    sums = tf.reshape(sums, [sizeOf(sizes.slice(0, first)), n, ...(after === 1 ? [] : [after])]);
    while ((sums.shape[1] as number) > 1) sums = partialSums(sums);
    sizes.fill(1, first, last + 1);
    last = first;
  }
  return tf.reshape(sums, [...channelShape]);
}

function maxAll(x: tf.Tensor, scalars: Scalars): Value<tf.Tensor> {
  const largest = tf.max(x);
  return scalars === "host" ? (largest.dataSync<"float32">()[0] as number) : largest;
}

function spread(value: Value<tf.Tensor>, shape: readonly number[]): tf.Tensor {
  if (typeof value === "number") return tf.fill([...shape], value);
  if (sameShape(value.shape, shape)) return value;
  if (sizeOf(shape) === 0) return tf.zeros([...shape]);
  if (value.size !== 1) return tf.broadcastTo(value, [...shape]);
  return tf.add(tf.zeros([...shape]), tf.reshape(value, []));
}

function reduce(
  op: "reduceSum" | "reduceMax",
  value: Value<tf.Tensor>,
  from: Grain,
  to: Grain,
  layout: Layout,
  scalars: Scalars,
) {
  // Of nothing; the kernels of the wasm backend read what lies behind an empty tensor.
  if (sizeOf(shapeOf(layout, from)) === 0) return op === "reduceSum" ? 0 : Number.NEGATIVE_INFINITY;
  if (typeof value === "number") return op === "reduceSum" ? value * countOf(layout, from, to) : value;
  const x = spread(value, shapeOf(layout, from));
  if (to === "tensor" || layout.channels === 1) {
    const all = op === "reduceSum" ? sumAll(x, scalars) : maxAll(x, scalars);
    return typeof all === "number" || to === "tensor" ? all : tf.reshape(all, [...layout.channelShape]);
  }
  if (layout.reduced.length === 0) return x.clone();
  return op === "reduceSum" ? sumChannels(x, layout) : tf.max(x, [...layout.reduced], true);
}

function apply(op: OperationName, operands: readonly Value<tf.Tensor>[]): Value<tf.Tensor> {
  const [condition, yes, no] = operands;
  if (op === "select" && typeof condition === "number") {
    const chosen = (condition !== 0 ? yes : no) as Value<tf.Tensor>;
    return typeof chosen === "number" ? chosen : chosen.clone();
  }
  // Nothing to compute. tf.broadcastTo leaves [1, 3] as it is where [0, 3] was asked for, and the wasm kernels then write past the end.
  const shapes = operands.flatMap((x) => (typeof x === "number" ? [] : [x.shape]));
  if (shapes.some((shape) => sizeOf(shape) === 0)) {
    return tf.zeros(shapes.reduce((a, b) => tf.broadcast_util.assertAndGetBroadcastShape(a, b)));
  }
  return (operations[op].tfjs as (...xs: readonly Value<tf.Tensor>[]) => tf.Tensor)(...operands);
}

/** The outputs of a program, each a tensor of its own, to be freed by itself: also one that is an input, and two that are one expression. */
function outputsOf(
  program: Program,
  results: readonly Value<tf.Tensor>[],
  given: ReadonlySet<Value<tf.Tensor>>,
): Record<string, Value<tf.Tensor>> {
  const outputs: Record<string, Value<tf.Tensor>> = {};
  const taken = new Set<tf.Tensor>();
  for (const [name, index] of program.outputs) {
    let value = results[index] as Value<tf.Tensor>;
    if (typeof value !== "number") {
      if (given.has(value) || taken.has(value)) value = value.clone();
      taken.add(value);
    }
    outputs[name] = value;
  }
  // Kept only when nothing can be thrown any more: a clone may take memory.
  for (const value of taken) tf.keep(value);
  return outputs;
}

/**
 * The tfjs executor.
 *
 * @param scalars Where values that cover a whole tensor live, asked at every run, as the backend can change: "host" reads every reduction back at once,
 *   "device" reads nothing.
 */
export function tfjsExecutor(scalars: () => Scalars): Executor<tf.Tensor> {
  return {
    name: "tfjs",
    run(program: Program, inputs, layout) {
      const engine = tf.engine();
      const results: Value<tf.Tensor>[] = [];
      const given = new Set(Object.values(inputs));
      const where = scalars();
      const arithmetic: Arithmetic<tf.Tensor> = {
        apply,
        reduce: (op, x, from, to) => reduce(op, x, from, to, layout, where),
      };
      engine.startScope("hypergrad");
      try {
        program.instructions.forEach((instruction, i) => {
          results.push(evaluate(instruction, results, inputs, layout, arithmetic));
          // Freed as soon as it has been read for the last time: otherwise a step would hold some forty temporaries at once.
          for (const operand of new Set(instruction.operands)) {
            const value = results[operand] as Value<tf.Tensor>;
            const last = (program.instructions[operand] as Instruction).lastUse === i;
            if (last && typeof value !== "number" && !given.has(value)) value.dispose();
          }
        });
        return outputsOf(program, results, given);
      } finally {
        engine.endScope();
      }
    },
    load: ({ shape, values }: Numbers) => tf.keep(tf.tensor(Float32Array.from(values), [...shape], "float32")),
    spread(value, shape) {
      const result = tf.tidy(() => spread(value, shape));
      return result === value ? result : tf.keep(result);
    },
    shapeOf: ({ shape }) => shape,
    store: async (array) => ({
      dtype: "float32",
      shape: array.shape,
      values: Float32Array.from(await array.data<"float32">()),
    }),
    release: (array) => array.dispose(),
  };
}
