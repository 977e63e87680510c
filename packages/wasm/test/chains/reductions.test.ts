/** Sums and means of what is not computed, against float64, and their gradients. */
import "@hypergrad/wasm";
import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, test } from "vitest";
import { writtenPastTheEnd } from "../kernels/fences.js";

beforeAll(async () => {
  await tf.setBackend("wasm");
  await tf.ready();
});

/** Shapes and axes: of one piece and of several, in rows that fill no vector, all of it, first, last and middle axes, and what cannot be done in pieces. */
const cases: readonly (readonly [shape: number[], axes: number[] | undefined])[] = [
  [[40, 30], [0]],
  [[40, 30], [1]],
  [[40, 30], undefined],
  [
    [3, 7, 11, 5],
    [0, 1, 2],
  ],
  [
    [30, 40, 50, 7],
    [0, 1, 2],
  ],
  [
    [9, 70, 70, 3],
    [1, 2],
  ],
  [
    [2, 300, 300],
    [1, 2],
  ],
  [[70000, 3], [0]],
  [[3, 70000], [0]],
  [[3, 70000], [1]],
  [[2, 70000, 2], [1]],
  [[211, 331], undefined],
  [
    [2, 30, 4, 20],
    [1, 3],
  ],
  [
    [1, 1500, 1],
    [0, 2],
  ],
];

const values = (length: number, seed: number): Float32Array =>
  Float32Array.from({ length }, (_, i) => Math.sin(i * 12.9898 + seed * 78.233));

/** Σ (x·c)² over these axes, in float64, with the products as float32 has them. */
function sums(x: Float32Array, c: Float32Array, shape: readonly number[], axes: readonly number[]): number[] {
  const kept = shape.map((_, axis) => !axes.includes(axis));
  const all = new Array<number>(shape.reduce((all, size, i) => (kept[i] ? all * size : all), 1)).fill(0);
  x.forEach((value, i) => {
    let [rest, at, stride] = [i, 0, 1];
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      const size = shape[axis] as number;
      if (kept[axis]) {
        at += stride * (rest % size);
        stride *= size;
      }
      rest = Math.floor(rest / size);
    }
    const product = Math.fround(value * (c[i % c.length] as number));
    all[at] = (all[at] as number) + Math.fround(product * product);
  });
  return all;
}

describe.each(cases)("of [%j] over %j", (shape, axes) => {
  const size = tf.util.sizeFromShape(shape);
  const last = shape.at(-1) as number;
  const [x, c] = [values(size, 1), values(last, 2)];
  const over = axes ?? shape.map((_, axis) => axis);
  const count = over.reduce((all, axis) => all * (shape[axis] as number), 1);

  test.each(["sum", "mean"] as const)("%s", (name) => {
    const before = tf.backend().numDataIds();
    let found: number[] = [];
    const past = writtenPastTheEnd(() => {
      const result = tf.tidy(() => {
        const y = tf.tensor(x, shape).mul(tf.tensor(c)).square();
        return name === "sum" ? y.sum(axes) : y.mean(axes, true).reshape([-1]);
      });
      found = [...result.dataSync()];
      result.dispose();
    });
    expect(past).toBe(0);
    expect(tf.backend().numDataIds()).toBe(before);
    const expected = sums(x, c, shape, over).map((sum) => (name === "sum" ? sum : sum / count));
    expect(found.length).toBe(expected.length);
    found.forEach((value, i) => {
      const exact = expected[i] as number;
      expect(Math.abs(value - exact)).toBeLessThanOrEqual(1e-6 * Math.abs(exact) + 1e-12);
    });
  });

  test("gradients", () => {
    const [gradient, dy] = tf.tidy(() => {
      const one = tf.tensor(x, shape);
      const result = tf.mean(one, axes, true);
      const dy = tf.tensor(values(result.size, 3), result.shape);
      const dx = tf.grad((y) => y.sum(axes, true).mul(2).add(y.mean(axes, true)).mul(dy))(one);
      return [dx.dataSync(), dy.add(tf.zeros(shape)).dataSync()];
    });
    const factor = Math.fround(2 + 1 / count);
    gradient.forEach((value, i) => {
      if (Math.abs(value - (dy[i] as number) * factor) > 1e-6) throw new Error(`${value} at ${i}`);
    });
  });
});

test("take no memory as large as what they are of", () => {
  const x = tf.tensor(values(2 ** 20, 1), [2 ** 15, 32]);
  const { wasm } = tf.backend() as unknown as { wasm: { _malloc(bytes: number): number } };
  const { _malloc: allocate } = wasm;
  let most = 0;
  wasm._malloc = (bytes) => {
    most = Math.max(most, bytes);
    return allocate(bytes);
  };
  try {
    tf.tidy(() => x.mul(x).mean(0).dataSync());
  } finally {
    wasm._malloc = allocate;
  }
  expect(most).toBeLessThan(2 ** 19);
  x.dispose();
});
