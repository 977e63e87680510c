/**
 * Whatever the number of threads, every kernel that runs on several gives the same bits.
 */
import * as tf from "@tensorflow/tfjs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { setThreads, threads } from "../../src/index.js";

beforeAll(async () => {
  await setThreads(3);
  await tf.setBackend("wasm");
});
afterAll(() => setThreads(1));

/** Numbers in (−1, 1) from a seed. */
function noise(shape: number[], seed: number): tf.Tensor {
  let state = seed;
  const values = Float32Array.from({ length: tf.util.sizeFromShape(shape) }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    return state / 2 ** 31;
  });
  return tf.tensor(values, shape);
}

/** Large enough for several threads; sizes that no chunk divides. */
const kernels: Readonly<Record<string, () => tf.Tensor>> = {
  "a product, by its rows": () => tf.matMul(noise([611, 130], 1), noise([130, 203], 2)),
  "a product, by its columns": () => tf.matMul(noise([130, 203], 3), noise([611, 203], 4), false, true),
  "a product of both transposed": () => tf.matMul(noise([401, 515], 5), noise([307, 401], 6), true, true),
  "a product with a bias, by its columns": () =>
    tf.fused.matMul({
      a: noise([120, 300], 7) as tf.Tensor2D,
      b: noise([300, 500], 8) as tf.Tensor2D,
      bias: noise([500], 9),
      activation: "relu",
    }),
  "products of a batch": () => tf.matMul(noise([3, 2, 200, 170], 10), noise([2, 170, 190], 11)),
};

test.each(Object.entries(kernels))("%s", async (_, compute) => {
  const results: Buffer[] = [];
  for (const count of [1, 2, 3]) {
    await setThreads(count);
    expect(threads().count).toBe(count);
    const values = tf.tidy(() => compute().dataSync());
    results.push(Buffer.from(values.buffer));
  }
  const [one, two, three] = results;
  expect(one?.some((byte) => byte !== 0)).toBe(true);
  expect(one && two?.equals(one)).toBe(true);
  expect(one && three?.equals(one)).toBe(true);
});
