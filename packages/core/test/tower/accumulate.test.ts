import {
  accumulate,
  float64,
  groups,
  hyper,
  learned,
  nonNegative,
  rule,
  type Spec,
  type StepInfo,
  slot,
  sum,
  withChannelAxis,
  wrapper,
} from "@hypergrad/core";
import * as tf from "@tensorflow/tfjs";
import { afterEach, describe, expect, test } from "vitest";
import { averaged, descent, noise, noiseOf, step, valuesOf, variables } from "../support.js";
import { gridded, inner, seenOf, shapes } from "./gridded.js";

afterEach(() => tf.disposeVariables());

const meanOf = (all: readonly Record<string, tf.Tensor>[], name: string): tf.Tensor =>
  tf.div(tf.addN(all.map((each) => each[name] as tf.Tensor)), all.length);

describe.each(["host", "device"] as const)("with scalars on the %s", (scalars) => {
  test.each([2, 4])(
    "%i gradients make one step with their mean, to the last bit, and only then is anything changed",
    async (steps) => {
      const w = variables(shapes);
      const told: StepInfo[] = [];
      const optimizer = hyper(accumulate(inner(), { steps }), { scalars, onStep: (info) => void told.push(info) });
      const start = valuesOf(w);
      const stages: unknown[] = [];
      for (let t = 0; t < 3 * steps; t++) {
        const before = await seenOf(optimizer, w);
        tf.tidy(() => optimizer.applyGradients(gridded(t)));
        const after = await seenOf(optimizer, w);
        expect(optimizer.iterations).toBe(Math.floor((t + 1) / steps));
        expect(told.length).toBe(optimizer.iterations);
        if ((t + 1) % steps === 0) stages.push(after);
        else if (t >= steps) expect(after).toEqual(before);
        else expect(after.values).toEqual(start);
      }
      optimizer.dispose();
      tf.dispose(w);

      const again = variables(shapes);
      const plain = hyper(inner(), { scalars });
      for (let n = 0; n < 3; n++) {
        tf.tidy(() => {
          const all = Array.from({ length: steps }, (_, i) => gridded(n * steps + i));
          plain.applyGradients({ a: meanOf(all, "a"), b: meanOf(all, "b") });
        });
        expect(await seenOf(plain, again)).toEqual(stages[n]);
      }
      expect(told.map((info) => info.step)).toEqual([1, 2, 3]);
      plain.dispose();
    },
  );

  test("a checkpoint amid the gradients of a step goes on bit for bit, before the first step as well", async () => {
    const rooted = rule({
      name: "rooted",
      hyperparameters: { lr: nonNegative(0.1) },
      state: { m: slot("element", ({ p, lr }) => (p as never as { mul(x: unknown): never }).mul(lr)) },
      update: ({ p, g, m, lr }) => ({ p: p.sub(m.add(g).mul(lr)), m: m.mul(0.5).add(g) }),
    });
    const spec = () =>
      accumulate(rooted({ lr: learned(0.1, accumulate(descent({ lr: 0.01 }), { steps: 2 }), { horizon: 4 }) }), {
        steps: 3,
      });
    for (const at of [1, 5, 7]) {
      const w = variables(shapes);
      const optimizer = hyper(spec(), { scalars });
      const run = (from: number, to: number, by: ReturnType<typeof hyper>) => {
        for (let t = from; t < to; t++) tf.tidy(() => by.applyGradients(gridded(t)));
      };
      run(0, at, optimizer);
      const checkpoint = await optimizer.checkpoint();
      const own = tf.tidy(() => Object.values(w).map((each) => tf.keep(each.clone())));
      run(at, 13, optimizer);
      const uninterrupted = [await seenOf(optimizer, w), await optimizer.checkpoint()];
      const resumed = hyper(spec(), { scalars });
      resumed.restore(checkpoint);
      Object.values(w).forEach((each, i) => {
        each.assign(own[i] as tf.Tensor);
      });
      run(at, 13, resumed);
      expect([await seenOf(resumed, w), await resumed.checkpoint()]).toEqual(uninterrupted);
      optimizer.dispose();
      resumed.dispose();
      tf.dispose([...own, ...Object.values(w)]);
    }
  });

  test("the number of tensors is the same from one step to the next, and as before after dispose()", () => {
    const before = tf.memory().numTensors;
    const w = variables(shapes);
    const optimizer = hyper(accumulate(inner(), { steps: 2 }), { scalars });
    const seen: number[] = [];
    for (let t = 0; t < 10; t++) {
      tf.tidy(() => optimizer.applyGradients(gridded(t)));
      seen.push(tf.memory().numTensors);
    }
    expect([seen[7], seen[9]]).toEqual([seen[5], seen[5]]);
    // One sum for each variable in between.
    expect([seen[6], seen[8]]).toEqual([(seen[5] as number) + 2, (seen[5] as number) + 2]);
    tf.tidy(() => optimizer.applyGradients(gridded(10)));
    optimizer.dispose();
    tf.dispose(w);
    expect(tf.memory().numTensors).toBe(before);
  });

  test("as a learner it moves a hyperparameter by the mean of several hyper-gradients", async () => {
    const w = variables({ a: [4] });
    const g = (t: number) => [...noise(4, 1000 * t + 500)];
    const optimizer = hyper(descent({ lr: learned(0.5, accumulate(descent({ lr: 0.1 }), { steps: 2 })) }), { scalars });
    const d = (t: number) => (t < 2 ? 0 : -g(t).reduce((all, x, i) => all + x * (g(t - 1)[i] as number), 0));
    let lr = 0.5;
    for (let t = 1; t <= 6; t++) {
      step(optimizer, w, t);
      if (t % 2 === 0) lr -= (0.1 * (d(t) + d(t - 1))) / 2;
      expect((await optimizer.hyperparameters()).a?.lr).toBeCloseTo(lr, 5);
    }
    optimizer.dispose();
  });

  test.each([2, 3])(
    "a learner's gradients from a step that was skipped do not count, and leave its state finite (after %i steps)",
    async (skipped) => {
      const w = variables({ a: [4] });
      const by = accumulate(averaged({ lr: 0.1 }), { steps: 2 });
      const optimizer = hyper(descent({ lr: learned(0.5, by) }), { scalars, onNonFinite: "skip" });
      for (let t = 1; t <= skipped; t++) step(optimizer, w, t);
      tf.tidy(() => optimizer.applyGradients({ a: tf.fill([4], Number.NaN) }));
      for (let t = skipped + 1; t <= 8; t++) step(optimizer, w, t);
      const { lr } = (await optimizer.hyperparameters()).a ?? {};
      expect(lr).not.toBe(0.5);
      const { tensors } = await optimizer.checkpoint();
      for (const { values } of Object.values(tensors))
        for (const x of Array.from(values)) expect(Number.isFinite(x)).toBe(true);
      const before = lr;
      for (const t of [9, 10]) step(optimizer, w, t);
      expect((await optimizer.hyperparameters()).a?.lr).not.toBe(before);
      optimizer.dispose();
    },
  );
});

test("in a group alone it concerns that group alone", () => {
  const spec = groups([["b", accumulate(descent({ lr: (t) => 1 + t }), { steps: 2 })]], descent({ lr: (t) => 1 + t }));
  const optimizer = float64(spec, { a: { shape: [], values: [0] }, b: { shape: [], values: [0] } });
  const seen = [1, 2, 4, 8].map((g) => {
    optimizer.step({ a: [g], b: [g] });
    return [optimizer.parameters.a?.values[0], optimizer.parameters.b?.values[0]];
  });
  // The schedule counts the optimizer's steps.
  expect(seen).toEqual([
    [-1, 0],
    [-5, -3],
    [-17, -3],
    [-49, -27],
  ]);
});

test("around a wrapper, inside it and around groups it is the same; one in another multiplies", () => {
  const clipped = wrapper({
    name: "clipped",
    hyperparameters: { maxNorm: nonNegative(0.5) },
    state: { n: 0 },
    totals: { squares: ({ g }) => sum(g.square(), "tensor") },
    gradient: ({ g, maxNorm, squares }) => g.mul(maxNorm).div(squares.sqrt()),
    update: ({ proposed, n, t }) => ({ p: proposed.add(n), n: t.mul(0.01) }),
  });
  const by = descent({ lr: 0.01 });
  const wrapped = clipped({ maxNorm: learned(0.5, by) });
  const parameters = { a: { shape: [3], values: noise(3, 1) }, b: { shape: [2], values: noise(2, 2) } };
  const run = (spec: Spec) => {
    const optimizer = float64(spec, parameters);
    for (let t = 0; t < 12; t++) optimizer.step({ a: noise(3, 10 * t + 3), b: noise(2, 10 * t + 4) });
    return [optimizer.parameters, optimizer.hyperparameters()];
  };
  const around = run(accumulate(wrapped(averaged()), { steps: 4 }));
  expect(run(wrapped(accumulate(averaged(), { steps: 4 })))).toEqual(around);
  expect(run(accumulate(wrapped(accumulate(averaged(), { steps: 2 })), { steps: 2 }))).toEqual(around);
  expect(run(withChannelAxis(accumulate(wrapped(averaged()), { steps: 4 }), {}))).toEqual(around);
  const grouped = groups([["b", averaged()]], averaged());
  expect(run(accumulate(wrapped(grouped), { steps: 4 }))).toEqual(
    run(wrapped(groups([["b", accumulate(averaged(), { steps: 4 })]], accumulate(averaged(), { steps: 4 })))),
  );
  expect(run(wrapped(averaged()))).not.toEqual(around);
});

test("a variable that is without a gradient for a while takes its step later, with its own", () => {
  const optimizer = float64(accumulate(descent({ lr: 1 }), { steps: 2 }), {
    a: { shape: [], values: [0] },
    b: { shape: [], values: [0] },
  });
  optimizer.step({ a: [1], b: [1] });
  optimizer.step({ a: [3] });
  expect([optimizer.parameters.a?.values[0], optimizer.parameters.b?.values[0]]).toEqual([-2, 0]);
  optimizer.step({ a: [1], b: [5] });
  expect([optimizer.parameters.a?.values[0], optimizer.parameters.b?.values[0]]).toEqual([-2, -3]);
});

test("an existing tf.Optimizer takes one step for several gradients", () => {
  const w = variables(shapes);
  const adam = tf.train.adam(0.1);
  const same = wrapper({ name: "same", hyperparameters: {}, state: {} });
  const optimizer = hyper(accumulate(same()(adam), { steps: 2 }));
  for (let t = 0; t < 4; t++) tf.tidy(() => optimizer.applyGradients(gridded(t)));
  const seen = valuesOf(w);
  optimizer.dispose();
  adam.dispose();
  tf.disposeVariables();
  const again = variables(shapes);
  const plain = tf.train.adam(0.1);
  for (const n of [0, 2]) {
    tf.tidy(() => {
      const all = [gridded(n), gridded(n + 1)];
      plain.applyGradients({ a: meanOf(all, "a"), b: meanOf(all, "b") } as never);
    });
  }
  expect(seen).toEqual(valuesOf(again));
  plain.dispose();
});

test("the gradients stay the caller's", () => {
  const w = variables(shapes);
  const optimizer = hyper(accumulate(descent(), { steps: 2 }));
  const g = { a: noiseOf([2, 3], 1), b: noiseOf([3], 2) };
  const held = Array.from(g.a.dataSync());
  for (let t = 0; t < 4; t++) optimizer.applyGradients(g);
  expect(Array.from(g.a.dataSync())).toEqual(held);
  optimizer.dispose();
  tf.dispose([g, w]);
});
