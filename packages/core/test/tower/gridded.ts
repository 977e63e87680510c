import { type hyper, learned, linear, type Spec } from "@hypergrad/core";
import * as tf from "@tensorflow/tfjs";
import { averaged, descent, noise, valuesOf } from "../support.js";

export const shapes = { a: [2, 3], b: [3] } as const;

/** Gradients on a grid of powers of two: their means over two, four or eight are exact. */
export function gridded(seed: number): Record<string, tf.Tensor> {
  const grid = (shape: number[], of: number) =>
    tf.tensor(
      noise(
        shape.reduce((x, y) => x * y, 1),
        of,
      ).map((x) => Math.round(x * 256) / 256),
      shape,
    );
  return { a: grid([2, 3], 2 * seed), b: grid([3], 2 * seed + 1) };
}

/** A schedule, learned values of several grains, and a total. */
export const inner = (): Spec =>
  averaged({
    lr: learned(0.1, averaged({ lr: linear(0.01, { steps: 20 }) }), { per: "channel" }),
    decay: learned(0.5, descent({ lr: 0.01 }), { horizon: 2 }),
  });

export async function seenOf(optimizer: ReturnType<typeof hyper>, w: Record<string, tf.Variable>) {
  return { values: valuesOf(w), learnt: await optimizer.hyperparameters(), iterations: optimizer.iterations };
}
