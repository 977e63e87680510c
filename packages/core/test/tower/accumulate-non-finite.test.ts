import { accumulate, groups, hyper } from "@hypergrad/core";
import * as tf from "@tensorflow/tfjs";
import { afterEach, describe, expect, test } from "vitest";
import { descent, refuses, refusesLater, refusesUnchanged, valuesOf, variables } from "../support.js";
import { gridded, inner, seenOf, shapes } from "./gridded.js";

afterEach(() => tf.disposeVariables());

describe("a gradient that is not finite", () => {
  const spec = () => groups([["b", accumulate(inner(), { steps: 3 })]], inner());
  const spoilt = (): tf.NamedTensorMap => ({ ...gridded(7), b: tf.tensor1d([0, Number.NaN, 1]) });

  test("stops the gathering, whichever of a step's gradients it is, and changes nothing", async () => {
    for (const after of [1, 2, 3]) {
      const w = variables(shapes);
      const optimizer = hyper(spec());
      for (let t = 0; t < after; t++) tf.tidy(() => optimizer.applyGradients(gridded(t)));
      const bad = spoilt();
      await refusesUnchanged(
        optimizer,
        w,
        () => optimizer.applyGradients(bad),
        'the gradient of "b" has a NaN or infinite value',
      );
      // A held-out one as well.
      const good = gridded(7);
      await refusesUnchanged(
        optimizer,
        w,
        () => optimizer.applyGradients(good, { hyperGradients: bad }),
        'the gradient of "b" has a NaN or infinite value',
      );
      tf.dispose([bad, good]);
      optimizer.dispose();
      tf.dispose(w);
    }
  });

  test('is dropped with "skip": the run goes on as if it had not been, and onStep hears of it', async () => {
    const run = async (spoil: boolean) => {
      const w = variables(shapes);
      const told: boolean[] = [];
      const optimizer = hyper(spec(), { onNonFinite: "skip", onStep: ({ skipped }) => void told.push(skipped) });
      for (let t = 0; t < 7; t++) {
        if (spoil && (t === 1 || t === 2)) tf.tidy(() => optimizer.applyGradients(spoilt()));
        tf.tidy(() => optimizer.applyGradients(gridded(t)));
      }
      const seen = [await seenOf(optimizer, w), await optimizer.checkpoint()];
      expect(await optimizer.nonFinite()).toEqual({ steps: spoil ? 2 : 0, hyperGradients: 0, variables: [] });
      expect(told.filter((skipped) => skipped).length).toBe(spoil ? 2 : 0);
      optimizer.dispose();
      tf.dispose(w);
      return seen;
    };
    expect(await run(true)).toEqual(await run(false));
  });

  test("on the device masks the step that it is in, and only that one", async () => {
    const w = variables(shapes);
    const optimizer = hyper(accumulate(inner(), { steps: 2 }), { scalars: "device" });
    for (let t = 0; t < 5; t++) tf.tidy(() => optimizer.applyGradients(gridded(t)));
    const before = valuesOf(w);
    tf.tidy(() => optimizer.applyGradients(spoilt()));
    expect(valuesOf(w)).toEqual(before);
    await refusesLater(() => optimizer.hyperparameters(), "a gradient had a NaN or infinite value in 1 step");
    for (let t = 6; t < 8; t++) tf.tidy(() => optimizer.applyGradients(gridded(t)));
    const after = valuesOf(w);
    expect(after).not.toEqual(before);
    for (const x of Object.values(after).flat()) expect(Number.isFinite(x)).toBe(true);
    optimizer.dispose();
  });
});

test("accumulate refuses what it cannot count", () => {
  for (const steps of [0, -1, 1.5, Number.POSITIVE_INFINITY, Number.NaN]) {
    refuses(() => accumulate(descent(), { steps }), `accumulate: steps is ${steps}; expected a whole number ≥ 1.`);
  }
  refuses(() => accumulate(descent as never, { steps: 2 }), "accumulate: expected an optimizer such as");
  refuses(
    () => accumulate(tf.train.sgd(0.1) as never, { steps: 2 }),
    "accumulate: expected an optimizer such as",
    "SGDOptimizer",
  );
});
