/**
 * `checkInvariants` finds what no rule may do.
 */
import { describe, expect, test } from "vitest";
import { type Expr, maximum, movingAverage, nonNegative, rule, slot, sub, sum } from "../../src/index.js";
import { checkInvariants, type Testable } from "../../src/testing/index.js";
import { expectReadable, failureOf } from "./failures.js";
import { adam, layerwise, rmsprop } from "./rules.js";

type Planted = readonly (readonly [string, Testable, RegExp])[];

const plain = { lr: nonNegative(0.1) };
const sgd = rule({
  name: "sgd",
  hyperparameters: plain,
  state: {},
  update: ({ p, g, lr }) => ({ p: p.sub(g.mul(lr)) }),
});
let calls = 0;
let first: Expr<"tensor"> | undefined;

/** What has no effect, which no single case shows. */
const useless: Planted = [
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
    /memoised: effective: the hyperparameter lr changes nothing/,
  ],
];

/** What is wrong whatever the numbers are. */
const secretive: Planted = [
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

/** What goes wrong with numbers. */
const wrong: Planted = [
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
];

describe("checkInvariants finds", () => {
  test.each(useless)("%s", async (_, it, message) => {
    await expect(checkInvariants(it, { backends: [] })).rejects.toThrow(message);
  });

  test.each([...secretive, ...wrong])("%s", async (_, it, message) => {
    calls = 0;
    const failure = await failureOf(() => checkInvariants(it, { backends: [] }));
    expect(failure.message).toMatch(message);
    expectReadable(failure);
  });
});
