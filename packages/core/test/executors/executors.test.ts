/**
 * The executor of tensors: which of the registered ones runs a program.
 */
import "@tensorflow/tfjs-backend-cpu";
import * as tf from "@tensorflow/tfjs-core";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { accelerate, ranAlready, tensorExecutor } from "../../src/executors/tensor-executor.js";
import { input, sum } from "../../src/expression/expression.js";
import { layoutOf } from "../../src/expression/layout.js";
import { compile } from "../../src/expression/program.js";

const layout = layoutOf([3]);
const program = compile({ twice: input("x", "element").mul(2) });

describe("the executor of tensors", () => {
  let calls: string[] = [];
  const none = () => undefined;

  beforeEach(async () => {
    await tf.setBackend("cpu");
    calls = [];
  });
  afterEach(() => accelerate("cpu", none));

  /** Runs the program on [1, 2, 3]. */
  function run(executor = tensorExecutor(() => "host", true)): number[] {
    return tf.tidy(() => {
      const twice = executor.run(program, { x: tf.tensor1d([1, 2, 3]) }, layout).twice as tf.Tensor;
      const values = Array.from(twice.dataSync());
      twice.dispose();
      return values;
    });
  }

  test("asks the one that is registered for the active backend", () => {
    accelerate("cpu", (given, { x }) => {
      calls.push(given.name);
      return ranAlready({ twice: tf.keep(tf.add(x as tf.Tensor, 10)) });
    });
    accelerate("another", () => {
      throw new Error("this backend is not active");
    });
    expect(run()).toEqual([11, 12, 13]);
    expect(calls).toEqual([program.name]);
  });

  test("hands to tfjs operations what it leaves", () => {
    accelerate("cpu", (given) => {
      calls.push(given.name);
      return undefined;
    });
    expect(run()).toEqual([2, 4, 6]);
    expect(calls).toHaveLength(1);
  });

  test("asks nobody where values that cover a tensor live on the device, or where it was told not to", () => {
    accelerate("cpu", () => {
      throw new Error("nobody should ask");
    });
    expect(run(tensorExecutor(() => "device", true))).toEqual([2, 4, 6]);
    expect(run(tensorExecutor(() => "host", false))).toEqual([2, 4, 6]);
  });

  test("computes what is numbers alone in float64, without asking", () => {
    accelerate("cpu", () => {
      throw new Error("nobody should ask");
    });
    const numbers = compile({ third: input("x", "element").div(3), total: sum(input("x", "element"), "tensor") });
    expect(tensorExecutor(() => "host", true).run(numbers, { x: 1 }, layout)).toEqual({ third: 1 / 3, total: 3 });
  });
});
