/**
 * The checks find what they are for: rules with one mistake each, of the kind that people make, and the check that catches it, by a message that
 * names the right thing. The same rules without the mistake pass.
 */
import "@tensorflow/tfjs-backend-cpu";
import * as tf from "@tensorflow/tfjs-core";
import { afterAll, describe, expect, test } from "vitest";
import { accelerate, ranAlready, tensorExecutor } from "../../src/executors/tensor-executor.js";
import {
  type Expr,
  maximum,
  minimum,
  movingAverage,
  nonNegative,
  rule,
  slot,
  stopGradient,
  straightThrough,
  sub,
  sum,
} from "../../src/index.js";
import {
  checkAgainst,
  checkCheckpoint,
  checkExecutorsAgree,
  checkHypergradients,
  checkInvariants,
  type Reference,
  type Testable,
} from "../../src/testing/index.js";
import {
  adam,
  adamReference,
  layerwise,
  layerwiseReference,
  lion,
  lionReference,
  momentum,
  momentumReference,
  projected,
  projectedReference,
  rmsprop,
  rmspropReference,
} from "./rules.js";

const right: readonly (readonly [string, Testable, Reference])[] = [
  ["adam", adam(), adamReference as Reference],
  ["momentum", momentum(), momentumReference as Reference],
  ["rmsprop", rmsprop(), rmspropReference as Reference],
  ["lion", lion(), lionReference as Reference],
  ["layerwise", layerwise(), layerwiseReference as Reference],
  ["projected", projected(), projectedReference as Reference],
];

describe.each(right)("%s, without a mistake, passes", (name, it, reference) => {
  test("checkAgainst", () => {
    expect(checkAgainst(it, reference).compared).toBeGreaterThan(100);
  });
  test("checkHypergradients", () => {
    // A sign has no slope, and the moment of this step moves the parameters in the next one.
    const report = checkHypergradients(it, name === "lion" ? { delayed: ["beta1", "beta2"] } : {});
    expect(report.compared).toBeGreaterThan(10 * (report.kinks + report.unresolved));
  });
  test("checkInvariants", async () => {
    expect((await checkInvariants(it, { runs: 15 })).invariants).toHaveLength(12);
  });
  test("checkCheckpoint and checkExecutorsAgree", async () => {
    expect((await checkCheckpoint(it, { runs: 4 })).cases).toBe(8);
    expect((await checkExecutorsAgree(it, { runs: 4 })).sharp).toBeGreaterThan(50);
  });
});

const plain = { lr: nonNegative(0.1) };

describe("checkAgainst finds in Adam", () => {
  const planted: readonly (readonly [string, Parameters<typeof adam>[0], RegExp])[] = [
    ["no bias correction of the first moment", { correction1: () => 1 }, /the new p.*after step 1/],
    ["no bias correction of the second moment", { correction2: () => 1 }, /the new p.*after step 1/],
    ["the two bias corrections confused", { correction1: ({ beta2, t }) => sub(1, beta2.pow(t)) }, /the new p/],
    ["a step count that is one ahead", { correction1: ({ beta1, t }) => sub(1, beta1.pow(t.add(1))) }, /the new p/],
    ["ε inside the root", { denominator: (v, { eps }) => v.add(eps).sqrt() }, /the new p/],
    ["no square root", { denominator: (v, { eps }) => v.add(eps) }, /the new p/],
    ["a step up", { p: ({ p, lr, weightDecay }, step) => p.mul(sub(1, lr.mul(weightDecay))).add(step) }, /the new p/],
    [
      "coupled weight decay",
      { g: ({ g, p, weightDecay }) => g.add(p.mul(weightDecay)), p: ({ p }, step) => p.sub(step) },
      /the state slot m/,
    ],
    ["decay without the rate", { p: ({ p, weightDecay }, step) => p.mul(sub(1, weightDecay)).sub(step) }, /the new p/],
    ["a second moment of g", { v: ({ v, beta2 }, g) => movingAverage(v, g.abs(), beta2) }, /the state slot v/],
    ["weights of the average confused", { m: ({ m, beta1 }, g) => movingAverage(g, m, beta1) }, /the state slot m/],
    ["a buffer that is never updated", { slots: (_, v) => ({ m: v.mul(0), v }) }, /the state slot m/],
    ["slots swapped", { slots: (m, v) => ({ m: v, v: m }) }, /the state slot (m|v)/],
    ["β₂ read from outside in one place", { correction2: ({ t }) => sub(1, t.mul(Math.log(0.99)).exp()) }, /the new p/],
  ];
  test.each(planted)("%s", (_, mistake, message) => {
    expect(() => checkAgainst(adam(mistake), adamReference)).toThrow(message);
  });
});

describe("checkAgainst finds", () => {
  const planted: readonly (readonly [string, () => unknown, RegExp])[] = [
    [
      "a velocity that is used before it is updated",
      () =>
        checkAgainst(
          momentum(({ p, velocity, lr }, fresh) => ({ p: p.sub(velocity.mul(lr)), velocity: fresh })),
          momentumReference,
        ),
      /momentum: the new p/,
    ],
    [
      "a stale velocity",
      () =>
        checkAgainst(
          momentum(({ p, velocity, lr }, fresh) => ({ p: p.sub(fresh.mul(lr)), velocity })),
          momentumReference,
        ),
      /the state slot velocity/,
    ],
    ["a moment that starts at 1", () => checkAgainst(rmsprop({ initial: 1 }), rmspropReference), /the state slot v/],
    ["Lion's decays confused", () => checkAgainst(lion({ remembered: ({ beta1 }) => beta1 }), lionReference), /slot m/],
    [
      "Lion's decay without the rate",
      () => checkAgainst(lion({ decay: ({ weightDecay }) => weightDecay }), lionReference),
      /new p/,
    ],
    [
      "a norm of the tensor in place of the channel",
      () => checkAgainst(layerwise({ per: "tensor" }), layerwiseReference),
      /new p/,
    ],
    [
      "a norm without its root",
      () => checkAgainst(layerwise({ size: (x, per) => sum(x.square(), per as "channel") }), layerwiseReference),
      /layerwise: the new p/,
    ],
    [
      "an L1 ball for an L2 ball",
      () => checkAgainst(projected({ size: (c) => sum(c.abs(), "channel") }), projectedReference),
      /new p/,
    ],
    [
      "a ball that also stretches",
      () => checkAgainst(projected({ scale: ({ n, radius }) => radius.div(n) }), projectedReference),
      /new p/,
    ],
  ];
  test.each(planted)("%s", (_, run, message) => {
    expect(run).toThrow(message);
  });
});

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

  test("and says which number is the optimizer's, which the differences', and where", () => {
    expect(() => checkHypergradients(planted[6]?.[1] as Testable)).toThrow(
      /checkHypergradients: momentum: the hyper-gradient of lr, learned per (model|tensor|channel|element) in the coordinate "\w+", is wrong for .* after step \d+:\n {2}the optimizer applies \S+,\n {2}finite differences give \S+ ± \S+\.\n.*straightThrough: \["lr"\]\n {2}in the case \{.*"problem":\{"forms":\[.*"kind":"noise".*\}\n {2}which checkHypergradients\(rule, \{ seed: 1, path: "[\d:]+" \}\) reproduces/,
    );
  });
});

describe("checkInvariants finds", () => {
  let calls = 0;
  let first: Expr<"tensor"> | undefined;
  const sgd = rule({
    name: "sgd",
    hyperparameters: plain,
    state: {},
    update: ({ p, g, lr }) => ({ p: p.sub(g.mul(lr)) }),
  });
  const planted: readonly (readonly [string, Testable, RegExp])[] = [
    [
      "a rate that is read from outside",
      rule({ name: "fixed", hyperparameters: plain, state: {}, update: ({ p, g }) => ({ p: p.sub(g.mul(0.1)) }) }),
      /fixed: effective: the hyperparameter lr changes nothing/,
    ],
    [
      "a maximum that is remembered and not used",
      rule({
        name: "amsgrad",
        hyperparameters: plain,
        state: { largest: 0 },
        update: ({ p, g, lr, largest }) => ({ p: p.sub(g.mul(lr)), largest: maximum(largest.mul(0), g.abs()) }),
      }),
      /amsgrad: effective: the state slot largest is written and never read/,
    ],
    [
      "a count that is kept in JavaScript",
      rule({
        name: "counting",
        hyperparameters: plain,
        state: {},
        update: ({ p, g, lr }) => ({ p: p.sub(g.mul(lr).div(++calls)) }),
      }),
      /pure: update of counting returns something else when it is called again/,
    ],
    [
      "chance",
      rule({
        name: "noisy",
        hyperparameters: plain,
        state: {},
        update: ({ p, g, lr }) => ({ p: p.sub(g.mul(lr.mul(1 + 0.1 * Math.random()))) }),
      }),
      /pure: update of noisy returns something else/,
    ],
    [
      "an expression that is kept from the first call",
      rule({
        name: "memoised",
        hyperparameters: plain,
        state: {},
        update: ({ p, g, lr }) => {
          first ??= lr.mul(2);
          return { p: p.sub(g.mul(first)) };
        },
      }),
      /"lr"/,
    ],
    [
      "a schedule that counts its calls",
      {
        name: "restless",
        build: ({ lr }) => {
          const start = ++calls;
          return sgd({ lr: typeof lr === "number" ? () => lr * (1 + start) : (lr ?? 0.1) });
        },
        values: { lr: 0.1 },
      },
      /restless: (pure|idle): /,
    ],
    [
      "a wrapper that understands only numbers",
      {
        name: "numbersOnly",
        build: ({ lr }) => sgd({ lr: typeof lr === "number" ? lr : 0.1 }),
        values: { lr: 0.3 },
      },
      /numbersOnly: idle: with constant schedules in place of numbers: a, element 0/,
    ],
    [
      "a rate that is written back below 0",
      rule({
        name: "shrinking",
        hyperparameters: { lr: nonNegative(0.1, { per: "tensor" }) },
        state: {},
        update: ({ p, g, lr }) => ({ p: p.sub(g.mul(lr)), lr: lr.sub(0.5) }),
      }),
      /shrinking: written: update writes -0\.\d+ to lr in step 1, for a; expected a number ≥ 0/,
    ],
    ["0/0 at a gradient of 0", rmsprop({ denominator: (v) => v.sqrt() }), /rmsprop: finite: the new p of a is NaN/],
    [
      "a square of squares that overflows",
      layerwise({
        size: (x, per) =>
          sum(x.square().square(), per as "channel")
            .sqrt()
            .sqrt(),
      }),
      /layerwise: finite: the new p of \w is (NaN|-?Infinity) in float32 after step \d, with gradients that are huge/,
    ],
    [
      "a step count that begins at 0",
      adam({ correction1: ({ beta1, t }) => sub(1, beta1.pow(t.sub(1))) }),
      /adam: finite: the new p of a is (NaN|-?Infinity) in float32 after step 1/,
    ],
    ["slots swapped", adam({ slots: (m, v) => ({ m: v, v: m }) }), /adam: finite: .* is NaN/],
    [
      "a rate of the model that every variable writes from its own step count",
      rule({
        name: "shrinking",
        hyperparameters: plain,
        state: {},
        update: ({ p, g, t, lr }) => ({ p: p.sub(g.mul(lr)), lr: lr.mul(sub(1, t.add(1).pow(-1))) }),
      }),
      /shrinking: order: with the variables in reverse order: /,
    ],
    [
      "a slot that update forgets",
      rule({
        name: "forgetful",
        hyperparameters: plain,
        state: { m: 0 },
        update: (({ p, g, lr }: { p: Expr; g: Expr; lr: Expr }) => ({ p: p.sub(g.mul(lr)) })) as never,
      }),
      /"forgetful": update returns no m/,
    ],
    [
      "a slot of another grain",
      rule({
        name: "coarse",
        hyperparameters: plain,
        state: { m: slot("tensor", 0) },
        update: (({ p, g, lr, m }: Record<"p" | "g" | "lr" | "m", Expr>) => ({
          p: p.sub(m.mul(lr)),
          m: movingAverage(m, g, 0.9),
        })) as never,
      }),
      /"m" has one value per tensor, but update returns one per element/,
    ],
  ];
  test.each(planted)("%s", async (_, it, message) => {
    calls = 0;
    await expect(checkInvariants(it, { backends: [] })).rejects.toThrow(message);
  });
});

describe("executors and checkpoints", () => {
  /** An executor of the cpu backend that does something to what tfjs operations compute. */
  const faulty = (f: (p: tf.Tensor) => tf.Tensor): void => {
    const exact = tensorExecutor(() => "host", false);
    accelerate("cpu", (program, inputs, layout) => {
      const result = exact.run(program, inputs, layout);
      if (result.p instanceof tf.Tensor) {
        const given = result.p;
        result.p = tf.tidy(() => tf.keep(f(given)));
        given.dispose();
      }
      return ranAlready(result);
    });
  };
  afterAll(() => accelerate("cpu", () => undefined));

  test("checkExecutorsAgree finds an executor that is off by a little", async () => {
    faulty((p) => tf.mul(p, 1 + 1e-4));
    await expect(checkExecutorsAgree(momentum())).rejects.toThrow(
      /momentum: on cpu, fused kernels, a after step 1, element \[\d+\] is .* in float64/,
    );
  });

  test("checkExecutorsAgree finds an executor that leaves tensors behind", async () => {
    faulty((p) => {
      tf.keep(tf.scalar(1));
      return p.clone();
    });
    await expect(checkExecutorsAgree(momentum())).rejects.toThrow(/on cpu, fused kernels, \d+ tensors are left behind/);
  });

  test("checkInvariants finds an executor whose every step leaves a tensor behind", async () => {
    await expect(checkInvariants(momentum())).rejects.toThrow(/memory: on cpu, fused kernels, /);
    accelerate("cpu", () => undefined);
  });

  test("checkCheckpoint finds a schedule that remembers how often it was asked", async () => {
    let asked = 0;
    const it: Testable = {
      name: "restless",
      build: () => {
        const restless = (t: number): number => {
          asked = t === 0 ? 0 : asked + 1;
          return 0.1 / (1 + asked);
        };
        return momentum()({ lr: restless });
      },
      values: { lr: 0.1 },
    };
    await expect(checkCheckpoint(it)).rejects.toThrow(
      /restless: on cpu, .*, interrupted after \d steps?: a after step/,
    );
  });
});
