import { accumulate, type Expr, float64, hyper, learned, real, slot, wrapper } from "@hypergrad/core";
import * as tf from "@tensorflow/tfjs";
import { afterEach, describe, expect, test } from "vitest";
import { averaged, descent, noiseOf, refuses, refusesLater, step, valuesOf, variables } from "../support.js";

afterEach(() => tf.disposeVariables());

/** An exponential average of the parameters. */
const smoothed = wrapper({
  name: "smoothed",
  hyperparameters: { keep: real(0.75) },
  state: { average: slot("element", ({ p }) => p as Expr) },
  update: ({ proposed, average, keep }) => ({
    p: proposed,
    average: average.mul(keep).add(proposed.mul(keep.neg().add(1))),
  }),
  evaluation: ({ average, keep }) => average.mul(keep.sub(0.75).add(1)),
});

const shapes = { a: [2, 3], b: [3] } as const;
/** The very bits, so that −0 is not 0. */
const bits = (w: Readonly<Record<string, tf.Variable>>) =>
  Object.values(w).map((each) => [...new Uint32Array(Float32Array.from(each.dataSync()).buffer)]);

function underWay(spec = smoothed()(averaged({ lr: learned(0.1, descent({ lr: 0.01 })) }))) {
  const w = variables(shapes);
  const optimizer = hyper(spec);
  for (const seed of [1, 2, 3]) step(optimizer, w, seed);
  return { w, optimizer };
}

test("swap puts the averages in, and the values back to the last bit, as often as one likes", () => {
  const { w, optimizer } = underWay();
  w.b.assign(tf.tensor1d([-0, 1e-45, -1e30]));
  const own = bits(w);
  const { numTensors } = tf.memory();
  const oracle = float64(
    smoothed()(averaged({ lr: learned(0.1, descent({ lr: 0.01 })) })),
    Object.fromEntries(
      Object.entries(shapes).map(([name, shape], i) => [name, { shape, values: noiseOf(shape, 1000 + i).dataSync() }]),
    ),
  );
  for (const seed of [1, 2, 3]) {
    oracle.step(
      Object.fromEntries(
        Object.entries(shapes).map(([name, shape], i) => [name, noiseOf(shape, 1000 * seed + 500 + i).dataSync()]),
      ),
    );
  }
  const started = tf.memory().numTensors;
  for (let round = 0; round < 2; round++) {
    expect(optimizer.swap()).toBe(true);
    oracle.evaluation().a?.values.forEach((x, i) => {
      expect(w.a.dataSync()[i]).toBeCloseTo(x, 5);
    });
    expect(bits(w)[0]).not.toEqual(own[0]);
    expect(optimizer.swap()).toBe(false);
    expect(bits(w)).toEqual(own);
    expect(tf.memory().numTensors).toBe(started);
  }
  expect(numTensors).toBeLessThanOrEqual(started);
  optimizer.dispose();
});

test("training goes on as if nothing had been swapped", async () => {
  const plain = underWay();
  step(plain.optimizer, plain.w, 4);
  const expected = [bits(plain.w), await plain.optimizer.checkpoint()];
  plain.optimizer.dispose();
  tf.dispose(plain.w);
  const { w, optimizer } = underWay();
  optimizer.swap();
  optimizer.swap();
  step(optimizer, w, 4);
  expect([bits(w), await optimizer.checkpoint()]).toEqual(expected);
  optimizer.dispose();
});

describe("while swapped", () => {
  test("no step can be taken, and none leaves anything behind", () => {
    const { w, optimizer } = underWay();
    optimizer.swap();
    const before = [bits(w), optimizer.iterations, tf.memory().numTensors];
    const parts = ["applyGradients: the variables hold what swap() put there to evaluate", "Call swap() once more"];
    refuses(() => step(optimizer, w, 4), ...parts);
    refuses(() => optimizer.minimize(() => tf.sum(tf.square(w.a)), true), ...parts);
    expect([bits(w), optimizer.iterations, tf.memory().numTensors]).toEqual(before);
    optimizer.swap();
    step(optimizer, w, 4);
    optimizer.dispose();
  });

  test("dispose() puts the values back and frees them", () => {
    const before = tf.memory().numTensors;
    const { w, optimizer } = underWay();
    const own = bits(w);
    optimizer.swap();
    optimizer.dispose();
    expect(bits(w)).toEqual(own);
    tf.dispose(w);
    expect(tf.memory().numTensors).toBe(before);
  });

  test("a variable that is disposed is left alone", () => {
    const { w, optimizer } = underWay();
    const own = bits(w);
    optimizer.swap();
    w.b.dispose();
    expect(optimizer.swap()).toBe(false);
    expect(bits({ a: w.a })).toEqual([own[0]]);
    expect(optimizer.swap()).toBe(true);
    optimizer.dispose();
    expect(bits({ a: w.a })).toEqual([own[0]]);
  });

  test("a checkpoint is what it is without, but what would mix averages with state is refused", async () => {
    const { w, optimizer } = underWay();
    const own = await optimizer.checkpoint();
    optimizer.swap();
    expect(await optimizer.checkpoint()).toEqual(own);
    const swapped = bits(w);
    await refusesLater(
      () => optimizer.getWeights(),
      "getWeights: the variables hold what swap() put there",
      "Call swap() once more",
    );
    refuses(() => optimizer.restore(own), "restore: the variables hold what swap() put there", "Call swap() once more");
    expect(bits(w)).toEqual(swapped);
    optimizer.swap();
    optimizer.restore(own);
    expect((await optimizer.getWeights()).length).toBeGreaterThan(3);
    optimizer.dispose();
  });
});

test("where nothing is averaged the values stay, and the two calls are the same", () => {
  const { w, optimizer } = underWay(averaged());
  const own = bits(w);
  expect(optimizer.swap()).toBe(true);
  expect(bits(w)).toEqual(own);
  refuses(() => step(optimizer, w, 4), "Call swap() once more");
  expect(optimizer.swap()).toBe(false);
  step(optimizer, w, 4);
  optimizer.dispose();
  const fresh = hyper(smoothed()(descent()));
  expect([fresh.swap(), fresh.swap()]).toEqual([true, false]);
  fresh.dispose();
});

test("a variable that has taken no step keeps its value, also where its gradients are gathered already", () => {
  const w = variables(shapes);
  const optimizer = hyper(accumulate(smoothed()(descent()), { steps: 2 }));
  step(optimizer, w, 1);
  step(optimizer, { a: w.a }, 2);
  const own = bits(w);
  optimizer.swap();
  const swapped = bits(w);
  expect(swapped[0]).not.toEqual(own[0]);
  expect(swapped[1]).toEqual(own[1]);
  optimizer.swap();
  expect(bits(w)).toEqual(own);
  optimizer.dispose();
});

test("hyperparameters are those of the last step: schedules too, after a step that failed and after a restore", async () => {
  // The evaluation depends on keep, which changes from step to step.
  const spec = () => smoothed({ keep: (t) => 0.5 + 0.05 * t })(descent());
  const { w, optimizer } = underWay(spec());
  optimizer.swap();
  const expected = valuesOf(w);
  optimizer.swap();
  tf.tidy(() => refuses(() => optimizer.applyGradients({ a: tf.fill([2, 3], Number.NaN) }), "NaN"));
  optimizer.swap();
  expect(valuesOf(w)).toEqual(expected);
  optimizer.swap();
  const resumed = hyper(spec());
  resumed.restore(await optimizer.checkpoint());
  resumed.swap();
  expect(valuesOf(w)).toEqual(expected);
  resumed.swap();
  optimizer.dispose();
  resumed.dispose();
});
