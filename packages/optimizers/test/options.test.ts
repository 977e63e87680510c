import { hyper, learned, type RuleSpec, type Spec } from "@hypergrad/core";
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
