/**
 * Which variables a checkpoint's state goes to: those of its names, unless others are named.
 */
import { accumulate, type HyperOptimizer, hyper, learned } from "@hypergrad/core";
import * as tf from "@tensorflow/tfjs";
import { describe, expect, test } from "vitest";
import { all, optimizer, saveBeforeEach, saved, type shapes } from "../saved-run.js";
import { averaged, descent, refuses, refusesUnchanged, step, valuesOf, variables } from "../support.js";

// State, sensitivities, a learner's own state under names of its own, two levels high, and half a mean.
const spec = accumulate(
  averaged({
    lr: learned(0.1, averaged({ lr: learned(1e-3, averaged({ lr: 1e-4 }), { per: "tensor" }) }), { per: "channel" }),
    decay: learned(0.5, descent({ lr: 1e-3 })),
  }),
  { steps: 2 },
);
saveBeforeEach(spec, 5);

/** Variables with the values of `all` under other names. */
function copies(suffix: string): Record<keyof typeof shapes, tf.Variable> {
  const copy = (variable: tf.Variable) => {
    const value = variable.clone();
    const made = tf.variable(value, true, `${variable.name}${suffix}`);
    value.dispose();
    return made;
  };
  return { w: copy(all.w), b: copy(all.b) };
}

/** What a model of tfjs-layers shows of its weights. */
const modelOf = (weights: Readonly<Record<string, tf.Variable>>) => ({
  weights: Object.entries(weights).map(([originalName, variable]) => ({ originalName, read: () => variable })),
});

describe("a checkpoint is restored for", () => {
  test.each<[string, (copied: Record<keyof typeof shapes, tf.Variable>) => Parameters<HyperOptimizer["restore"]>[1]]>([
    ["variables by their names in it", ({ w, b }) => ({ variables: { b, w } })],
    ["a model that gave its weights the same names", ({ w, b }) => ({ variables: modelOf({ w, b }) })],
  ])("%s: the run goes on bit for bit under the new names", async (_, optionsFor) => {
    const copied = copies("_1");
    for (let i = 5; i < 12; i++) step(optimizer, all, i);
    const resumed = hyper(spec);
    resumed.restore(saved, optionsFor(copied));
    for (let i = 5; i < 12; i++) step(resumed, copied, i);
    expect(valuesOf(copied)).toEqual(valuesOf(all));
    const hyperparameters = await optimizer.hyperparameters();
    expect(await resumed.hyperparameters()).toEqual({ w_1: hyperparameters.w, b_1: hyperparameters.b });

    // And what it saves has the new names.
    const again = hyper(spec);
    again.restore(await resumed.checkpoint());
    expect(await again.hyperparameters()).toEqual(await resumed.hyperparameters());
    resumed.dispose();
    again.dispose();
  });

  test("variables whose names go crosswise", async () => {
    const [a, b] = [variables({ x: [3] }, 1).x, variables({ y: [3] }, 2).y];
    const one = hyper(averaged());
    step(one, { a }, 1);
    step(one, { b }, 2);
    const expected = await one.checkpoint();
    const other = hyper(averaged());
    other.restore(expected, { variables: { x: b, y: a } });
    const crossed = await other.checkpoint();
    expect(crossed.tensors["0/y#m"]).toEqual(expected.tensors["0/x#m"]);
    expect(crossed.tensors["0/x#m"]).toEqual(expected.tensors["0/y#m"]);
    one.dispose();
    other.dispose();
  });

  test("a part of the variables, the others' state being left out", async () => {
    const copied = copies("_1");
    const resumed = hyper(spec);
    resumed.restore(saved, { variables: { w: copied.w } });
    expect(Object.keys(await resumed.hyperparameters())).toEqual(["w_1"]);
    for (let i = 5; i < 8; i++) step(resumed, copied, i);
    expect(Object.keys(await resumed.hyperparameters())).toEqual(["w_1", "b_1"]);
    resumed.dispose();
  });

  test("a model with weights of one name, as nested models have them: in the order of their numbers", async () => {
    const names = ["d", "d_1", "d_2"];
    const [first, second, third] = names.map((name) => variables({ [name]: [2] })[name]) as [
      tf.Variable,
      tf.Variable,
      tf.Variable,
    ];
    const one = hyper(averaged());
    // In another order than that of their names.
    [second, third, first].forEach((variable, i) => {
      step(one, { variable }, i);
    });
    const checkpoint = await one.checkpoint();
    const later = [10, 9, 11].map((n) => variables({ [`d_${n}`]: [2] })[`d_${n}`] as tf.Variable);
    const model = {
      weights: later.map((variable) => ({ originalName: "d", read: () => variable })),
    };
    const other = hyper(averaged());
    other.restore(checkpoint, { variables: model });
    const { tensors } = await other.checkpoint();
    names.forEach((name, i) => {
      expect(tensors[`0/d_${9 + i}#m`]).toEqual(checkpoint.tensors[`0/${name}#m`]);
    });
    one.dispose();
    other.dispose();
  });
});

describe("restore refuses, and changes nothing:", () => {
  const refused = (options: unknown, ...parts: string[]) =>
    refusesUnchanged(optimizer, all, () => optimizer.restore(saved, options as never), ...parts);

  test("what is neither a model nor variables by name", async () => {
    await refused(
      { variables: [all.w, all.b] },
      "restore: variables is [",
      "expected a tf.LayersModel",
      '{ "w": kernel }',
    );
    await refused({ variables: null }, "restore: variables is null");
    await refused({ model: all }, 'restore: there is no option "model"', "variables");
    await refused({ variables: { w: 5 } }, 'the state of "w" is 5', "expected a tf.Variable that exists");
    const gone = copies("_gone").w;
    gone.dispose();
    await refused({ variables: { w: gone } }, "expected a tf.Variable that exists");
  });

  test("names that are not in the checkpoint", () =>
    refused({ variables: { w: all.w, kernel: all.b } }, "has no state of kernel", "it has that of w, b"));

  test("one variable for the state of two", async () => {
    const [a, b] = [variables({ x: [3] }, 1).x, variables({ y: [3] }, 2).y];
    const one = hyper(averaged());
    step(one, { a, b }, 1);
    const checkpoint = await one.checkpoint();
    refuses(
      () => one.restore(checkpoint, { variables: { x: a, y: a } }),
      '"x" is to have the state of both "x" and "y"',
    );
    one.dispose();
  });

  test("a variable of another shape", () =>
    refused(
      { variables: { w: all.b } },
      '"w" has shape [2,3] in it, but "b", which is to have its state, has [3]',
      "Build the model as it was",
    ));

  test("a model that lacks a weight, or of which nobody can say which weight it is", async () => {
    const { w, b } = copies("_1");
    await refused(
      { variables: modelOf({ w }) },
      "has state of b, for which the model has no weight; its weights are w",
      "Name the variables",
    );
    const twice = [...modelOf({ w, b }).weights, ...modelOf({ b: copies("_2").b }).weights];
    await refused(
      { variables: { ...modelOf({}), weights: twice } },
      "has state of b, for which the model has b_1, b_2",
    );
  });
});

describe("the first step after restore by name", () => {
  test("refuses to train what has no state while what has it stands by, names both, and does so until told otherwise", async () => {
    const copied = copies("_1");
    const resumed = hyper(spec);
    resumed.restore(saved);
    const both = [
      "applyGradients: the restored state is that of w, b, which this step does not train; it trains w_1, b_1",
      "restore(checkpoint, { variables: model })",
    ];
    await refusesUnchanged(resumed, copied, () => step(resumed, copied, 5), ...both);
    await refusesUnchanged(resumed, copied, () => step(resumed, copied, 6), ...both);
    resumed.restore(saved, { variables: copied });
    step(resumed, copied, 5);
    resumed.dispose();
  });

  test("refuses a part that is numbered, too", () => {
    const { w } = all;
    const { b } = copies("_1");
    const resumed = hyper(spec);
    resumed.restore(saved);
    refuses(
      () => step(resumed, { w, b }, 5),
      "the restored state is that of b, which this step does not train; it trains b_1",
    );
    resumed.dispose();
  });

  test("may train a part of what has state, and what is new besides", () => {
    const head = variables({ head: [2] }).head;
    for (const trained of [{ w: all.w }, { ...all, head }, { b: all.b, head }] as Record<string, tf.Variable>[]) {
      const resumed = hyper(spec);
      resumed.restore(saved);
      step(resumed, trained, 5);
      resumed.dispose();
    }
  });

  test("may train something else where the variables were named", () => {
    const head = variables({ head: [2] }).head;
    const resumed = hyper(spec);
    resumed.restore(saved, { variables: all });
    step(resumed, { head }, 5);
    resumed.dispose();
  });

  test("is the first that has gradients", () => {
    const copied = copies("_1");
    const resumed = hyper(spec);
    resumed.restore(saved);
    resumed.applyGradients({});
    refuses(() => step(resumed, copied, 5), "which this step does not train");
    resumed.dispose();
  });

  test("is looked at after setWeights as well, which takes the same options", async () => {
    const copied = copies("_1");
    const weights = await optimizer.getWeights();
    const resumed = hyper(spec);
    await resumed.setWeights(weights);
    refuses(() => step(resumed, copied, 5), "which this step does not train");
    await resumed.setWeights(weights, { variables: copied });
    step(resumed, copied, 5);
    resumed.dispose();
  });
});
