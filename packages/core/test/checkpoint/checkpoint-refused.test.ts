import {
  accumulate,
  type Checkpoint,
  encodeCheckpoint,
  groups,
  hyper,
  learned,
  type Spec,
  type StoredTensor,
} from "@hypergrad/core";
import * as tf from "@tensorflow/tfjs";
import { describe, expect, test } from "vitest";
import { all, optimizer, saveBeforeEach, saved } from "../saved-run.js";
import { averaged, descent, refuses, refusesLater, refusesUnchanged, step, variables } from "../support.js";
import { spec } from "./spec.js";

saveBeforeEach(spec, 3);

describe("restore refuses, and changes nothing:", () => {
  const refused = (checkpoint: unknown, ...parts: string[]) => refusedWith(all, checkpoint, ...parts);
  const refusedWith = (variables: Record<string, tf.Variable>, checkpoint: unknown, ...parts: string[]) =>
    refusesUnchanged(optimizer, variables, () => optimizer.restore(checkpoint as Checkpoint), "checkpoint: ", ...parts);

  test("what is no checkpoint", async () => {
    const remedy = "Pass what checkpoint() or decodeCheckpoint() returned";
    await refused(undefined, "its format is undefined", remedy);
    await refused(null, "its format is undefined", remedy);
    await refused({}, "its format is undefined", remedy);
    await refused({ ...saved, format: "hypergrad-checkpoint/2" }, 'its format is "hypergrad-checkpoint/2"', remedy);
    await refused(encodeCheckpoint(saved), "its format is undefined", remedy);
  });

  test("a checkpoint without its variables or tensors", async () => {
    await refused({ ...saved, variables: undefined }, "variables", "incomplete");
    await refused({ ...saved, tensors: undefined }, "tensors", "incomplete");
    await refused({ ...saved, variables: { w: "2,3" } }, '"w"', "expected a shape");
  });

  const by = descent({ lr: 1e-3 });
  const others: readonly [string, Spec][] = [
    ["another rule's", descent()],
    ["one with nothing learned", averaged()],
    ["one with other hyperparameters learned", averaged({ lr: learned(0.1, by) })],
    [
      "one with another grain",
      averaged({ lr: learned(0.1, by), decay: learned(0.5, by, { per: "tensor", in: "logit" }) }),
    ],
    ["one with another coordinate", averaged({ lr: learned(0.1, by), decay: learned(0.5, by, { per: "channel" }) })],
    [
      "one with a lower tower",
      averaged({ lr: learned(0.1, by), decay: learned(0.5, by, { per: "channel", in: "logit" }) }),
    ],
  ];
  test.each(others)("%s", async (_name, other) => {
    const another = hyper(other);
    step(another, all, 1);
    const checkpoint = await another.checkpoint();
    another.dispose();
    await refused(
      checkpoint,
      "it was made by another optimizer",
      `checkpoint: ${checkpoint.structure}`,
      `this one:   ${saved.structure}`,
      "Build the optimizer as it was",
    );
  });

  test("other shapes", async () => {
    all.w.dispose();
    await refusedWith(
      { ...variables({ w: [3, 2] }, 5), b: all.b },
      saved,
      '"w" has shape [2,3] in it, but the variable has [3,2]',
      "Build the model as it was",
    );
  });

  test("variables with other names, as a model has that was built a second time", async () => {
    tf.disposeVariables();
    const others = { w: tf.variable(tf.zeros([2, 3]), true, "w_1"), b: tf.variable(tf.zeros([3]), true, "b_1") };
    await refusedWith(others, saved, "no variable for the state of w, b; there are w_1, b_1", "Build the model first");
  });

  test("variables of which some do not exist", async () => {
    all.b.dispose();
    refuses(() => optimizer.restore(saved), "no variable for the state of b; there are w", "{ variables: model }");
    expect(optimizer.iterations).toBe(3);
  });

  test("a missing tensor, whichever it is", async () => {
    for (const key of Object.keys(saved.tensors)) {
      const { [key]: _, ...tensors } = saved.tensors;
      await refused({ ...saved, tensors }, `"${key}" is missing`, "incomplete", "Load it again");
    }
  });

  test("a tensor left over", async () => {
    const extra: StoredTensor = { dtype: "float32", shape: [1], values: Float32Array.of(1) };
    await refused({ ...saved, tensors: { ...saved.tensors, "0/other#m": extra } }, "no place for 0/other#m");
  });

  test("a tensor of another shape, or with other values than its shape has", async () => {
    const put = (key: string, tensor: unknown) => ({ ...saved, tensors: { ...saved.tensors, [key]: tensor } });
    expect(saved.tensors["0/w#m"]?.shape).toEqual([2, 3]);
    const six = Float32Array.from({ length: 6 });
    await refused(put("0/w#m", { dtype: "float32", shape: [3, 2], values: six }), '"0/w#m" has shape [3,2]', "[2,3]");
    await refused(
      put("0/w#m", { dtype: "float32", shape: [2, 3], values: six.subarray(1) }),
      '"0/w#m" has 5 values',
      "expected 6 for its shape [2,3]",
    );
    await refused(
      put("0@steps", { dtype: "float32", shape: [6], values: six }),
      '"0@steps" has shape [6]',
      "one number",
    );
    await refused(put("0/w#m", { dtype: "float32" }), '"0/w#m"', "expected a tensor");
    await refused(put("0/w#m", null), '"0/w#m"');
  });

  test("values that no run leaves behind", async () => {
    const put = (key: string, x: number) => {
      const { dtype, shape, values } = saved.tensors[key] as StoredTensor;
      return { ...saved, tensors: { ...saved.tensors, [key]: { dtype, shape, values: values.slice().fill(x) } } };
    };
    for (const x of [Number.NaN, Number.POSITIVE_INFINITY, -1, 0.5, 2 ** 53]) {
      await refused(
        put("0@steps", x),
        `"0@steps" has the value ${x}; expected a whole number ≥ 0`,
        "take an earlier one",
      );
      await refused(put("0/w@t", x), `"0/w@t" has the value ${x}; expected a whole number ≥ 0`);
    }
    await refused(put("0@frozen:lr", 2), '"0@frozen:lr" has the value 2; expected 0 or 1');
    for (const x of [Number.NaN, Number.NEGATIVE_INFINITY]) {
      await refused(put("0/w#m", x), `"0/w#m" has the value ${x}; expected finite numbers`);
      await refused(put("0/*:lr@raw", x), `"0/*:lr@raw" has the value ${x}; expected finite numbers`);
    }
    await refused(put("0/*:lr@value", -1), '"0/*:lr@value" has the value -1; expected a number ≥ 0');
    await refused(put("0/*:lr@value", 1e300), '"0/*:lr@value" has the value 1e+300');
    await refused(put("0/w:decay@value", 1.5), '"0/w:decay@value" has the value 1.5; expected a number from 0 to 1');
  });

  test("numbers that are finite in float64, but not in the float32 that they become", async () => {
    const m: StoredTensor = { dtype: "float64", shape: [2, 3], values: new Float64Array(6).fill(1e300) };
    await refused({ ...saved, tensors: { ...saved.tensors, "0/w#m": m } }, '"0/w#m" has the value 1e+300');
  });

  test("more gradients gathered than make a step", async () => {
    const gathering = hyper(accumulate(descent(), { steps: 2 }));
    step(gathering, all, 1);
    const { tensors, ...rest } = await gathering.checkpoint();
    const two = { dtype: "float64", shape: [], values: Float64Array.of(2) } as const;
    await refusesLater(
      async () => gathering.restore({ ...rest, tensors: { ...tensors, "0/w@gathered": two } }),
      '"0/w@gathered" has the value 2; expected a whole number from 0 to 1',
    );
    gathering.dispose();
  });

  test("with a long structure, and shows where it is another", async () => {
    const long = groups(
      Array.from({ length: 40 }, (_, i) => [`layer_${i}`, averaged()] as const),
      descent(),
    );
    const [one, other] = [hyper(long), hyper(groups([["last", averaged()]], long))];
    let message = "";
    try {
      other.restore(await one.checkpoint());
    } catch (error) {
      message = (error as Error).message;
    }
    expect(message).toContain("checkpoint: [layer_0] ? averaged()");
    expect(message).toContain("this one:   [last] ? averaged()");
    expect(message.length).toBeLessThan(1000);
    one.dispose();
    other.dispose();
  });

  test("weights that are none, or damaged", async () => {
    const weights = await optimizer.getWeights();
    const change = (name: string, tensor: tf.Tensor) =>
      weights.map((weight) => (weight.name === name ? { name, tensor } : weight));
    const text = (header: unknown) =>
      tf.tensor1d(Int32Array.from(new TextEncoder().encode(JSON.stringify(header))), "int32");
    const given: [unknown, ...string[]][] = [
      [null, "setWeights: the weights are null", "getWeights()"],
      [[null], "setWeights: the weights are [null]"],
      [[{ name: "w" }], 'setWeights: the weights are [{"name":"w"}]'],
      [
        change("hypergrad/header", tf.tensor1d([123, 1], "int32")),
        'setWeights: "hypergrad/header" is not JSON',
        "damaged",
      ],
      [change("hypergrad/header", text({})), 'setWeights: "hypergrad/header" is {}', "damaged"],
      [change("hypergrad/header", text(null)), 'setWeights: "hypergrad/header" is null', "damaged"],
      [change("hypergrad/header", text({ numbers: ["a"] })), 'setWeights: "hypergrad/numbers" has', "damaged"],
      [change("hypergrad/header", text({ numbers: [1] })), 'setWeights: "hypergrad/header" is {"numbers":[1]}'],
      [change("hypergrad/numbers", tf.tensor1d([1, 2, 3], "int32")), 'setWeights: "hypergrad/numbers" has 3 words'],
    ];
    for (const [damaged, ...parts] of given) {
      await refusesLater(() => optimizer.setWeights(damaged as never), ...parts);
    }
    expect(await optimizer.checkpoint()).toEqual(saved);
  });

  test("weights that another optimizer made", async () => {
    const adam = tf.train.adam(1e-3);
    step(adam, all, 1);
    const weights = await adam.getWeights();
    await refusesLater(
      () => optimizer.setWeights(weights as never),
      "setWeights: there is no",
      "iter, w/m",
      "what getWeights() of a HyperOptimizer returned",
    );
    await refusesLater(() => optimizer.setWeights([]), "setWeights: there is no", "no weights");
    expect(await optimizer.checkpoint()).toEqual(saved);
    weights[0]?.tensor.dispose();
    adam.dispose();
  });
});
