import { type Hyperparameters, hyper, learned, type StepInfo } from "@hypergrad/core";
import * as tf from "@tensorflow/tfjs";
import { afterEach, describe, expect, test, vi } from "vitest";
import { averaged, descent, step, valuesOf, variables } from "../support.js";

afterEach(() => tf.disposeVariables());

describe("onStep", () => {
  test("is called after every step, with the values of that step", async () => {
    const infos: StepInfo[] = [];
    const pending: Promise<Hyperparameters>[] = [];
    const onStep = (info: StepInfo) => {
      infos.push(info);
      pending.push(info.hyperparameters());
    };
    const all = variables({ w: [2, 3] });
    const optimizer = hyper(descent({ lr: learned(0.5, descent({ lr: 0.1 }), { per: "channel" }) }), { onStep });
    const expected: Hyperparameters[] = [];
    for (const seed of [1, 2, 3]) {
      step(optimizer, all, seed);
      expected.push(await optimizer.hyperparameters());
    }
    expect(infos.map(({ step, skipped }) => [step, skipped])).toEqual([
      [1, false],
      [2, false],
      [3, false],
    ]);
    expect(await Promise.all(pending)).toEqual(expected);
    optimizer.dispose();
  });

  /** The variable's values after two steps, and what was thrown by them. */
  function run(onStep?: (info: StepInfo) => unknown) {
    const all = variables({ w: [2, 3] });
    const optimizer = hyper(averaged({ lr: learned(0.5, descent({ lr: 0.1 })) }), onStep && { onStep });
    const { numTensors } = tf.memory();
    const thrown: unknown[] = [];
    for (let i = 0; i < 2; i++) {
      try {
        optimizer.minimize(() => tf.sum(tf.square(all.w)) as tf.Scalar, true)?.dispose();
      } catch (error) {
        thrown.push(error);
      }
    }
    const seen = {
      values: valuesOf(all),
      iterations: optimizer.iterations,
      tensors: tf.memory().numTensors - numTensors,
    };
    optimizer.dispose();
    tf.disposeVariables();
    return { ...seen, thrown };
  }

  test("that throws is heard after the step was taken, and nothing leaks", () => {
    const error = new Error("the disk is full");
    const thrower = () => {
      throw error;
    };
    expect(run(thrower)).toEqual({ ...run(), thrown: [error, error] });
  });

  test("that is rejected is reported by name, with the step, and ends no process", async () => {
    const report = vi.spyOn(console, "error").mockImplementation(() => {});
    const error = new Error("the disk is full");
    const rejected = async () => {
      throw error;
    };
    expect(run(rejected)).toEqual(run());
    await new Promise((resolve) => setTimeout(resolve));
    expect(report.mock.calls.map(([message, cause]) => [message, cause])).toEqual([
      [expect.stringContaining("hyper: onStep was rejected after step 1"), error],
      [expect.stringContaining("hyper: onStep was rejected after step 2"), error],
    ]);
    report.mockRestore();
  });
});
