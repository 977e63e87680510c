/**
 * `checkHypergradients` finds what is hidden from the derivative, in numbers that show it.
 */
import { describe, expect, test } from "vitest";
import {
  minimum,
  movingAverage,
  nonNegative,
  rule,
  slot,
  stopGradient,
  straightThrough,
  sub,
} from "../../src/index.js";
import { checkHypergradients, type Testable } from "../../src/testing/index.js";
import { expectReadable, failureOf } from "./failures.js";
import { adam, layerwise, momentum, projected } from "./rules.js";

const plain = { lr: nonNegative(0.1) };

describe("checkHypergradients, with a horizon,", () => {
  // What is held back is the old moment: within one step it does not depend on anything.
  const forgetful = adam({
    m: ({ m, beta1 }, g) => movingAverage(stopGradient(m), g, beta1),
  });

  test.each([2, Number.POSITIVE_INFINITY])("passes rules without a mistake, looking back %s steps", (horizon) => {
    for (const it of [adam(), momentum(), layerwise()]) {
      expect(checkHypergradients(it, { horizon, runs: 8 }).compared).toBeGreaterThan(50);
    }
  });

  test("finds state through which nothing is carried, which one step cannot show", () => {
    expect(checkHypergradients(forgetful).compared).toBeGreaterThan(100);
    expect(() => checkHypergradients(forgetful, { horizon: Number.POSITIVE_INFINITY })).toThrow(
      /checkHypergradients: adam: the hyper-gradient of \w+, learned per .* is wrong/,
    );
  });
});

describe("checkHypergradients finds", () => {
  const planted: readonly (readonly [string, Testable, RegExp])[] = [
    [
      "a root that is hidden from the derivative",
      adam({ denominator: (v, { eps }) => stopGradient(v.sqrt()).add(eps) }),
      /the hyper-gradient of beta2, .* is wrong/,
    ],
    [
      "a decay that is hidden from the derivative",
      adam({ p: ({ p, lr, weightDecay }, step) => p.mul(sub(1, stopGradient(lr).mul(weightDecay))).sub(step) }),
      /the hyper-gradient of lr, .* is wrong/,
    ],
    [
      "a moment that is hidden from the derivative",
      adam({ m: ({ m, beta1 }, g) => movingAverage(m, g, stopGradient(beta1)) }),
      /the hyper-gradient of beta1, .* is wrong/,
    ],
    [
      "a bias correction that is hidden from the derivative",
      adam({ correction1: ({ beta1, t }) => stopGradient(sub(1, beta1.pow(t))) }),
      /the hyper-gradient of beta1, .* is wrong/,
    ],
    [
      "a velocity that is hidden from the derivative",
      momentum(({ p, lr }, fresh) => ({ p: p.sub(stopGradient(fresh).mul(lr)), velocity: fresh })),
      /the hyper-gradient of momentum, .* is wrong/,
    ],
    [
      "straightThrough past a cap",
      projected({ scale: ({ n, radius }) => straightThrough(minimum(1, radius.div(n)), radius.div(n)) }),
      /the hyper-gradient of (radius|lr), .* is wrong/,
    ],
    [
      "straightThrough with the derivative of something else",
      momentum(({ p, lr }, fresh) => ({ p: p.sub(fresh.mul(straightThrough(lr, lr.mul(2)))), velocity: fresh })),
      /the hyper-gradient of lr, .* is wrong/,
    ],
  ];
  test.each(planted)("%s", async (_, it, message) => {
    const failure = await failureOf(() => checkHypergradients(it));
    expect(failure.message).toMatch(message);
    expectReadable(failure);
  });

  test("and says which number is the optimizer's, which the differences', and where", () => {
    expect(() => checkHypergradients(planted[6]?.[1] as Testable)).toThrow(
      /checkHypergradients: momentum: the hyper-gradient of lr, learned per model in the coordinate "identity", is wrong for the model after step 1:\n {2}the optimizer applies \S+,\n {2}finite differences give \S+ ± \S+\.\n.*straightThrough: \["lr"\]\n {2}in the case \{"problem":\{"a":\{"shape":\[\],"values":\[\S+\],"gradients":\[\[\S+\],\[\S+\]\]\}\},"values":\{"lr":0.5,"momentum":0.75\}.*\}\n {2}which checkHypergradients\(rule, \{ seed: 1, path: "[\d:]+" \}\) reproduces/,
    );
  });
});

describe("checkHypergradients finds that nothing can be learned of", () => {
  const planted: readonly (readonly [string, Testable, RegExp])[] = [
    [
      "a rate that passes through a state slot before it is used",
      rule({
        name: "late",
        hyperparameters: plain,
        state: { rate: slot("tensor", 0.1) },
        update: ({ p, g, rate, lr }) => ({ p: p.sub(g.mul(rate)), rate: lr }),
      }),
      /the hyper-gradient of lr is 0 in all of \d+ comparisons/,
    ],
    [
      "a rate that is read from outside",
      rule({ name: "fixed", hyperparameters: plain, state: {}, update: ({ p, g }) => ({ p: p.sub(g.mul(0.1)) }) }),
      /the hyper-gradient of lr is 0 in all of \d+ comparisons/,
    ],
  ];
  test.each(planted)("%s", (_, it, message) => {
    expect(() => checkHypergradients(it)).toThrow(message);
  });
});
