import { groups, hyper, learned, real, rule, type Setting, sum, wrapper } from "@hypergrad/core";
import * as tf from "@tensorflow/tfjs";
import { afterEach, describe, expect, test } from "vitest";
import { hyperGradientOf } from "../finite-differences.js";
import { descent, refuses } from "../support.js";
import { coupled, gradients, parameters, shown } from "./coupled.js";

afterEach(() => tf.disposeVariables());

describe("is refused, with the reason and the way out:", () => {
  test.each(["tensor", "channel", "element"] as const)("learning what a total depends on per %s", (per) => {
    refuses(
      () => hyper(coupled({ reach: learned(0.8, descent(), { per }) })),
      `coupled: reach cannot be learned per ${per}.`,
      '"along"',
      "depends on it",
      "Learn it per model",
    );
    // What no total depends on can be learned at any grain.
    hyper(coupled({ lr: learned(0.1, descent(), { per }) })).dispose();
  });

  test("learning per tensor over several steps what a total depends on by way of the parameters or the state", () => {
    const options = { per: "tensor", horizon: Number.POSITIVE_INFINITY } as const;
    const byState = rule({
      name: "byState",
      hyperparameters: { lr: real(0.1) },
      state: { m: 0 },
      totals: { all: ({ m }) => sum(m, "tensor") },
      update: ({ p, g, m, lr, all }) => ({ p: p.sub(m.mul(all)), m: g.mul(lr) }),
    });
    refuses(() => hyper(byState({ lr: learned(0.1, descent(), options) })), "lr cannot be learned per tensor", '"all"');
    hyper(byState({ lr: learned(0.1, descent(), { per: "tensor" }) })).dispose();
  });

  test("learning over several steps, in one group alone, what reaches the other groups through a common total", () => {
    const leaning = wrapper({
      name: "leaning",
      hyperparameters: {},
      state: {},
      totals: { size: ({ p }) => sum(p.square(), "tensor") },
      update: ({ proposed, p, size }) => ({ p: proposed.sub(p.mul(size).mul(0.01)) }),
    });
    const far = { horizon: Number.POSITIVE_INFINITY };
    const build = (a: Setting, b: Setting) => leaning()(groups([["b", descent({ lr: b })]], descent({ lr: a })));
    refuses(
      () => hyper(build(learned(0.1, descent(), far), 0.1)),
      "leaning(descent): lr cannot be learned with a horizon above 1 here.",
      '"size" adds up over the variables of leaning(descent) as well',
      "Give both the same learned object, or leave horizon out.",
    );
    hyper(build(learned(0.1, descent()), 0.1)).dispose();
    // One for both is right.
    const both = (setting: Setting) => build(setting, setting);
    const question = { build: both, name: "lr", value: 0.1, parameters, gradients, k: 4, ...far };
    const { actual, expected } = hyperGradientOf(question);
    expect(actual).toBeCloseTo(expected, 9);
  });

  test("a total with more than one value per tensor", () => {
    const perElement = shown("perElement", ({ g }) => g);
    refuses(
      () => hyper(perElement()),
      'rule "perElement": the total "total" has one value per element; expected one per tensor.',
      'Reduce it: sum(x, "tensor")',
    );
  });

  test("a total with the name of something else", () => {
    refuses(
      () =>
        rule({
          name: "twice",
          hyperparameters: { lr: real(0.1) },
          state: {},
          totals: { lr: () => 1 },
          update: ({ p }) => ({ p }),
        }),
      'rule "twice": the name "lr" is used twice',
    );
  });
});
