/**
 * Whatever the number of threads, every kernel that runs on several gives the same bits.
 */
import * as tf from "@tensorflow/tfjs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { setPrecise, setThreads, threads } from "../../src/index.js";
import { noise } from "./noise.js";

beforeAll(async () => {
  await setThreads(3);
  await tf.setBackend("wasm");
});
afterAll(() => setThreads(1));

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
  ...convolutions(),
};

/** The result and both gradients of a convolution, all in one. */
function convolutions(): Record<string, () => tf.Tensor> {
  const image = [4, 21, 19, 24];
  const all = (f: (x: tf.Tensor4D, w: tf.Tensor4D) => tf.Tensor, kernel: number[]) => (): tf.Tensor => {
    const [x, w] = [noise(image, 1) as tf.Tensor4D, noise(kernel, 2) as tf.Tensor4D];
    const y = f(x, w);
    const [dx, dw] = tf.grads((x, w) => f(x as tf.Tensor4D, w as tf.Tensor4D))([x, w], noise(y.shape, 3)) as [
      tf.Tensor,
      tf.Tensor,
    ];
    return tf.concat([y, dx, dw].map((part) => part.flatten()));
  };
  return {
    "a convolution of 3×3": all((x, w) => tf.conv2d(x, w, 1, "same"), [3, 3, 24, 40]),
    "a convolution of 5×5 with strides": all((x, w) => tf.conv2d(x, w, 2, "valid"), [5, 5, 24, 36]),
    "a convolution of 1×1": all((x, w) => tf.conv2d(x, w, 1, "same"), [1, 1, 24, 70]),
    "a depthwise convolution": all((x, w) => tf.depthwiseConv2d(x, w, 1, "same"), [5, 5, 24, 1]),
    "a depthwise convolution with strides and two multipliers": all(
      (x, w) => tf.depthwiseConv2d(x, w, 2, "same"),
      [5, 5, 24, 2],
    ),
    "pooling of maxima": all((x, w) => tf.mul(tf.maxPool(x, 4, 1, "same"), tf.sum(w)), [1, 1, 1, 1]),
    "pooling of means": all((x, w) => tf.mul(tf.avgPool(x, 4, 1, "same"), tf.sum(w)), [1, 1, 1, 1]),
  };
}

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

test("a convolution by Winograd and its gradients", async () => {
  setPrecise(false);
  try {
    const compute = kernels["a convolution of 3×3"] as () => tf.Tensor;
    const results: Buffer[] = [];
    for (const count of [1, 3]) {
      await setThreads(count);
      results.push(Buffer.from(tf.tidy(() => compute().dataSync()).buffer));
    }
    expect(results[0] && results[1]?.equals(results[0])).toBe(true);
  } finally {
    setPrecise(true);
  }
});
