import { hyper, learned } from "@hypergrad/core";
import * as tf from "@tensorflow/tfjs";
import { afterEach, describe, expect, test } from "vitest";
import { descent, noiseOf, refuses, refusesUnchanged, step, variables } from "../support.js";
import { shapes, underWay } from "./under-way.js";

afterEach(() => tf.disposeVariables());

describe("applyGradients refuses, and changes nothing:", () => {
  test("a name that no variable has", async () => {
    const { all, optimizer } = underWay();
    const g = noiseOf([2, 3], 3);
    await refusesUnchanged(
      optimizer,
      all,
      () => optimizer.applyGradients({ w: g, kernel: g }),
      'applyGradients: there is no variable "kernel"',
      "names of tf.Variables that exist",
    );
    optimizer.dispose();
  });

  test("a variable that was disposed", async () => {
    const { all, optimizer } = underWay();
    const g = noiseOf([3], 3);
    const before = [...all.w.dataSync()];
    all.b.dispose();
    refuses(() => optimizer.applyGradients({ b: g }), 'there is no variable "b"', "was it disposed?");
    expect([...all.w.dataSync()]).toEqual(before);
    expect(optimizer.iterations).toBe(2);
    optimizer.dispose();
  });

  test("two gradients for one variable", async () => {
    const { all, optimizer } = underWay();
    const tensor = noiseOf([2, 3], 3);
    await refusesUnchanged(
      optimizer,
      all,
      () =>
        optimizer.applyGradients([
          { name: "w", tensor },
          { name: "w", tensor },
        ]),
      'applyGradients: there are two gradients for "w"',
      "Add them up first",
    );
    optimizer.dispose();
  });

  test("a gradient of another shape, also where it would broadcast", async () => {
    const { all, optimizer } = underWay();
    for (const [shape, shown] of [
      [[3, 2], "[3,2]"],
      [[6], "[6]"],
      [[1, 3], "[1,3]"],
      [[], "[]"],
    ] as const) {
      const g = noiseOf(shape, 3);
      await refusesUnchanged(
        optimizer,
        all,
        () => optimizer.applyGradients({ w: g }),
        `applyGradients: the gradient of "w" has shape ${shown}`,
        "expected [2,3]",
      );
    }
    optimizer.dispose();
  });

  test.each(["int32", "bool"] as const)("a gradient of type %s, which kernels would misread", async (dtype) => {
    const { all, optimizer } = underWay();
    const [g, whole] = [noiseOf([2, 3], 3), tf.tidy(() => tf.cast(tf.ones([3]), dtype))];
    await refusesUnchanged(
      optimizer,
      all,
      () => optimizer.applyGradients({ w: g, b: whole }),
      `applyGradients: the gradient of "b" is of type ${dtype}; expected float32`,
      "tf.cast",
    );
    optimizer.dispose();
  });

  test.each(["int32", "bool"] as const)("a variable of type %s beside one of floats", async (dtype) => {
    const { all, optimizer } = underWay();
    const count = tf.variable(tf.cast(tf.ones([3]), dtype), true, "count");
    const [g, other] = [noiseOf([2, 3], 3), noiseOf([3], 3)];
    await refusesUnchanged(
      optimizer,
      { ...all, count },
      () => optimizer.applyGradients({ w: g, count: other }),
      `applyGradients: "count" is of type ${dtype}; expected float32`,
      "leave it out of training",
    );
    optimizer.dispose();
  });

  test("what is no tensor", async () => {
    const { all, optimizer } = underWay();
    await refusesUnchanged(
      optimizer,
      all,
      () => optimizer.applyGradients({ w: [1, 2, 3, 4, 5, 6] as never }),
      'applyGradients: the gradient of "w" is [1,2,3,4,5,6]',
      "expected a tf.Tensor",
    );
    optimizer.dispose();
  });

  test.each<[string, (g: tf.Tensor) => unknown, ...string[]]>([
    ["null", () => null, "the gradients are null", "by variable name", "a list of { name, tensor }"],
    ["a number", () => 5, "the gradients are 5", "by variable name"],
    ["a function", () => Math.sin, "the gradients are the function sin"],
    ["one tensor", (g) => g, "the gradients are one tensor", "by variable name"],
    ["a list of tensors", (g) => [g], "gradient 0 of the list is", "{ name, tensor }"],
    ["a list with a hole", (g) => [{ name: "w", tensor: g }, undefined], "gradient 1 of the list is undefined"],
    ["a false gradient", () => ({ w: false }), 'the gradient of "w" is false', "a tf.Tensor of shape [2,3]"],
    ["0 for a gradient", () => ({ w: 0 }), 'the gradient of "w" is 0', "a tf.Tensor of shape [2,3]"],
    ["what tf.variableGrads returns", (g) => ({ value: tf.scalar(0), grads: { w: g } }), "Pass its .grads"],
  ])("%s in place of gradients by name", async (_, given, ...parts) => {
    const { all, optimizer } = underWay();
    const gradients = given(noiseOf([2, 3], 3));
    await refusesUnchanged(optimizer, all, () => optimizer.applyGradients(gradients as never), ...parts);
    optimizer.dispose();
  });

  test.each(["__proto__", "constructor", "toString", "hasOwnProperty"])(
    "%s, which no variable is called",
    async (name) => {
      const { all, optimizer } = underWay();
      const tensor = noiseOf([2, 3], 3);
      const message = [`there is no variable "${name}"`, "There are w, b"];
      for (const gradients of [[{ name, tensor }], Object.fromEntries([[name, tensor]])]) {
        await refusesUnchanged(optimizer, all, () => optimizer.applyGradients(gradients), ...message);
      }
      optimizer.dispose();
    },
  );

  test("names that no variable has, all of them in one message", async () => {
    const { all, optimizer } = underWay();
    const g = noiseOf([2, 3], 3);
    await refusesUnchanged(
      optimizer,
      all,
      () => optimizer.applyGradients({ kernel: g, w: g, bias: g }),
      'there is no variable "kernel", "bias"',
      "There are w, b",
    );
    optimizer.dispose();
  });

  test("a gradient that was disposed, also of the loss that hyperparameters are learned from", async () => {
    const { all, optimizer } = underWay();
    const [gone, g] = [noiseOf([2, 3], 3), noiseOf([2, 3], 4)];
    gone.dispose();
    await refusesUnchanged(
      optimizer,
      all,
      () => optimizer.applyGradients({ w: gone }),
      'applyGradients: the gradient of "w" was disposed',
      "Take the step first",
    );
    await refusesUnchanged(
      optimizer,
      all,
      () => optimizer.applyGradients({ w: g }, { hyperGradients: { w: gone } }),
      'hyperGradients: the gradient of "w" was disposed',
    );
    optimizer.dispose();
  });

  test("options that are none", async () => {
    const { all, optimizer } = underWay();
    const g = noiseOf([2, 3], 3);
    const act = () => optimizer.applyGradients({ w: g }, null as never);
    await refusesUnchanged(optimizer, all, act, "applyGradients: the options are null", "hyperGradients");
    optimizer.dispose();
  });

  test("a variable whose shape changed under its name", async () => {
    const { all, optimizer } = underWay();
    all.w.dispose();
    const renewed = { ...variables({ w: [3, 2] }, 2), b: all.b };
    await refusesUnchanged(
      optimizer,
      renewed,
      () => step(optimizer, renewed, 3),
      'applyGradients: "w" has shape [3,2], but had [2,3] when its state was made',
      "another name, or build a new optimizer",
    );
    optimizer.dispose();
  });
});

describe("channelAxis is refused", () => {
  const per = descent({ lr: learned(0.1, descent(), { per: "channel" }) });

  test.each([
    [2, "channelAxis: 2 is no axis of"],
    [-3, "channelAxis: -3 is no axis of"],
    [0.5, "channelAxis: 0.5 is no axis of"],
  ])("where %d is no axis of the variable", async (axis, message) => {
    const all = variables(shapes);
    const optimizer = hyper(per, { channelAxis: { w: axis } });
    await refusesUnchanged(
      optimizer,
      all,
      () => step(optimizer, all, 1),
      message,
      '"w"',
      "[2,3]",
      "a whole number from -2 to 1",
    );
    optimizer.dispose();
  });

  test("where a function of the variable returns such an axis", async () => {
    const all = variables(shapes);
    const optimizer = hyper(per, { channelAxis: ({ shape }) => shape.length });
    await refusesUnchanged(optimizer, all, () => step(optimizer, all, 1), "channelAxis: 2 is no axis of");
    optimizer.dispose();
  });
});
