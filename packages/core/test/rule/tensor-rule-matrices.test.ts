import { hyper, learned, real, tensorRule } from "@hypergrad/core";
import * as tf from "@tensorflow/tfjs";
import { afterEach, describe, expect, test } from "vitest";
import { descent, noise, step, valuesOf, variables } from "../support.js";

afterEach(() => tf.disposeVariables());

describe("the matrix operation may", () => {
  const lazy = tensorRule({
    name: "lazy",
    hyperparameters: { lr: real(0.1), tilt: real(0.5) },
    state: {},
    inputs: ({ g, p, tilt }) => ({ g: g.mul(tilt), p: p.mul(tilt), unused: tilt }),
    memory: () => ({ count: tf.scalar(0) }),
    // Ignores an input, and for vectors all of them; remembers nothing new for matrices.
    direction: ({ g, p }, { count }) =>
      g.rank < 2 ? { value: tf.ones(g.shape), memory: { count: tf.add(count, 1) } } : { value: tf.mul(g, tf.tanh(p)) },
    update: ({ p, lr, direction }) => ({ p: p.sub(direction.mul(lr)) }),
  });

  test("ignore an input or all of them, and remember nothing new", async () => {
    const w = variables({ a: [2, 2], v: [3] });
    const before = valuesOf(w);
    const optimizer = hyper(lazy({ tilt: learned(0.5, descent({ lr: 2 ** -6 }), { per: "tensor" }) }));
    const a = [...w.a.dataSync()];
    step(optimizer, w, 1);
    step(optimizer, w, 2);
    const learnt = await optimizer.hyperparameters();
    expect(learnt.v?.tilt).toBe(0.5);
    const g = (seed: number) => [...noise(4, 1000 * seed + 500)];
    const slope = a.reduce((sum, p, i) => {
      const th = Math.tanh(p * 0.5);
      const g1 = g(1)[i] as number;
      return sum - (g(2)[i] as number) * 0.1 * (g1 * th + g1 * 0.5 * (1 - th * th) * p);
    }, 0);
    expect((0.5 - (learnt.a?.tilt as number)) * 64).toBeCloseTo(slope, 5);
    expect(w.v.dataSync()[0]).toBeCloseTo((before.v?.[0] as number) - 0.2, 6);
    const { tensors } = await optimizer.checkpoint();
    expect([...(tensors["0/v@direction:count"]?.values ?? [])]).toEqual([2]);
    expect([...(tensors["0/a@direction:count"]?.values ?? [])]).toEqual([0]);
    optimizer.dispose();
  });

  test("hand back what it was given", () => {
    const handing = tensorRule({
      name: "handing",
      hyperparameters: {},
      state: {},
      inputs: ({ p }) => ({ p }),
      memory: (shape) => ({ last: tf.zeros([...shape]) }),
      direction: ({ p }, { last }) => ({ value: last, memory: { last: p } }),
      update: ({ p, direction }) => ({ p: p.add(direction).add(1) }),
    });
    const before = tf.memory().numTensors;
    const w = tf.variable(tf.zeros([3]), true, "w");
    const optimizer = hyper(handing());
    // 0, 1, 1+0+1, 2+1+1, 4+2+1: what was remembered is the value before the step, though that was written over.
    for (const expected of [1, 2, 4, 7, 12]) {
      step(optimizer, { w }, 1);
      expect([...w.dataSync()]).toEqual([expected, expected, expected]);
    }
    optimizer.dispose();
    w.dispose();
    expect(tf.memory().numTensors).toBe(before + 1);
  });
});
