import { hyper, learned, type Setting, type Spec } from "@hypergrad/core";
import * as tf from "@tensorflow/tfjs";
import { afterEach, describe, expect, test } from "vitest";
import { hyperGradientOf, noiseFor, parametersOf } from "../finite-differences.js";
import { averaged, descent, noiseOf, refusesUnchanged, step, valuesOf, variables } from "../support.js";

afterEach(() => tf.disposeVariables());

const parameters = parametersOf({ a: [2, 3], b: [3], c: [] });

const gradients = noiseFor(parameters);

test("with held-out gradients the hyper-gradient is that of the held-out loss, over any horizon", () => {
  const heldOut = noiseFor(parameters, 5)(0);
  for (const horizon of [1, 2, Number.POSITIVE_INFINITY]) {
    for (const [name, value] of [
      ["lr", 0.1],
      ["decay", 0.5],
    ] as const) {
      const build = (setting: Setting): Spec => averaged({ [name]: setting });
      const { actual, expected } = hyperGradientOf({
        build,
        name,
        value,
        parameters,
        gradients,
        k: 4,
        horizon,
        heldOut,
      });
      expect(actual).toBeCloseTo(expected, 10);
      // A variable that the held-out loss does not depend on adds nothing.
      const part = { a: heldOut.a };
      const partly = hyperGradientOf({ build, name, value, parameters, gradients, k: 4, horizon, heldOut: part });
      expect(partly.actual).toBeCloseTo(partly.expected, 10);
      expect(partly.actual).not.toBeCloseTo(actual, 4);
    }
  }
});

/** A small model, its two batches and their losses. */
function model(prefix = "") {
  const shapes = { [`${prefix}w`]: [3, 4], [`${prefix}b`]: [4], [`${prefix}v`]: [4, 1] };
  const w = variables(shapes);
  const [kernel, bias, head] = Object.values(w) as [tf.Variable, tf.Variable, tf.Variable];
  const batch = (seed: number) => ({ x: noiseOf([5, 3], seed) as tf.Tensor2D, y: noiseOf([5, 1], seed + 1) });
  const batches = { training: batch(11), heldOut: batch(21) };
  const lossOn = (of: keyof typeof batches) => (): tf.Scalar => {
    const { x, y } = batches[of];
    const hidden = tf.tanh(tf.add(tf.matMul(x, kernel as tf.Tensor2D), bias));
    return tf.losses.meanSquaredError(y, tf.matMul(hidden as tf.Tensor2D, head as tf.Tensor2D)) as tf.Scalar;
  };
  return {
    w,
    training: lossOn("training"),
    heldOut: lossOn("heldOut"),
    dispose: () => tf.dispose([w, batches] as tf.TensorContainer),
  };
}

describe.each(["host", "device"] as const)("minimize with a hyperLoss (scalars on the %s)", (scalars) => {
  /** The held-out loss after training steps of which the last has this rate. */
  function after(rate: number, steps: number): number {
    const { w, training, heldOut, dispose } = model();
    const optimizer = hyper(averaged({ lr: (t) => (t === steps - 1 ? rate : 0.3) }), { scalars });
    for (let t = 0; t < steps; t++) optimizer.minimize(training, { varList: Object.values(w) });
    const loss = tf.tidy(() => heldOut().dataSync()[0] as number);
    optimizer.dispose();
    dispose();
    return loss;
  }

  test.each([1, 3])(
    "the rate's hyper-gradient is the slope of the held-out loss through a real step (step %i)",
    async (steps) => {
      const { training, heldOut, dispose } = model();
      const small = 2 ** -4;
      const by = descent({ lr: (t) => (t === steps ? small : 0) });
      const optimizer = hyper(averaged({ lr: learned(0.3, by) }), { scalars });
      for (let t = 0; t <= steps; t++) optimizer.minimize(training, { hyperLoss: heldOut });
      const slope = (0.3 - ((await optimizer.hyperparameters()).w?.lr as number)) / small;
      optimizer.dispose();
      dispose();
      const expected = (after(0.3 + 0.02, steps) - after(0.3 - 0.02, steps)) / 0.04;
      expect(Math.abs(expected)).toBeGreaterThan(1e-3);
      expect(slope / expected).toBeCloseTo(1, 2);
    },
  );

  test("trains on the training loss, returns it on demand, and leaves no tensor behind", () => {
    const before = tf.memory().numTensors;
    const { w, training, heldOut, dispose } = model();
    const optimizer = hyper(averaged({ lr: learned(0.1, descent({ lr: 0 })) }), { scalars });
    const variables = Object.values(w);
    optimizer.minimize(training, { hyperLoss: heldOut });
    optimizer.minimize(training, { hyperLoss: heldOut });
    const settled = tf.memory().numTensors;
    optimizer.minimize(training, { hyperLoss: heldOut, varList: variables });
    expect(tf.memory().numTensors).toBe(settled);
    const expected = tf.tidy(() => training().dataSync()[0]);
    const cost = optimizer.minimize(training, {
      hyperLoss: heldOut,
      returnCost: true,
      varList: variables,
    }) as tf.Scalar;
    expect(cost.dataSync()[0]).toBe(expected);
    expect(tf.memory().numTensors).toBe(settled + 1);
    cost.dispose();
    const trained = valuesOf(w);
    optimizer.dispose();
    dispose();
    expect(tf.memory().numTensors).toBe(before);

    const plain = model();
    const alone = hyper(averaged({ lr: 0.1 }), { scalars });
    for (let t = 0; t < 4; t++) alone.minimize(plain.training);
    for (const [name, values] of Object.entries(valuesOf(plain.w))) {
      values.forEach((x, i) => {
        expect(x).toBeCloseTo(trained[name]?.[i] as number, 6);
      });
    }
    alone.dispose();
    plain.dispose();
  });

  test("varList limits what is trained and what the held-out loss reaches", async () => {
    const { w, training, heldOut, dispose } = model();
    const optimizer = hyper(averaged({ lr: learned(0.1, descent({ lr: 0.01 })) }), { scalars });
    const before = valuesOf(w);
    for (let t = 0; t < 3; t++) optimizer.minimize(training, { hyperLoss: heldOut, varList: [w.v as tf.Variable] });
    expect(valuesOf(w).w).toEqual(before.w);
    expect(valuesOf(w).v).not.toEqual(before.v);
    expect(Object.keys(await optimizer.hyperparameters())).toEqual(["v"]);
    optimizer.dispose();
    dispose();
  });

  test("a held-out loss without some of the variables learns from the others", async () => {
    const { w, training, dispose } = model();
    const optimizer = hyper(averaged({ lr: learned(0.1, descent({ lr: 0.1 }), { per: "tensor" }) }), { scalars });
    const ofBias = () => tf.sum(tf.square(w.b as tf.Variable)) as tf.Scalar;
    for (let t = 0; t < 3; t++) optimizer.minimize(training, { hyperLoss: ofBias });
    const { w: kernel, b: bias } = await optimizer.hyperparameters();
    expect(kernel?.lr).toBeCloseTo(0.1, 7);
    expect(bias?.lr).not.toBeCloseTo(0.1, 6);
    optimizer.dispose();
    dispose();
  });
});

describe("a held-out gradient that is not finite", () => {
  const spec = averaged({
    lr: learned(0.1, averaged({ lr: 0.01 })),
    decay: learned(0.5, descent({ lr: 0.01 }), { horizon: 3 }),
  });
  const shapes = { a: [2, 3], b: [3] } as const;
  const gradientsOf = (bad: number) => ({
    good: { a: noiseOf([2, 3], 1), b: noiseOf([3], 2) },
    bad: { a: noiseOf([2, 3], 3), b: tf.tensor1d([0, bad, 1]) },
  });

  test("stops the step before anything is changed, and is freed by minimize", async () => {
    const w = variables(shapes);
    const optimizer = hyper(spec);
    step(optimizer, w, 1);
    step(optimizer, w, 2);
    const { good, bad } = gradientsOf(Number.POSITIVE_INFINITY);
    await refusesUnchanged(
      optimizer,
      w,
      () => optimizer.applyGradients(good, { hyperGradients: bad }),
      'the gradient of "b" has a NaN or infinite value',
    );
    tf.dispose([good, bad]);
    const f = () => tf.sum(tf.square(w.a)) as tf.Scalar;
    const hyperLoss = () => tf.sum(tf.sqrt(tf.mul(w.a, 0))) as tf.Scalar;
    await refusesUnchanged(
      optimizer,
      w,
      () => optimizer.minimize(f, { hyperLoss, returnCost: true }),
      'the gradient of "a"',
    );
    await refusesUnchanged(
      optimizer,
      w,
      () =>
        optimizer.minimize(f, {
          hyperLoss: () => {
            throw new Error("no batch");
          },
        }),
      "no batch",
    );
    optimizer.dispose();
  });

  test("is skipped and counted on demand, on the device without a read", async () => {
    for (const scalars of ["host", "device"] as const) {
      const w = variables(shapes);
      const optimizer = hyper(spec, { scalars, onNonFinite: "skip" });
      step(optimizer, w, 1);
      step(optimizer, w, 2);
      const before = [valuesOf(w), await optimizer.hyperparameters()];
      const { good, bad } = gradientsOf(Number.NaN);
      optimizer.applyGradients(good, { hyperGradients: bad });
      expect([valuesOf(w), await optimizer.hyperparameters()]).toEqual(before);
      expect(await optimizer.nonFinite()).toEqual({ steps: 1, hyperGradients: 0, variables: [] });
      step(optimizer, w, 3);
      expect(valuesOf(w)).not.toEqual(before[0]);
      tf.dispose([good, bad]);
      optimizer.dispose();
      tf.dispose(w);
    }
  });
});
