import { float64, hyper, learned, type Spec } from "@hypergrad/core";
import { ftp } from "@hypergrad/ftp";
import { adam, adamw, sgd } from "@hypergrad/optimizers";
import * as tf from "@tensorflow/tfjs";
import { afterEach, describe, expect, test } from "vitest";
import { noiseOf, refuses, refusesUnchanged, step, valuesOf, variables } from "../../core/test/support.js";
import { refusesFirstStep, shapes } from "./first-step.js";

afterEach(() => tf.disposeVariables());

describe("ftp refuses, when it is called,", () => {
  test.each([-0.1, 1.1, Number.NaN, Number.POSITIVE_INFINITY])("k = %d", (k) => {
    refuses(() => ftp(adamw(), { k }), `ftp: k is ${k}`, "a number from 0 to 1");
  });

  test("k that is no number", () => {
    refuses(() => ftp(adamw(), { k: "1" as never }), 'ftp: k is "1"', "a number from 0 to 1");
  });

  test("an option that it does not have", () => {
    refuses(() => ftp(adamw(), { exlude: /head/ } as never), 'ftp: there is no option "exlude"', "exclude");
  });

  test.each(["l1", "toString", "", 2])("the norm %j", (norm) => {
    refuses(() => ftp(adamw(), { norm: norm as never }), `ftp: norm is ${JSON.stringify(norm)}`, '"mars" or "l2"');
  });

  test.each(["pretrained", "", null, 0])("the anchor %j", (anchor) => {
    refuses(
      () => ftp(adamw(), { anchor: anchor as never }),
      `ftp: anchor is ${JSON.stringify(anchor)}`,
      '"initial", "zeros" or a record of tensors',
    );
  });

  test("a radius that is not positive", () => {
    refuses(() => ftp(adamw(), { radius: 0 }), "ftp(adamw): radius is 0", "a number > 0");
    refuses(() => ftp(adamw(), { radius: Number.NaN }), "ftp(adamw): radius is NaN", "a number > 0");
    refuses(
      () => ftp(adamw(), { radius: learned(-1, adam()) }),
      "ftp(adamw): radius is learned from -1",
      "a number > 0",
    );
  });

  test("what is no optimizer", () => {
    refuses(() => ftp(undefined as never), "expected an optimizer such as", "got undefined");
    refuses(() => ftp({ lr: 1 } as never), 'got {"lr":1}');
    refuses(() => ftp(adamw as never), "expected an optimizer such as", "got the function adamw; call it");
  });

  test("a base that has a radius already", () => {
    refuses(() => ftp(ftp(adamw())), "ftp: the base ftp(adamw) has a radius or an anchor already");
  });

  test("channelAxis that is neither a function nor a record", () => {
    refuses(() => ftp(adamw(), { channelAxis: 0 as never }), "channelAxis is 0", "by variable name");
  });
});

describe("hyper refuses a rate per element under FTP's row norms,", () => {
  test("and a rate per channel works, as it says", () => {
    const spec = (per: "element" | "channel") => ftp(adamw({ lr: learned(1e-3, sgd(), { per }) }));
    refuses(
      () => hyper(spec("element")),
      "ftp(adamw): lr cannot be learned per element",
      "reduces, per channel",
      "Learn it per channel or coarser",
    );
    hyper(spec("channel")).dispose();
  });

  test("and under the norm of the whole tensor one per tensor", () => {
    const spec = (per: "element" | "tensor") => ftp(adamw({ lr: learned(1e-3, sgd(), { per }) }), { norm: "l2" });
    refuses(() => hyper(spec("element")), "lr cannot be learned per element", "Learn it per tensor or coarser");
    hyper(spec("tensor")).dispose();
  });
});

test("an exclude pattern may name a variable that is not trained", () => {
  const { "head/kernel": head, ...trained } = variables(shapes);
  const optimizer = hyper(ftp(adamw(), { exclude: "head" }));
  step(optimizer, trained, 1);
  expect(optimizer.iterations).toBe(1);
  optimizer.dispose();
  head.dispose();
});

describe("an exclude pattern that matches no variable stops the first step:", () => {
  const there = "there are body/kernel, body/bias, head/kernel";

  test("a string", async () => {
    await refusesFirstStep(
      ftp(adamw(), { exclude: "haed" }),
      'ftp: exclude: "haed" matches no variable',
      there,
      "Correct",
    );
  });

  test("a string that is only part of a name", async () => {
    await refusesFirstStep(ftp(adamw(), { exclude: "hea" }), '"hea" matches no variable', there);
  });

  test("a regular expression", async () => {
    await refusesFirstStep(ftp(adamw(), { exclude: /^kernel/ }), "ftp: exclude: /^kernel/ matches no variable", there);
  });

  test("one in a list of others that match", async () => {
    await refusesFirstStep(ftp(adamw(), { exclude: ["head", /bias$/, "tail"] }), '"tail" matches no variable', there);
  });

  test("it may be corrected without harm: another optimizer starts as if nothing had been", async () => {
    await refusesFirstStep(ftp(adamw(), { exclude: "haed" }), "haed");
    const values = () => valuesOf(tf.engine().registeredVariables);
    const before = values();
    const all = tf.engine().registeredVariables;
    const optimizer = hyper(ftp(adamw(), { exclude: "head" }));
    step(optimizer, all, 1);
    expect(values()).not.toEqual(before);
    optimizer.dispose();
  });
});

describe("an exclude pattern matches", () => {
  /** The names that took the base step alone: with its own radius, a projected one does not move in the first step. */
  function excluded(exclude: NonNullable<Parameters<typeof ftp>[1]>["exclude"]): string[] {
    const all = variables({ ...shapes, header: [2], "body/head": [2] });
    const before = valuesOf(all);
    const optimizer = hyper(ftp(adamw({ lr: 0.1 }), exclude === undefined ? {} : { exclude }));
    step(optimizer, all, 1);
    const after = valuesOf(all);
    optimizer.dispose();
    tf.disposeVariables();
    return Object.keys(after).filter((name) =>
      (after[name] as number[]).some((x, i) => Math.abs(x - (before[name]?.[i] as number)) > 1e-3),
    );
  }

  test.each<[string, Parameters<typeof excluded>[0], string[]]>([
    ["nothing where there is none", undefined, []],
    ["nothing where the list is empty", [], []],
    ["a leading path, as a string", "head", ["head/kernel"]],
    ["a whole name, as a string", "header", ["header"]],
    ["wherever a regular expression does", /head/, ["head/kernel", "header", "body/head"]],
    ["every name with a global or sticky expression too", /body/gy, ["body/kernel", "body/bias", "body/head"]],
    ["what any of a list does", ["head", /bias$/], ["body/bias", "head/kernel"]],
  ])("%s", (_name, exclude, names) => expect(excluded(exclude)).toEqual(names));
});

describe("a checkpoint of FTP is refused by", () => {
  const others: readonly [string, Spec][] = [
    ["its base alone", adamw()],
    ["FTP on another base", ftp(adam())],
    ["FTP with another norm", ftp(adamw(), { norm: "l2" })],
    ["the masked variant", ftp(adamw(), { straightThrough: false })],
    ["FTP with a fixed radius", ftp(adamw(), { radius: 1 })],
    ["FTP with one radius for the model", ftp(adamw(), { radius: learned(1e-8, adam(), { per: "model" }) })],
    ["FTP that excludes something", ftp(adamw(), { exclude: "head" })],
  ];
  test.each(others)("%s", async (_name, other) => {
    const all = variables(shapes);
    const optimizer = hyper(ftp(adamw()));
    step(optimizer, all, 1);
    const checkpoint = await optimizer.checkpoint();
    const another = hyper(other);
    step(another, all, 2);
    await refusesUnchanged(
      another,
      all,
      () => another.restore(checkpoint),
      "checkpoint: it was made by another optimizer",
      "ftp(adamw)",
    );
    optimizer.dispose();
    another.dispose();
  });
});

describe("the float64 oracle refuses", () => {
  const parameters = { "body/kernel": { shape: [4, 3], values: new Float64Array(12) } };

  test("what hyper refuses", () => {
    refuses(() => float64(ftp(adamw(), { exclude: "haed" }), parameters), 'ftp: exclude: "haed" matches no variable');
    const optimizer = float64(ftp(adamw(), { anchor: {} }), parameters);
    refuses(() => optimizer.step({ "body/kernel": new Float64Array(12) }), "ftp: anchor: there is no tensor");
  });

  test("a tf.Tensor for an anchor", () => {
    const optimizer = float64(ftp(adamw(), { anchor: { "body/kernel": noiseOf([4, 3], 1) } }), parameters);
    refuses(() => optimizer.step({ "body/kernel": new Float64Array(12) }), "got a tf.Tensor", "{ shape, values }");
  });

  test("gradients of unknown names or other sizes", () => {
    const optimizer = float64(adamw(), parameters);
    refuses(() => optimizer.step({ kernel: [1] }), 'step: there is no parameter "kernel"', "there are body/kernel");
    refuses(() => optimizer.step({ "body/kernel": [1] }), 'the gradient of "body/kernel" has 1 values', "expected 12");
  });
});
