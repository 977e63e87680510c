/** 3 × 3 convolutions in Winograd's form: what they give, and how far from float64 it is. */
import { setPrecise } from "@hypergrad/wasm";
import "@tensorflow/tfjs-backend-cpu";
import * as tf from "@tensorflow/tfjs";
import fc from "fast-check";
import { afterAll, beforeEach, describe, expect, test } from "vitest";
import { check } from "../../../core/test/check.js";
import { expectAgreement, float, op } from "./sweep.js";

type Image = tf.Tensor4D;
type Pair = [number, number];

beforeEach(async () => {
  await tf.setBackend("wasm");
  await tf.ready();
  setPrecise(false);
});
afterAll(() => setPrecise(true));

const side = fc.tuple(fc.nat(3), fc.nat(3));
const drawn = fc.record({
  batch: fc.integer({ min: 1, max: 3 }),
  size: fc.tuple(fc.integer({ min: 3, max: 9 }), fc.integer({ min: 3, max: 9 })),
  channels: fc.constantFrom(16, 20, 36),
  filters: fc.constantFrom(16, 28, 32),
  pad: fc.oneof(
    fc.constantFrom("same", "valid", 0, 1, 2, 3),
    fc.tuple(side, side).map(([height, width]): [Pair, Pair, Pair, Pair] => [[0, 0], height, width, [0, 0]]),
  ),
  activation: fc.constantFrom("linear", "relu", "relu6", "elu"),
});

test("as on the cpu backend, whatever the image, padding, bias and activation", () => {
  check(drawn, 12, ({ batch, size, channels, filters, pad, activation }) => {
    const inputs = [float([batch, ...size, channels]), float([3, 3, channels, filters], -0.2, 0.2), float([filters])];
    const run = (x: Image, filter: Image, bias: tf.Tensor1D) =>
      tf.fused.conv2d({
        ...{ x, filter, bias, strides: 1 as const, pad: pad as "same", activation },
      });
    expectAgreement(op(JSON.stringify({ batch, size, channels, filters, pad }), inputs, run, activation !== "elu"));
  });
});

test("NaN stays NaN where results are bounded", () => {
  const values = tf.tidy(() => {
    const x = tf.fill([1, 4, 4, 16], Number.NaN) as Image;
    const filter = tf.ones([3, 3, 16, 16]) as Image;
    return tf.fused.conv2d({ x, filter, strides: 1, pad: "same", activation: "relu6" }).dataSync();
  });
  expect([...values].every(Number.isNaN)).toBe(true);
});

const [batch, height, width, channels, filters] = [2, 9, 10, 48, 20];

/** x ∗ kernel, dy ∗ its transpose and xᵀ ∗ dy, in float64. */
function inFloat64(x: ArrayLike<number>, kernel: ArrayLike<number>, dy: ArrayLike<number>): Float64Array[] {
  const [y, dx, dk] = [new Float64Array(dy.length), new Float64Array(x.length), new Float64Array(kernel.length)];
  for (let n = 0; n < batch; n++)
    for (let r = 0; r < height; r++)
      for (let c = 0; c < width; c++)
        for (let tap = 0; tap < 9; tap++) {
          const [row, column] = [r + Math.floor(tap / 3) - 1, c + (tap % 3) - 1];
          if (row < 0 || row >= height || column < 0 || column >= width) continue;
          const out = ((n * height + r) * width + c) * filters;
          const image = ((n * height + row) * width + column) * channels;
          for (let i = 0; i < channels; i++)
            for (let j = 0; j < filters; j++) {
              const k = (tap * channels + i) * filters + j;
              y[out + j]! += x[image + i]! * kernel[k]!;
              dx[image + i]! += dy[out + j]! * kernel[k]!;
              dk[k]! += x[image + i]! * dy[out + j]!;
            }
        }
  return [y, dx, dk];
}

describe("against float64", () => {
  test("the largest error is at most four times that of the direct form, in the result and both gradients", () => {
    const errors = tf.tidy(() => {
      const x = tf.randomNormal([batch, height, width, channels], 0, 1, "float32", 3) as Image;
      const kernel = tf.randomNormal([3, 3, channels, filters], 0, 0.05, "float32", 5) as Image;
      const dy = tf.randomNormal([batch, height, width, filters], 0, 1, "float32", 7) as Image;
      const exact = inFloat64(x.dataSync(), kernel.dataSync(), dy.dataSync());
      return [true, false].map((precise) => {
        setPrecise(precise);
        const y = tf.conv2d(x, kernel, 1, "same");
        const gradients = tf.grads((a: tf.Tensor, b: tf.Tensor) => tf.conv2d(a as Image, b as Image, 1, "same"))(
          [x, kernel],
          dy,
        );
        return [y, ...gradients].map((found, i) => {
          const values = [...found.dataSync()];
          return values.reduce((most, value, at) => Math.max(most, Math.abs(value - exact[i]![at]!)), 0);
        });
      });
    });
    const [direct, winograd] = errors as [number[], number[]];
    winograd.forEach((error, i) => {
      expect(error).not.toBe(direct[i]);
      expect(error / direct[i]!).toBeLessThan(4);
    });
  });
});
