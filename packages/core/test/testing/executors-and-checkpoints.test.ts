/**
 * `checkExecutorsAgree`, `checkCheckpoint` and the watch over memory find executors and schedules that go wrong.
 */
import "@tensorflow/tfjs-backend-cpu";
import * as tf from "@tensorflow/tfjs-core";
import { afterEach, expect, test } from "vitest";
import { accelerate, ranAlready, tensorExecutor } from "../../src/executors/tensor-executor.js";
import { checkCheckpoint, checkExecutorsAgree, checkInvariants, type Testable } from "../../src/testing/index.js";
import { expectReadable, failureOf } from "./failures.js";
import { momentum } from "./rules.js";

/** An executor of the cpu backend that does something to what tfjs operations compute. */
const faulty = (f: (p: tf.Tensor) => tf.Tensor): void => {
  const exact = tensorExecutor(() => "host", false);
  accelerate("cpu", (program, inputs, layout) => {
    const result = exact.run(program, inputs, layout);
    if (result.p instanceof tf.Tensor) {
      const given = result.p;
      result.p = tf.tidy(() => tf.keep(f(given)));
      given.dispose();
    }
    return ranAlready(result);
  });
};
afterEach(() => accelerate("cpu", () => undefined));

test("checkExecutorsAgree finds an executor that is off by a little, and shows where", async () => {
  faulty((p) => tf.mul(p, 1 + 1e-4));
  const { message } = await failureOf(() => checkExecutorsAgree(momentum()));
  expect(message).toMatch(
    /momentum: on cpu, fused kernels, a after step 1, element \[0\] is (\S+); in float64 (\S+) ± \S+, so it is off by \d+ tolerances\n {2}in the case \{"problem":\{"a":\{"shape":\[\],"values":\[0\.5\],"gradients":\[\[1\.5\]\]\}\},"with":\{ lr: number 0\.5, momentum: number 0\.75 \}\}/,
  );
});

test("checkExecutorsAgree finds an executor that is off by much, and shows that first", async () => {
  faulty((p) => tf.mul(p, tf.where(tf.greater(tf.abs(p), 0.1), 1.5, 1 + 1e-4)));
  const failure = await failureOf(() => checkExecutorsAgree(momentum()));
  expect(failure.message).toMatch(/on cpu, fused kernels/);
  expectReadable(failure);
});

test("checkExecutorsAgree finds an executor that leaves tensors behind", async () => {
  faulty((p) => {
    tf.keep(tf.scalar(1));
    return p.clone();
  });
  const failure = await failureOf(() => checkExecutorsAgree(momentum()));
  expect(failure.message).toMatch(/on cpu, fused kernels, \d+ tensors are left behind/);
  expectReadable(failure);
});

test("checkInvariants finds an executor whose every step leaves a tensor behind", async () => {
  faulty((p) => {
    tf.keep(tf.scalar(1));
    return p.clone();
  });
  const failure = await failureOf(() => checkInvariants(momentum()));
  expect(failure.message).toMatch(
    /momentum: memory: on cpu, fused kernels, 8 steps leave \d+ tensors behind\n {2}in the case \{"problem":\{"a":\{.*"with":\{/,
  );
  expectReadable(failure);
});

test("checkCheckpoint finds a schedule that remembers how often it was asked", async () => {
  let asked = 0;
  const it: Testable = {
    name: "restless",
    build: () => {
      const restless = (t: number): number => {
        asked = t === 0 ? 0 : asked + 1;
        return 0.1 / (1 + asked);
      };
      return momentum()({ lr: restless });
    },
    values: { lr: 0.1 },
  };
  const failure = await failureOf(() => checkCheckpoint(it));
  expect(failure.message).toMatch(/restless: on cpu, .*, interrupted after \d steps?: a after step/);
  expectReadable(failure);
});
