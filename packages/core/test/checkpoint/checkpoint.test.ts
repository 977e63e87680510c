import {
  accumulate,
  type Checkpoint,
  decodeCheckpoint,
  encodeCheckpoint,
  encodeSafetensors,
  groups,
  type HyperOptimizer,
  hyper,
  learned,
  type Spec,
  type StoredTensor,
} from "@hypergrad/core";
import * as tf from "@tensorflow/tfjs";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { crc32 } from "../../src/checkpoint/crc32.js";
import { averaged, descent, refuses, refusesLater, refusesUnchanged, step, valuesOf, variables } from "../support.js";

const shapes = { w: [2, 3], b: [3] } as const;
const spec = averaged({
  lr: learned(0.1, descent({ lr: learned(1e-3, descent({ lr: 1e-4 })) })),
  decay: learned(0.5, descent({ lr: 1e-3 }), { per: "channel", in: "logit" }),
});

let all: Record<keyof typeof shapes, tf.Variable>;
let optimizer: HyperOptimizer;
let saved: Checkpoint;

beforeEach(async () => {
  all = variables(shapes);
  optimizer = hyper(spec);
  for (let i = 0; i < 3; i++) step(optimizer, all, i);
  saved = await optimizer.checkpoint();
});

afterEach(() => {
  optimizer.dispose();
  tf.disposeVariables();
});

describe("a checkpoint", () => {
  test("is a plain object that says what is in it", () => {
    expect(saved.format).toBe("hypergrad-checkpoint/1");
    expect(saved.structure).toContain("averaged(");
    expect(saved.variables).toEqual({ w: [2, 3], b: [3] });
    for (const { dtype, shape, values } of Object.values(saved.tensors)) {
      expect(values).toBeInstanceOf(dtype === "float64" ? Float64Array : Float32Array);
      expect(values.length).toBe(shape.reduce((a, b) => a * b, 1));
    }
  });

  test("survives structuredClone and its file bit for bit", () => {
    expect(structuredClone(saved)).toEqual(saved);
    expect(decodeCheckpoint(encodeCheckpoint(saved))).toEqual(saved);
  });

  test("is a copy: what the optimizer does later does not change it", () => {
    const copy = structuredClone(saved);
    for (let i = 3; i < 6; i++) step(optimizer, all, i);
    expect(saved).toEqual(copy);
  });

  test("has the state of the moment of the call, whatever happens before it arrives", async () => {
    const pending = optimizer.checkpoint();
    step(optimizer, all, 9);
    expect(await pending).toEqual(saved);
  });

  test.each(["object", "file"])("as a %s resumes the run bit for bit", async (form) => {
    const start = valuesOf(all);
    for (let i = 3; i < 7; i++) step(optimizer, all, i);
    const expected = { values: valuesOf(all), remembered: await optimizer.checkpoint() };
    for (const [name, variable] of Object.entries(all)) {
      tf.tidy(() => variable.assign(tf.tensor(start[name] as number[], variable.shape)));
    }
    const resumed = hyper(spec);
    resumed.restore(form === "file" ? decodeCheckpoint(encodeCheckpoint(saved)) : saved);
    expect(resumed.iterations).toBe(3);
    expect(await resumed.checkpoint()).toEqual(saved);
    for (let i = 3; i < 7; i++) step(resumed, all, i);
    expect({ values: valuesOf(all), remembered: await resumed.checkpoint() }).toEqual(expected);
    resumed.dispose();
  });

  test("replaces what the optimizer remembered, and leaks nothing", async () => {
    for (let i = 3; i < 6; i++) step(optimizer, all, i);
    const { numTensors } = tf.memory();
    optimizer.restore(saved);
    expect(tf.memory().numTensors).toBe(numTensors);
    expect(await optimizer.checkpoint()).toEqual(saved);
  });

  test("of an optimizer that took no step yet is one too", async () => {
    const fresh = hyper(spec);
    const empty = decodeCheckpoint(encodeCheckpoint(await fresh.checkpoint()));
    expect(empty.variables).toEqual({});
    fresh.restore(empty);
    expect(fresh.iterations).toBe(0);
    const weights = await fresh.getWeights();
    await fresh.setWeights(weights);
    tf.dispose(weights.map(({ tensor }) => tensor));
    fresh.dispose();
  });

  test("fits an optimizer whose fixed numbers are others, as the resumed run's learning rate may be", async () => {
    const [one, other] = [hyper(averaged({ lr: 0.1 })), hyper(averaged({ lr: 0.2 }))];
    step(one, all, 1);
    other.restore(await one.checkpoint());
    expect((await other.hyperparameters()).w?.lr).toBe(0.2);
    one.dispose();
    other.dispose();
  });
});

describe("restore refuses, and changes nothing:", () => {
  const refused = (checkpoint: unknown, ...parts: string[]) =>
    refusesUnchanged(optimizer, all, () => optimizer.restore(checkpoint as Checkpoint), "checkpoint: ", ...parts);

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
    all = { ...variables({ w: [3, 2] }, 5), b: all.b };
    await refused(saved, '"w" has shape [2,3] in it, but the variable has [3,2]', "Build the model as it was");
  });

  test("variables with other names, as a model has that was built a second time", async () => {
    tf.disposeVariables();
    all = { w: tf.variable(tf.zeros([2, 3]), true, "w_1"), b: tf.variable(tf.zeros([3]), true, "b_1") };
    await refused(saved, "no variable for the state of w, b; there are w_1, b_1", "Build the model first");
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

describe("a checkpoint's file is refused", () => {
  test("when it is truncated, at any length", () => {
    const bytes = encodeCheckpoint(saved);
    for (let length = 0; length < bytes.length; length++) {
      refuses(() => decodeCheckpoint(bytes.subarray(0, length)), "safetensors: ", "truncated");
    }
  });

  test("when it holds tensors but no optimizer's", () => {
    const other = encodeSafetensors({ tensors: saved.tensors, metadata: { format: "pt" } });
    refuses(() => decodeCheckpoint(other), 'checkpoint: the file\'s format is "pt"', "hypergrad-checkpoint/1");
    const none = encodeSafetensors({ tensors: {}, metadata: {} });
    refuses(() => decodeCheckpoint(none), "checkpoint: the file's format is undefined", "not an optimizer's");
  });

  test("when the list of its variables is damaged", () => {
    const warned = vi.spyOn(console, "warn").mockImplementation(() => {});
    const { format, structure, tensors } = saved;
    for (const text of ["{", "null", "[]", '{"w":3}']) {
      const bytes = encodeSafetensors({ tensors, metadata: { format, structure, variables: text } });
      refuses(() => decodeCheckpoint(bytes), "checkpoint: ", "variables", "damaged");
    }
    warned.mockRestore();
  });

  test("when there is none", () => {
    for (const none of [null, undefined, {}, "text"]) {
      refuses(() => decodeCheckpoint(none as never), "safetensors: the file is", "Uint8Array");
    }
  });

  test("when one bit of it is another, whichever it is", () => {
    const bytes = encodeCheckpoint(saved);
    for (let i = 0; i < bytes.length; i++) {
      bytes[i] = (bytes[i] as number) ^ (1 << (i % 8));
      expect(() => decodeCheckpoint(bytes), `byte ${i}`).toThrow(/^(checkpoint|safetensors): /);
      bytes[i] = (bytes[i] as number) ^ (1 << (i % 8));
    }
    expect(decodeCheckpoint(bytes)).toEqual(saved);
  });

  test("when its values are others than were written, and says so", () => {
    const bytes = encodeCheckpoint(saved);
    bytes.set([1, 2, 3, 4], bytes.length - 4);
    refuses(() => decodeCheckpoint(bytes), "checkpoint: the file is not what was written: its checksum is ", "damaged");
  });
});

test("a checkpoint's file of an earlier version, without a checksum, is read with a warning", () => {
  const warned = vi.spyOn(console, "warn").mockImplementation(() => {});
  const { format, structure, variables, tensors } = saved;
  const old = encodeSafetensors({ tensors, metadata: { format, structure, variables: JSON.stringify(variables) } });
  expect(decodeCheckpoint(old)).toEqual(saved);
  expect(warned).toHaveBeenCalledOnce();
  expect(warned.mock.calls[0]?.[0]).toMatch(/^checkpoint: the file has no checksum.*Encode it again to give it one\.$/);
  warned.mockClear();
  expect(decodeCheckpoint(encodeCheckpoint(saved))).toEqual(saved);
  expect(warned).not.toHaveBeenCalled();
  warned.mockRestore();
});

test("crc32 is the checksum of zip and PNG", () => {
  const bytes = new TextEncoder().encode("123456789");
  // The check value of every catalogue of CRCs, and the chunk IEND of every PNG.
  expect(crc32(bytes)).toBe(0xcbf43926);
  expect(crc32(new TextEncoder().encode("IEND"))).toBe(0xae426082);
  expect(crc32(bytes.subarray(4), crc32(bytes.subarray(0, 4)))).toBe(0xcbf43926);
  expect(crc32(new Uint8Array())).toBe(0);
});
