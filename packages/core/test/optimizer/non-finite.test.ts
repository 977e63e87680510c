import { hyper, learned, type StepInfo } from "@hypergrad/core";
import * as tf from "@tensorflow/tfjs";
import { afterEach, beforeAll, describe, expect, test } from "vitest";
import {
  averaged,
  backends,
  descent,
  noiseOf,
  refuses,
  refusesLater,
  refusesUnchanged,
  step,
  valuesOf,
  variables,
} from "../support.js";
import { shapes, spec, underWay } from "./under-way.js";

afterEach(() => tf.disposeVariables());

describe.each(backends)("on the %s backend, a gradient that is not finite", (backend) => {
  beforeAll(async () => {
    await tf.setBackend(backend);
    return async () => {
      await tf.setBackend("cpu");
    };
  });

  /** Gradients of noise, but for one element of b's. */
  function spoiled(value: number): tf.NamedTensorMap {
    return { w: noiseOf([2, 3], 5), b: tf.tensor1d([0.1, value, 0.2]) };
  }

  test.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])(
    "(%d) by default stops the step, which says whose it is, and changes nothing",
    async (value) => {
      const { all, optimizer } = underWay();
      const gradients = spoiled(value);
      await refusesUnchanged(
        optimizer,
        all,
        () => optimizer.applyGradients(gradients),
        'the gradient of "b" has a NaN or infinite value',
        "Nothing was changed",
        "Lower the learning rate",
        '{ onNonFinite: "skip" }',
      );
      optimizer.dispose();
    },
  );

  test("in the first step leaves no trace", async () => {
    const all = variables(shapes);
    const optimizer = hyper(spec);
    const gradients = spoiled(Number.NaN);
    await refusesUnchanged(optimizer, all, () => optimizer.applyGradients(gradients), 'the gradient of "b"');
    expect(await optimizer.hyperparameters()).toEqual({});
    optimizer.dispose();
  });

  test("stops minimize, which frees what it computed", async () => {
    const { all, optimizer } = underWay();
    const f = () => tf.sum(tf.sqrt(tf.mul(all.w, 0))) as tf.Scalar;
    await refusesUnchanged(optimizer, all, () => optimizer.minimize(f, true), 'the gradient of "w"');
    optimizer.dispose();
  });

  test('is skipped and counted with onNonFinite: "skip", and the run goes on as if that step had not been', async () => {
    const run = async (spoil: boolean) => {
      const infos: StepInfo[] = [];
      const { all, optimizer } = underWay({ onNonFinite: "skip", onStep: (info) => void infos.push(info) });
      if (spoil) {
        const before = { values: valuesOf(all), hyperparameters: await optimizer.hyperparameters() };
        for (const value of [Number.NaN, Number.POSITIVE_INFINITY]) {
          tf.tidy(() => optimizer.applyGradients(spoiled(value)));
        }
        expect({ values: valuesOf(all), hyperparameters: await optimizer.hyperparameters() }).toEqual(before);
        expect(await optimizer.nonFinite()).toEqual({ steps: 2, hyperGradients: 0, variables: [] });
        expect(infos.map(({ step, skipped }) => [step, skipped])).toEqual([
          [1, false],
          [2, false],
          [2, true],
          [2, true],
        ]);
      }
      step(optimizer, all, 3);
      expect(optimizer.iterations).toBe(3);
      const seen = { values: valuesOf(all), remembered: await optimizer.checkpoint() };
      optimizer.dispose();
      tf.disposeVariables();
      return seen;
    };
    expect(await run(true)).toEqual(await run(false));
  });

  test("is skipped without a read where scalars stay on the device, and reported by the next call that reads", async () => {
    // Every learned value's gradient is finite but for those that b has a part in: none may move.
    const everyGrain = averaged({
      lr: learned(0.1, descent({ lr: learned(1e-3, descent({ lr: 1e-4 })) }), { per: "tensor" }),
      decay: learned(0.5, descent({ lr: 1e-3 }), { per: "channel" }),
    });
    const { all, optimizer } = underWay({ scalars: "device" }, everyGrain);
    step(optimizer, all, 3);
    const before = { values: valuesOf(all), hyperparameters: await optimizer.hyperparameters() };
    tf.tidy(() => optimizer.applyGradients(spoiled(Number.NaN)));
    expect(valuesOf(all)).toEqual(before.values);
    await refusesLater(
      () => optimizer.hyperparameters(),
      "a gradient had a NaN or infinite value in 1 step",
      '{ onNonFinite: "skip" }',
    );
    expect(await optimizer.nonFinite()).toEqual({ steps: 1, hyperGradients: 0, variables: [] });
    expect(await optimizer.hyperparameters()).toEqual(before.hyperparameters);
    tf.tidy(() => optimizer.applyGradients(spoiled(Number.NaN)));
    await refusesLater(() => optimizer.checkpoint(), "a gradient had a NaN or infinite value in 1 step");
    await optimizer.checkpoint();
    optimizer.dispose();
  });

  test("before any step was taken is not said to be the learning rate's doing", async () => {
    const w = tf.variable(tf.ones([2]), true, "w");
    const gradients = { w: tf.tensor1d([1, Number.NaN]) };
    for (const scalars of ["host", "device"] as const) {
      const optimizer = hyper(averaged({ lr: 0.1 }), { scalars });
      const told = async () => {
        optimizer.applyGradients(gradients);
        await optimizer.hyperparameters();
      };
      await refusesLater(told, "No step has been taken yet, so it is not the learning rate: look at the loss");
      expect([...w.dataSync()]).toEqual([1, 1]);
      optimizer.dispose();
    }
    w.dispose();
  });

  test("leaves nothing on the device when a later check of the same step fails", () => {
    const { all, optimizer } = underWay({
      scalars: "device",
      channelAxis: ({ name }) => (name === "late" ? 7 : undefined),
    });
    const late = tf.variable(tf.zeros([2, 2]), true, "late");
    const before = valuesOf(all);
    const gradients = { w: noiseOf([2, 3], 5), late: noiseOf([2, 2], 6) };
    const { numTensors } = tf.memory();
    refuses(() => optimizer.applyGradients(gradients), "channelAxis: 7 is no axis of");
    expect(tf.memory().numTensors).toBe(numTensors);
    expect(valuesOf(all)).toEqual(before);
    late.dispose();
    optimizer.dispose();
  });
});
