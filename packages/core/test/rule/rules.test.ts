import {
  belowOne,
  count,
  type Expr,
  hyper,
  learned,
  max,
  mean,
  nonNegative,
  positive,
  type Rule,
  real,
  rule,
  ruleFactory,
  slot,
  sum,
  unitInterval,
} from "@hypergrad/core";
import { mapRuleSpecs } from "@hypergrad/core/internal";
import * as tf from "@tensorflow/tfjs";
import { describe, expect, test } from "vitest";
import { averaged, descent, refuses } from "../support.js";

describe("a rule is refused when it is defined", () => {
  test("where a name is used twice", () => {
    refuses(
      () => rule({ name: "twin", hyperparameters: { m: real(0) }, state: { m: 0 }, update: ({ p, m }) => ({ p, m }) }),
      'rule "twin"',
      'the name "m" is used twice',
      "a name of their own",
    );
    refuses(
      () => rule({ name: "taken", hyperparameters: { t: real(0) }, state: {}, update: ({ p }) => ({ p }) }),
      'rule "taken"',
      'the name "t"',
    );
  });

  test("where a default lies outside its domain", () => {
    refuses(
      () => rule({ name: "odd", hyperparameters: { lr: nonNegative(-1) }, state: {}, update: ({ p }) => ({ p }) }),
      'rule "odd": the default of lr is -1',
      "a number ≥ 0",
    );
  });
});

describe("a rule is refused when an optimizer is built of it", () => {
  const built = (update: unknown, state: Rule["state"] = {}) =>
    hyper(
      ruleFactory({ name: "r", hyperparameters: { lr: nonNegative(0.1) }, state, update: update as Rule["update"] })(),
    );

  test("where it returns no parameter, or leaves out a state slot", () => {
    refuses(() => built(() => ({})), 'rule "r": update returns no p', "expected p and every state slot");
    refuses(
      () => built(({ p }: { p: Expr }) => ({ p }), { m: slot("element", 0), v: slot("element", 0) }),
      'rule "r": update returns no m, no v',
    );
  });

  test("where it returns what it does not have", () => {
    refuses(
      () => built(({ p }: { p: Expr }) => ({ p, velocity: p })),
      'rule "r": update returns "velocity"',
      "neither p nor a state slot nor a hyperparameter",
    );
  });

  test("where a slot is given values of a finer grain than its own", () => {
    refuses(
      () => built(({ p, g }: Record<"p" | "g", Expr>) => ({ p, n: g }), { n: slot("channel", 0) }),
      'rule "r": the state slot "n" has one value per channel, but update returns one per element',
      'slot("element", …)',
    );
  });

  test("where it reduces what has one value per tensor already", () => {
    const twice = (reduce: (x: Expr<"element">, per: "tensor") => Expr) => () =>
      built(({ p, g }: Record<"p" | "g", Expr<"element">>) => ({
        p: p.sub(reduce(sum(g, "tensor") as Expr, "tensor")),
      }));
    refuses(twice(sum), 'sum(x, "tensor"): x has one value per tensor already', "Use x itself");
    refuses(twice(mean), 'mean(x, "tensor"): x has one value per tensor already');
    refuses(twice(max), 'max(x, "tensor"): x has one value per tensor already');
  });

  test("where it reduces per element or per model", () => {
    const g = {} as Expr<"element">;
    refuses(() => sum(g, "element" as never), 'sum(x, "element")', 'per "channel" or per "tensor"');
    refuses(() => max(g, "model" as never), 'max(x, "model")', 'per "channel" or per "tensor"');
  });
});

describe("a hyperparameter is refused", () => {
  const everything = rule({
    name: "every",
    hyperparameters: {
      any: real(0),
      zeroUp: nonNegative(1),
      aboveZero: positive(1),
      share: unitInterval(0.5),
      decay: belowOne(0.5),
    },
    state: {},
    update: ({ p }) => ({ p }),
  });
  const cases: readonly [string, number, string][] = [
    ["any", Number.NaN, "a finite number"],
    ["any", Number.POSITIVE_INFINITY, "a finite number"],
    ["zeroUp", -1e-12, "a number ≥ 0"],
    ["zeroUp", Number.POSITIVE_INFINITY, "a number ≥ 0"],
    ["aboveZero", 0, "a number > 0"],
    ["share", 1.5, "a number from 0 to 1"],
    ["share", -0.1, "a number from 0 to 1"],
    ["decay", 1, "a number from 0 to just below 1"],
  ];
  test.each(cases)("%s = %d, as a number and as the start of a learned value", (name, value, expected) => {
    refuses(() => everything({ [name]: value }), `every: ${name} is ${value}`, expected);
    if (Number.isFinite(value)) {
      refuses(
        () => everything({ [name]: learned(value, descent()) }),
        `every: ${name} is learned from ${value}`,
        expected,
      );
    }
  });

  test("at the ends of its domain it is taken", () => {
    everything({ any: -1e30, zeroUp: 0, aboveZero: 1e-30, share: 0, decay: 0 });
    everything({ share: 1, decay: 0.9999999 });
  });

  test("of a name that the rule does not have, whatever stands there", () => {
    const names = "it has any, zeroUp, aboveZero, share, decay";
    for (const setting of [1, () => 1, learned(1, descent()), undefined]) {
      refuses(
        () => everything({ learningRate: setting } as never),
        'every: there is no hyperparameter "learningRate"',
        names,
      );
    }
    const none = rule({ name: "none", hyperparameters: {}, state: {}, update: ({ p }) => ({ p }) });
    refuses(() => none({ lr: 1 } as never), 'none: there is no hyperparameter "lr"; it has none');
  });

  test("that is neither a number nor a schedule nor learned", () => {
    for (const [setting, shown] of [
      ["0.1", '"0.1"'],
      [null, "null"],
      [{ lr: 1 }, '{"lr":1}'],
      [true, "true"],
    ] as const) {
      refuses(
        () => descent({ lr: setting as never }),
        `descent: lr is ${shown}`,
        "expected a number, a schedule (a function of the step) or learned(…)",
      );
    }
  });

  test("that is learned in a coordinate which cannot reach its start", () => {
    refuses(
      () => descent({ lr: learned(0, descent(), { in: "log" }) }),
      'descent: lr is learned from 0 in the coordinate "log"',
      "between 0 and Infinity, ends excluded",
      'Start inside, or use in: "identity"',
    );
    refuses(() => everything({ share: learned(1, descent(), { in: "logit" }) }), "between 0 and 1, ends excluded");
    refuses(() => everything({ share: learned(0, descent(), { in: "tanh" }) }), 'the coordinate "tanh"');
    refuses(() => everything({ zeroUp: learned(0, descent(), { in: "square" }) }), 'the coordinate "square"');
  });
});

describe("learned is refused", () => {
  test("with a start that is not finite", () => {
    refuses(() => learned(Number.NaN, descent()), "learned: init is NaN", "a finite number");
    refuses(() => learned("1" as never, descent()), "learned: init is 1", "a finite number");
  });

  test("with something that is no optimizer", () => {
    const expected = "learned: by: expected an optimizer such as adamw({ lr: 1e-3 })";
    refuses(() => learned(1, 0.1 as never), expected, "got 0.1");
    refuses(() => learned(1, undefined as never), expected, "got undefined");
    refuses(() => learned(1, { lr: 1 } as never), expected, 'got {"lr":1}');
    // The factory without its parentheses.
    refuses(() => learned(1, descent as never), expected, "got the function", "call it");
  });

  test("with an unknown grain or coordinate", () => {
    refuses(
      () => learned(1, descent(), { per: "layer" as never }),
      'learned: per is "layer"',
      "one of model, tensor, channel, element",
    );
    refuses(
      () => learned(1, descent(), { in: "sqrt" as never }),
      'learned: in is "sqrt"',
      "one of identity, log, logit, square, tanh",
    );
    refuses(() => learned(1, descent(), { in: "toString" as never }), 'learned: in is "toString"');
  });

  test("with a gradient transform that is no function", () => {
    refuses(
      () => learned(1, descent(), { gradient: 2 as never }),
      "learned: gradient is 2",
      "a function of the hyper-gradient",
    );
  });
});

describe("hyper refuses a grain whose derivative would be a matrix", () => {
  const normalised = rule({
    name: "normalised",
    hyperparameters: { lr: nonNegative(0.1), decay: nonNegative(0) },
    state: {},
    update({ p, g, lr, decay }) {
      const step = g.add(p.mul(decay)).mul(lr);
      return { p: p.sub(step.div(sum(step.abs(), "channel").add(1))) };
    },
  });

  test("and says what it depends on, and which grain works", () => {
    refuses(
      () => hyper(normalised({ lr: learned(0.1, descent(), { per: "element" }) })),
      "normalised: lr cannot be learned per element",
      "reduces, per channel",
      "the sensitivity would be a matrix",
      "Learn it per channel or coarser",
    );
    hyper(normalised({ lr: learned(0.1, descent(), { per: "channel" }) })).dispose();
  });

  test("with a remedy that holds where reductions of two grains follow each other", () => {
    const twofold = rule({
      name: "twofold",
      hyperparameters: { lr: nonNegative(0.1) },
      state: {},
      update({ p, g, lr }) {
        const step = g.mul(lr);
        const n = sum(step.abs(), "channel").add(1);
        return { p: p.sub(step.div(n).div(max(n, "tensor"))) };
      },
    });
    refuses(
      () => hyper(twofold({ lr: learned(0.1, descent(), { per: "element" }) })),
      "twofold: lr cannot be learned per element",
      "Learn it per tensor or coarser",
    );
    hyper(twofold({ lr: learned(0.1, descent(), { per: "tensor" }) })).dispose();
  });

  test("also inside a tower", () => {
    const by = normalised({ lr: learned(0.1, descent(), { per: "element" }) });
    refuses(() => hyper(averaged({ lr: learned(0.1, by) })), "normalised: lr cannot be learned per element");
  });
});

describe("hyper refuses", () => {
  test("what is no optimizer", () => {
    refuses(() => hyper(0.1 as never), "hyper: expected an optimizer such as adamw({ lr: 1e-3 })", "got 0.1");
    refuses(() => hyper(undefined as never), "got undefined");
    refuses(() => hyper({ lr: 1 } as never), 'got {"lr":1}');
    refuses(() => hyper(descent as never), "hyper: expected an optimizer such as", "got the function", "call it");
    refuses(() => hyper(tf.train.adam(1e-3) as never), "hyper: expected an optimizer such as", "got AdamOptimizer");
  });

  test("options that it does not know", () => {
    refuses(
      () => hyper(descent(), { onNonFinite: "ignore" as never }),
      'hyper: onNonFinite is "ignore"',
      '"throw" or "skip"',
    );
    refuses(() => hyper(descent(), { scalars: "gpu" as never }), 'hyper: scalars is "gpu"', '"host" or "device"');
    refuses(() => hyper(descent(), { executor: "fused" as never }), 'hyper: executor is "fused"', '"auto" or "tfjs"');
    refuses(() => hyper(descent(), { onStep: "log" as never }), 'hyper: onStep is "log"', "a function");
    refuses(() => hyper(descent(), { channelAxis: 0 as never }), "channelAxis is 0", "by variable name");
  });
});

test("wrappers refuse to reach into what is no spec", () => {
  refuses(() => mapRuleSpecs(undefined as never, (spec) => spec), "expected an optimizer such as", "got undefined");
});

test("a spec is frozen and keeps its settings, with the defaults of the rule for the others", () => {
  const spec = averaged({ lr: 0.3 });
  expect(Object.isFrozen(spec)).toBe(true);
  expect(spec).toMatchObject({ kind: "rule", settings: { lr: 0.3, decay: 0.5 } });
  expect(averaged({ lr: undefined } as never)).toMatchObject({ settings: { lr: 0.1 } });
});

test("count is the number of values that one value covers", () => {
  expect(count("element", "channel").grain).toBe("tensor");
});
