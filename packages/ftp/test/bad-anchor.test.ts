import { decodeSafetensors, encodeSafetensors, hyper } from "@hypergrad/core";
import { ftp } from "@hypergrad/ftp";
import { adamw } from "@hypergrad/optimizers";
import * as tf from "@tensorflow/tfjs";
import { afterEach, describe, expect, test } from "vitest";
import { noiseOf, refusesUnchanged, step, valuesOf, variables } from "../../core/test/support.js";
import { refusesFirstStep, shapes } from "./first-step.js";

afterEach(() => tf.disposeVariables());

describe("an anchor stops the first step", () => {
  const given = () => ({ "body/kernel": noiseOf([4, 3], 1), "body/bias": noiseOf([3], 2) });

  test("where a variable's name is missing, and excluding it helps", async () => {
    const anchor = given();
    await refusesFirstStep(
      ftp(adamw(), { anchor }),
      'ftp: anchor: there is no tensor for the variable "head/kernel"',
      "there are body/kernel, body/bias",
      "Add one of shape [3,2], or exclude the variable",
    );
    const all = tf.engine().registeredVariables;
    const optimizer = hyper(ftp(adamw(), { anchor, exclude: "head" }));
    step(optimizer, all, 1);
    optimizer.dispose();
  });

  test("where it is empty", async () => {
    await refusesFirstStep(ftp(adamw(), { anchor: {} }), 'for the variable "body/kernel"', "there are none");
  });

  test("where a shape is not the variable's", async () => {
    for (const [shape, shown] of [
      [[3, 4], "[3,4]"],
      [[12], "[12]"],
      [[4, 1], "[4,1]"],
    ] as const) {
      await refusesFirstStep(
        ftp(adamw(), { anchor: { ...given(), "body/kernel": noiseOf(shape, 3) }, exclude: "head" }),
        `ftp: anchor: the tensor for the variable "body/kernel" has shape ${shown}`,
        "expected the variable's, [4,3]",
      );
      tf.disposeVariables();
    }
  });

  test("where it has other values than its shape says", async () => {
    const kernel = { shape: [4, 3], values: new Float32Array(11) };
    await refusesFirstStep(
      ftp(adamw(), { anchor: { ...given(), "body/kernel": kernel }, exclude: "head" }),
      'ftp: anchor: the tensor for the variable "body/kernel" has 11 values',
      "expected 12 for its shape [4,3]",
    );
  });

  test("where what stands there is no tensor", async () => {
    for (const [nothing, shown] of [
      [null, "null"],
      [[1, 2], "[1,2]"],
      [{ values: [1] }, '{"values":[1]}'],
    ] as const) {
      await refusesFirstStep(
        ftp(adamw(), { anchor: { ...given(), "body/kernel": nothing as never }, exclude: "head" }),
        `ftp: anchor: what is given for the variable "body/kernel" is ${shown}`,
        "expected a tf.Tensor, or shape and values",
      );
      tf.disposeVariables();
    }
  });

  test("of which a variable needs one that comes later: that step alone is refused", async () => {
    const { "head/kernel": head, ...body } = variables(shapes);
    const optimizer = hyper(ftp(adamw({ lr: 0.1 }), { anchor: given() }));
    step(optimizer, body, 1);
    const all = { ...body, "head/kernel": head };
    await refusesUnchanged(optimizer, all, () => step(optimizer, all, 2), 'for the variable "head/kernel"');
    step(optimizer, body, 2);
    expect(optimizer.iterations).toBe(2);
    optimizer.dispose();
  });

  test("a decoded safetensors file is one", () => {
    const file = encodeSafetensors({
      tensors: {
        "body/kernel": { dtype: "float32", shape: [4, 3], values: new Float32Array(12).fill(2) },
        "body/bias": { dtype: "float64", shape: [3], values: new Float64Array(3).fill(3) },
      },
      metadata: {},
    });
    const all = variables(shapes);
    const optimizer = hyper(ftp(adamw({ lr: 0.1 }), { anchor: decodeSafetensors(file).tensors, exclude: "head" }));
    step(optimizer, all, 1);
    const { "body/kernel": kernel, "body/bias": bias } = valuesOf(all);
    for (const x of kernel as number[]) expect(x).toBeCloseTo(2, 6);
    for (const x of bias as number[]) expect(x).toBeCloseTo(3, 6);
    optimizer.dispose();
  });
});
