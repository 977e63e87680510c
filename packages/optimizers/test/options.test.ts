import { hyper, learned } from "@hypergrad/core";
import { adam, adamw, sgd } from "@hypergrad/optimizers";
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
];
