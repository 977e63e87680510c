import { float64, hyper, learned, real, tensorRule } from "@hypergrad/core";
import * as tf from "@tensorflow/tfjs";
import { afterEach, describe, expect, test } from "vitest";
import { descent, refuses, refusesLater, step, valuesOf, variables } from "../support.js";
import { whirled } from "./whirled.js";

afterEach(() => tf.disposeVariables());

describe("is refused, with the reason and the way out:", () => {
  test.each(["channel", "element"] as const)("learning per %s what the matrix operation depends on", (per) => {
    for (const name of ["decay", "sharpness"]) {
      refuses(
        () => hyper(whirled({ [name]: learned(0.3, descent(), { per }) })),
        `whirled: ${name} cannot be learned per ${per}.`,
        '"direction" mixes all elements of a tensor',
        "Learn it per tensor or coarser.",
      );
    }
    // What comes after it can.
    hyper(whirled({ lr: learned(0.3, descent(), { per }) })).dispose();
  });

  test("as a learner, and in float64", () => {
    const parts = ["whirled: it works on tf.Tensors, so it can neither learn a hyperparameter nor run in float64"];
    refuses(() => hyper(descent({ lr: learned(0.1, whirled()) })), ...parts);
    refuses(() => float64(whirled(), { a: { shape: [1], values: [1] } }), ...parts);
  });

  test("a hyperparameter or slot called direction", () => {
    refuses(
      () =>
        tensorRule({
          name: "twice",
          hyperparameters: { direction: real(1) },
          state: {},
          inputs: ({ g }) => ({ g }),
          direction: ({ g }) => ({ value: g }),
          update: ({ p }) => ({ p }),
        }),
      'rule "twice": the name "direction" is used twice',
    );
  });

  test("a direction of another shape, or memory that was not declared", async () => {
    const made = (direction: (g: tf.Tensor) => { value: tf.Tensor; memory?: Record<string, tf.Tensor> }) =>
      tensorRule({
        name: "made",
        hyperparameters: {},
        state: {},
        inputs: ({ g }) => ({ g }),
        direction: ({ g }) => direction(g) as never,
        update: ({ p, direction }) => ({ p: p.sub(direction) }),
      })();
    const w = variables({ a: [2, 3] });
    const before = valuesOf(w);
    const transposed = hyper(made((g) => ({ value: tf.transpose(g) })));
    refuses(() => step(transposed, w, 1), 'The direction of "a" has shape [3,2]; expected the variable\'s, [2,3]');
    const odd = hyper(made((g) => ({ value: g, memory: { past: g } })));
    await refusesLater(async () => step(odd, w, 1), 'The direction of "a" remembers "past"', "there are none");
    expect(valuesOf(w)).toEqual(before);
    transposed.dispose();
    odd.dispose();
  });
});
