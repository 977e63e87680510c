import { float64, hyper, learned, type RuleSpec, type Spec } from "@hypergrad/core";
import {
  adabelief,
  adadelta,
  adagrad,
  adam,
  adamax,
  adamw,
  adan,
  ademamix,
  amsgrad,
  gdtuo,
  lamb,
  lars,
  lion,
  nadam,
  radam,
  rmsprop,
  rprop,
  sgd,
  sgdw,
  yogi,
} from "@hypergrad/optimizers";
import { describe, expect, test } from "vitest";
import { refuses } from "../../core/test/support.js";

const rules = { adam, adamw } as const;

describe.each(Object.entries(rules))("%s", (name, factory) => {
  test.each([
    ["lr", -1e-3, "a number ≥ 0"],
    ["lr", Number.NaN, "a number ≥ 0"],
    ["beta1", 1, "a number from 0 to just below 1"],
    ["beta2", -0.1, "a number from 0 to just below 1"],
    ["eps", 0, "a number > 0"],
    ["weightDecay", Number.POSITIVE_INFINITY, "a number ≥ 0"],
  ])("refuses %s = %d", (hyperparameter, value, expected) => {
    for (const amsgrad of [false, true]) {
      const called = amsgrad ? `${name} (amsgrad)` : name;
      refuses(
        () => factory({ [hyperparameter]: value, amsgrad }),
        `${called}: ${hyperparameter} is ${value}`,
        expected,
      );
    }
  });

  test("refuses a name that it does not have, a learner's included, and lists those that it has", () => {
    for (const setting of [1e-3, learned(1e-3, sgd())]) {
      refuses(
        () => factory({ learningRate: setting } as never),
        `${name}: there is no hyperparameter "learningRate"`,
        "lr, beta1, beta2, eps, weightDecay",
      );
    }
  });

  test("can learn every hyperparameter that it has", () => {
    const by = sgd({ lr: 1e-6 });
    for (const amsgrad of [false, true]) {
      hyper(
        factory({
          lr: learned(1e-3, by),
          beta1: learned(0.9, by, { in: "logit" }),
          beta2: learned(0.999, by, { in: "tanh" }),
          eps: learned(1e-8, by, { in: "log" }),
          weightDecay: learned(0.01, by),
          amsgrad,
        }),
      ).dispose();
    }
  });
});

describe("sgd", () => {
  test.each([
    ["lr", -1, "a number ≥ 0"],
    ["momentum", 1, "a number from 0 to just below 1"],
    ["momentum", -0.9, "a number from 0 to just below 1"],
    ["dampening", Number.NaN, "a finite number"],
    ["weightDecay", -1e-4, "a number ≥ 0"],
  ])("refuses %s = %d", (hyperparameter, value, expected) => {
    refuses(() => sgd({ momentum: 0.9, [hyperparameter]: value }), `: ${hyperparameter} is ${value}`, expected);
  });

  test("refuses Nesterov's momentum without momentum", () => {
    refuses(() => sgd({ nesterov: true }), "sgd: nesterov is true, but momentum is 0", "such as 0.9");
  });

  test("refuses a dampening outside its domain also where there is no velocity to dampen", () => {
    refuses(() => sgd({ dampening: Number.NaN }), "dampening is NaN", "a finite number");
  });

  test("refuses a name that it does not have", () => {
    refuses(
      () => sgd({ learningRate: 1 } as never),
      'sgd: there is no hyperparameter "learningRate"',
      "lr, weightDecay",
    );
    refuses(() => sgd({ momentum: 0.9, mu: 1 } as never), '"mu"', "lr, momentum, dampening, weightDecay");
  });

  test("learns its momentum from 0: a velocity is kept then", () => {
    const spec = sgd({ momentum: learned(0, sgd({ lr: 1e-6 })) });
    expect(spec).toMatchObject({ rule: { name: "sgd (momentum)" } });
    hyper(spec).dispose();
  });
});

type Factory = (options: never) => Spec;

const nonNegative = "a number ≥ 0";
const positive = "a number > 0";
const belowOne = "a number from 0 to just below 1";

/** All rules but the three above: what to call them with, and a value that is just outside the domain of each hyperparameter. */
const others: readonly [string, Factory, object, Readonly<Record<string, readonly [number, string]>>][] = [
  ...(["rmsprop", "rmsprop (centered)"] as const).map((name): (typeof others)[number] => [
    name,
    rmsprop,
    { centered: name !== "rmsprop" },
    { lr: [-1, nonNegative], decay: [1, belowOne], eps: [0, positive], weightDecay: [-1, nonNegative] },
  ]),
  ["rmsprop (momentum)", rmsprop, { momentum: 0.9 }, { momentum: [1, belowOne] }],
  ["rmsprop (centered, momentum)", rmsprop, { momentum: 0.9, centered: true }, { momentum: [-0.1, belowOne] }],
  [
    "adagrad",
    adagrad,
    {},
    {
      lr: [-1, nonNegative],
      lrDecay: [-0.1, nonNegative],
      eps: [0, positive],
      weightDecay: [-1, nonNegative],
      initialAccumulator: [-0.1, nonNegative],
    },
  ],
  [
    "adadelta",
    adadelta,
    {},
    { lr: [-1, nonNegative], rho: [1, belowOne], eps: [0, positive], weightDecay: [-1, nonNegative] },
  ],
  ...(
    [
      ["adamax", adamax],
      ["radam", radam],
      ["adam (amsgrad)", amsgrad],
      ["adabelief", adabelief],
      ["lamb", lamb],
    ] as const
  ).map(([name, factory]): (typeof others)[number] => [
    name,
    factory,
    {},
    {
      lr: [-1, nonNegative],
      beta1: [1, belowOne],
      beta2: [-0.1, belowOne],
      eps: [0, positive],
      weightDecay: [Number.NaN, nonNegative],
    },
  ]),
  ["nadam", nadam, {}, { beta1: [1, belowOne], beta2: [1, belowOne], momentumDecay: [-1e-3, nonNegative] }],
  [
    "adan",
    adan,
    {},
    { lr: [-1, nonNegative], beta3: [1, belowOne], eps: [0, positive], weightDecay: [-1, nonNegative] },
  ],
  [
    "lion",
    lion,
    {},
    { lr: [-1, nonNegative], beta1: [1, belowOne], beta2: [1, belowOne], weightDecay: [-1, nonNegative] },
  ],
  [
    "lars",
    lars,
    {},
    {
      lr: [-1, nonNegative],
      momentum: [1, belowOne],
      weightDecay: [-1, nonNegative],
      trustCoefficient: [-1, nonNegative],
    },
  ],
  [
    "yogi",
    yogi,
    {},
    { lr: [-1, nonNegative], beta2: [1, belowOne], eps: [0, positive], initialAccumulator: [-1, nonNegative] },
  ],
  [
    "rprop",
    rprop,
    {},
    {
      lr: [-1, nonNegative],
      etaMinus: [1.1, "a number from 0 to 1"],
      etaPlus: [-1, nonNegative],
      stepMin: [-1, nonNegative],
      stepMax: [Number.POSITIVE_INFINITY, nonNegative],
    },
  ],
  [
    "ademamix",
    ademamix,
    {},
    { lr: [-1, nonNegative], beta3: [1, belowOne], alpha: [-1, nonNegative], eps: [0, positive] },
  ],
  ["ademamix (warm-up)", ademamix, { warmup: 10 }, { warmup: [0, positive], beta3: [1, belowOne] }],
  [
    "sgdw",
    sgdw,
    {},
    { lr: [-1, nonNegative], momentum: [1, belowOne], weightDecay: [-1, nonNegative], multiplier: [-1, nonNegative] },
  ],
];

describe.each(others)("%s", (name, factory, options, outside) => {
  const build = (settings: object) => factory({ ...options, ...settings } as never) as RuleSpec;

  test.each(Object.entries(outside))("refuses a %s that is outside its domain", (hyperparameter, [value, expected]) => {
    refuses(() => build({ [hyperparameter]: value }), `${name}: ${hyperparameter} is ${value}`, expected);
  });

  test("refuses a name that it does not have, and lists those that it has", () => {
    const { rule } = build({});
    expect(rule.name).toBe(name);
    refuses(
      () => build({ learningRate: 1e-3 }),
      `${name}: there is no hyperparameter "learningRate"`,
      Object.keys(rule.hyperparameters).join(", "),
    );
  });
});

describe("rprop", () => {
  test("refuses a smallest step above the largest", () => {
    refuses(() => rprop({ stepMin: 0.2, stepMax: 0.1 }), "rprop: stepMin is 0.2, stepMax is 0.1", "stepMin ≤ stepMax");
    refuses(() => rprop({ stepMin: 60 }), "stepMin is 60, stepMax is 50");
  });
});

describe("rmsprop", () => {
  test("learns its momentum from 0: a velocity is kept then", () => {
    const spec = rmsprop({ momentum: learned(0, sgd({ lr: 1e-6 })) });
    expect(spec).toMatchObject({ rule: { name: "rmsprop (momentum)" } });
    hyper(spec).dispose();
  });
});

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

/** Compiled, never called: what the type check must refuse. */
export const optionsAreNamed = (): unknown[] => [
  adamw({ lr: 1e-3, beta1: (t) => 1 - 1 / (t + 2), eps: learned(1e-8, sgd(), { in: "log" }) }),
  // @ts-expect-error: it is called lr
  adamw({ learningRate: 1e-3 }),
  // @ts-expect-error: one number per rule, not two
  adam({ betas: [0.9, 0.999] }),
  // @ts-expect-error: it is called momentum
  sgd({ mu: 0.9 }),
  // @ts-expect-error: a hyperparameter is a number, a schedule or learned
  sgd({ lr: "1e-3" }),
  // @ts-expect-error: a switch
  adam({ amsgrad: 1 }),
  // @ts-expect-error: amsgrad is what it is
  amsgrad({ amsgrad: true }),
  adagrad({ initialAccumulator: learned(0.1, sgd()) }),
  gdtuo.adam({ alpha: 0.01, logEps: -6 }, gdtuo.adam({}, gdtuo.sgd({ alpha: 1e-5, mu: 0.9 }))),
  // @ts-expect-error: a level is learned by another, not here
  gdtuo.sgd({ alpha: learned(0.1, sgd()) }),
];
