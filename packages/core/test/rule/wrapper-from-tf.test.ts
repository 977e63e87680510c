import { chain, groups, hyper, learned, type Spec, wrapper } from "@hypergrad/core";
import * as tf from "@tensorflow/tfjs";
import { afterEach, describe, expect, test } from "vitest";
import { descent, refuses, step, valuesOf, variables } from "../support.js";
import { clipped, decayed, penalised } from "./wrappers.js";

afterEach(() => tf.disposeVariables());

describe("around an existing tf.Optimizer", () => {
  /** A tf.Optimizer by itself, given other gradients, and its proposals. */
  function compare(
    spec: (own: tf.Optimizer) => Spec,
    gradientOf: (g: tf.Tensor, p: tf.Tensor, all: tf.Tensor[]) => tf.Tensor,
    steps = 4,
  ) {
    const w = variables({ a: [2, 3], b: [3] });
    const inner = tf.train.adam(0.1);
    const optimizer = hyper(spec(inner));
    for (let seed = 1; seed <= steps; seed++) step(optimizer, w, seed);
    const actual = Object.values(valuesOf(w)).flat();
    optimizer.dispose();
    inner.dispose();
    tf.disposeVariables();
    const again = variables({ a: [2, 3], b: [3] });
    const plain = tf.train.adam(0.1);
    const wrapped: tf.Optimizer = Object.create(plain, {
      applyGradients: {
        value: (given: { name: string; tensor: tf.Tensor }[]) =>
          tf.tidy(() => {
            const all = given.map(({ tensor }) => tensor);
            const named = given.map(({ name, tensor }) => ({
              name,
              tensor: gradientOf(tensor, again[name as "a" | "b"], all),
            }));
            plain.applyGradients(named);
          }),
      },
    });
    for (let seed = 1; seed <= steps; seed++) step(wrapped, again, seed);
    const expected = Object.values(valuesOf(again)).flat();
    plain.dispose();
    tf.disposeVariables();
    expect(actual.length).toBe(expected.length);
    actual.forEach((x, i) => {
      expect(x).toBeCloseTo(expected[i] as number, 5);
    });
  }

  const norm = (all: tf.Tensor[]) => tf.sqrt(tf.addN(all.map((g) => tf.sum(tf.square(g)))));

  test("it is given the wrapper's gradient", () => {
    compare(
      (own) => clipped({ maxNorm: 0.5 })(own),
      (g, _, all) => tf.mul(g, tf.minimum(1, tf.div(0.5, norm(all)))),
    );
    compare(
      (own) => chain(penalised({ lambda: 0.5 }), own),
      (g, p) => tf.add(g, tf.mul(p, 0.5)),
    );
    compare(
      (own) => chain(own),
      (g) => g.clone(),
    );
  });

  test("its one step is one step, also where two rules stand around it", () => {
    // Were it asked once for each group, it would count two steps for one, and Adam's bias correction would be off.
    const split = wrapper({
      name: "split",
      hyperparameters: {},
      state: {},
      update: ({ proposed }) => ({ p: proposed }),
    });
    compare(
      (own) => {
        const base = chain(own);
        return split()(groups([["b", base]], decayed({ share: 0 })(base)));
      },
      (g) => g.clone(),
    );
  });

  test("a wrapper's own hyperparameter is learned from what becomes of the proposal, and one that reaches the proposal is refused", () => {
    const adam = tf.train.adam(0.1);
    const w = variables({ a: [2, 3] });
    const optimizer = hyper(decayed({ share: learned(0.1, descent({ lr: 1 })) })(adam));
    const start = [...w.a.dataSync()];
    step(optimizer, w, 1);
    const g = tf.ones([2, 3]);
    optimizer.applyGradients({ a: g });
    g.dispose();
    // ∂p′/∂share = −p; the domain ends at 0.
    const total = start.reduce((a, b) => a + b, 0);
    return optimizer.hyperparameters().then(({ a }) => {
      expect(a?.share).toBeCloseTo(Math.max(0, 0.1 + total), 5);
      optimizer.dispose();
      refuses(
        () => hyper(clipped({ maxNorm: learned(1, descent()) })(adam)),
        'maxNorm cannot be learned. What "proposed" is given depends on it, and nothing can be differentiated through that.',
        "Use a number or a schedule.",
      );
      refuses(
        () => hyper(decayed({ share: learned(1, descent(), { horizon: 3 }) })(adam)),
        "share cannot be learned with a horizon above 1.",
        "Leave horizon out.",
      );
      adam.dispose();
    });
  });
});
