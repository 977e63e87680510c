import { hyper, rule } from "@hypergrad/core";
import * as tf from "@tensorflow/tfjs";
import { afterEach, beforeAll, describe, expect, test } from "vitest";
import { backends, descent, refuses, refusesLater } from "../support.js";

afterEach(() => tf.disposeVariables());

/** Remembers the squares of gradients, which overflow where they themselves do not. */
const squares = rule({
  name: "squares",
  hyperparameters: {},
  state: { v: 0 },
  update: ({ p, g, v }) => ({ p: p.sub(g.mul(1e-30)), v: v.add(g.square()) }),
});

function variables() {
  return ["a", "b"].map((name) => tf.variable(tf.tensor1d([1, 2]), true, name)) as [tf.Variable, tf.Variable];
}

const give = (optimizer: tf.Optimizer, a: readonly number[], b: readonly number[]) =>
  tf.tidy(() => optimizer.applyGradients({ a: tf.tensor1d([...a]), b: tf.tensor1d([...b]) }));

describe.each(backends)("on the %s backend, a parameter that a step made infinite", (backend) => {
  beforeAll(async () => {
    await tf.setBackend(backend);
    return async () => {
      await tf.setBackend("cpu");
    };
  });

  test("is named by whatever looks at the optimizer next, once each, with the steps between which it was", async () => {
    variables();
    const optimizer = hyper(descent({ lr: 1e3 }));
    give(optimizer, [1, 1], [1, 1]);
    await optimizer.hyperparameters();
    give(optimizer, [1, 1], [1, 1]);
    give(optimizer, [1, 1], [1, -3e38]);
    expect((await optimizer.nonFinite()).variables).toEqual(["b"]);
    await refusesLater(
      () => optimizer.hyperparameters(),
      'hyperparameters: there is a NaN or an infinity in the parameters "b", after step 3',
      "(after step 1 all were finite)",
      "go back to weights and a checkpoint that you have saved, and lower the learning rate",
    );
    expect(await optimizer.hyperparameters()).toEqual({ a: { lr: 1e3 }, b: { lr: 1e3 } });
    give(optimizer, [1, 3e38], [1, 1]);
    await refusesLater(
      () => optimizer.checkpoint(),
      'checkpoint: there is a NaN or an infinity in the parameters "a", "b"',
    );
    expect((await optimizer.nonFinite()).variables).toEqual(["a", "b"]);
    optimizer.dispose();
  });

  test("is what the error of a gradient that is not finite speaks of, where it comes from that", () => {
    const [a, b] = variables();
    const optimizer = hyper(descent({ lr: 1e30 }));
    give(optimizer, [1e10, 1], [1e-30, 1e-30]);
    refuses(
      () => optimizer.minimize(() => tf.sum(tf.add(tf.square(a), tf.mul(a, b))) as tf.Scalar),
      'applyGradients: there is a NaN or an infinity in the parameters "a", after step 1: that step or one before it overflowed, and so the gradient of "a" has a NaN or infinite value. Nothing was changed now.',
    );
    // Where parameters are finite, nothing is said of them.
    tf.dispose([a.assign(tf.zeros([2]))]);
    refuses(() => give(optimizer, [1, 1], [1, Number.NaN]), 'applyGradients: the gradient of "b" has a NaN');
    optimizer.dispose();
  });

  test('is named by nonFinite() alone with onNonFinite: "skip"', async () => {
    variables();
    const optimizer = hyper(descent({ lr: 1e30 }), { onNonFinite: "skip" });
    give(optimizer, [1e10, 1], [1e-30, 1e-30]);
    await optimizer.hyperparameters();
    await optimizer.checkpoint();
    expect(await optimizer.nonFinite()).toEqual({ steps: 0, hyperGradients: 0, variables: ["a"] });
    optimizer.dispose();
  });

  test("is not seen where only the sum of large parameters is infinite", async () => {
    const w = tf.variable(tf.fill([4], 3e38), true, "w");
    const optimizer = hyper(descent());
    tf.tidy(() => optimizer.applyGradients({ w: tf.ones([4]) }));
    expect((await optimizer.nonFinite()).variables).toEqual([]);
    await optimizer.hyperparameters();
    const { numTensors } = tf.memory();
    await optimizer.nonFinite();
    expect(tf.memory().numTensors).toBe(numTensors);
    optimizer.dispose();
    w.dispose();
  });

  test("and state that has overflowed make no checkpoint, as none could be restored", async () => {
    variables();
    const optimizer = hyper(squares(), { onNonFinite: "skip" });
    give(optimizer, [1e20, 1], [1, 1]);
    await refusesLater(
      () => optimizer.checkpoint(),
      'checkpoint: "0/a#v" has the value Infinity; expected finite numbers.',
      "take an earlier checkpoint",
    );
    optimizer.dispose();
  });
});
