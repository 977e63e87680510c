/**
 * Many tensors, read at once: what an optimizer's hyperparameters are.
 */
import * as tf from "@tensorflow/tfjs-core";
import { layoutOf } from "../expression/layout.js";
import type { Level } from "../tower/level.js";
import { type Reading, readingsOf } from "../tower/readings.js";
import type { Hyperparameters } from "./hyper-options.js";

/** The contents of tensors, fetched in one read. */
async function readTogether(tensors: readonly tf.Tensor[]): Promise<Map<tf.Tensor, Float32Array>> {
  const result = new Map<tf.Tensor, Float32Array>();
  if (tensors.length === 0) return result;
  const joined = tf.tidy(() => tf.keep(tf.concat(tensors.map((tensor) => tf.reshape(tensor, [tensor.size])))));
  const data = await joined.data<"float32">();
  joined.dispose();
  let at = 0;
  for (const tensor of tensors) {
    result.set(tensor, data.slice(at, at + tensor.size));
    at += tensor.size;
  }
  return result;
}

/** Every hyperparameter of a level's variables, as they are at the moment of the call. */
export async function readHyperparameters(level: Level<tf.Tensor>): Promise<Hyperparameters> {
  const rows = [...level.cells.values()].map((cell) => [cell.name, [...readingsOf(level, cell)]] as const);
  const arrays = new Set<tf.Tensor>();
  for (const [, values] of rows) {
    for (const [, { value }] of values) if (typeof value !== "number") arrays.add(value);
  }
  const read = await readTogether([...arrays]);
  const plain = ({ value, shape }: Reading<tf.Tensor>): number | Float32Array => {
    const numbers = typeof value === "number" ? value : (read.get(value) as Float32Array);
    if (shape.length === 0) return typeof numbers === "number" ? numbers : (numbers[0] as number);
    return typeof numbers === "number" ? new Float32Array(layoutOf(shape).size).fill(numbers) : numbers;
  };
  return Object.fromEntries(
    rows.map(([name, values]) => [name, Object.fromEntries(values.map(([of, value]) => [of, plain(value)]))]),
  );
}
