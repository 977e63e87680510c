import { float64, learned, type RuleSpec, type Spec } from "@hypergrad/core";
import { adam, gdtuo } from "@hypergrad/optimizers";
import { describe, expect, test } from "vitest";
import { refuses } from "../../core/test/support.js";

describe("gdtuo", () => {
  const { sgdPerParam, ...all } = gdtuo;
  const levels: Readonly<Record<string, (options?: { alpha?: number; mu?: number }, by?: Spec) => Spec>> = all;

  test.each(Object.entries(levels))("%s refuses what is not finite and names that it does not have", (_, level) => {
    refuses(() => level({ alpha: Number.NaN }), "gdtuo.", "alpha is NaN", "a finite number");
    refuses(() => level({ alpha: Number.NaN }, gdtuo.sgd()), "NaN", "a finite number");
    refuses(() => level({ lr: 1 } as never), "gdtuo.", 'there is no hyperparameter "lr"', "alpha");
    refuses(() => level({}, 0.1 as never), "learned: by", "got 0.1");
  });

  test.each(Object.entries(levels))(
    "%s is learned, by one learner, in all that the reference learns",
    (name, level) => {
      const by = gdtuo.sgd({ alpha: 1e-5 });
      const { settings } = level({ ...(name === "sgd" ? { mu: 0.5 } : {}) }, by) as RuleSpec;
      const expected: Readonly<Record<string, readonly string[]>> = {
        sgd: ["alpha: identity", "mu: identity"],
        adam: ["alpha: identity", "beta1: tanh", "beta2: tanh"],
        adamBaydin: ["alpha: identity"],
        rmsprop: ["alpha: square", "gamma: tanh"],
        rmspropAlpha: ["alpha: square"],
        adagrad: ["alpha: identity"],
      };
      const learnedOnes = Object.entries(settings).flatMap(([of, setting]) =>
        typeof setting === "object" ? [{ text: `${of}: ${setting.in}`, by: setting.by }] : [],
      );
      expect(learnedOnes.map(({ text }) => text)).toEqual(expected[name]);
      for (const one of learnedOnes) expect(one.by).toBe(by);
    },
  );

  test("learns no momentum that is 0 at the start", () => {
    expect(gdtuo.sgd({ alpha: 0.1, mu: 0 }, gdtuo.sgd())).toMatchObject({ rule: { name: "gdtuo.sgd" } });
  });

  test("sgdPerParam refuses an empty list, a rate that is not finite, and a name that no variable has", () => {
    refuses(() => sgdPerParam({}), "gdtuo.sgdPerParam: there are no rates", "{ alpha: 1e-4 }");
    refuses(() => sgdPerParam({ a: Number.NaN }), "alpha is NaN", "a finite number");
    const start = { a: { shape: [], values: [1] }, "b.c": { shape: [], values: [1] } };
    refuses(() => float64(sgdPerParam({ b: 0.1 }), start), "gdtuo.sgdPerParam", "matches no variable", "a, b.c");
    refuses(() => float64(sgdPerParam({ bxc: 0.1 }), start), "matches no variable");
  });

  test("sgdPerParam moves the variables that it lists, each at its rate, and no other", () => {
    const one = { shape: [], values: [1] };
    const optimizer = float64(sgdPerParam({ a: 0.5, "b.c": 0.25 }), { a: one, ab: one, "b.c": one, bxc: one });
    optimizer.step({ a: [1], ab: [1], "b.c": [1], bxc: [1] });
    const now = Object.entries(optimizer.parameters).map(([name, { values }]) => [name, values[0]]);
    expect(Object.fromEntries(now)).toEqual({ a: 0.5, ab: 1, "b.c": 0.75, bxc: 1 });
  });

  test("sgdPerParam as a learner moves the hyperparameters that it lists, at every grain and in several variables", () => {
    const one = { shape: [], values: [1] };
    const by = sgdPerParam({ beta1: 0.1 });
    for (const per of ["model", "tensor", "element"] as const) {
      const learns = (init: number) => learned(init, by, { per });
      const optimizer = float64(adam({ lr: learns(0.5), beta1: learns(0.5) }), { a: one, b: one });
      for (let t = 0; t < 3; t++) optimizer.step({ a: [1 + t], b: [1 - t] });
      const { a } = optimizer.hyperparameters();
      expect(Number(a?.lr)).toBe(0.5);
      expect(Number(a?.beta1)).not.toBe(0.5);
    }
  });
});
