/**
 * `checkAgainst` finds rules that compute something else than they should, by a message that names the right thing, in numbers that show it.
 */
import { describe, expect, test } from "vitest";
import { movingAverage, sub, sum } from "../../src/index.js";
import { checkAgainst } from "../../src/testing/index.js";
import { expectReadable, failureOf } from "./failures.js";
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
  test.each(planted)("%s", async (_, mistake, message) => {
    const failure = await failureOf(() => checkAgainst(adam(mistake), adamReference));
    expect(failure.message).toMatch(message);
    expectReadable(failure);
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
  test.each(planted)("%s", async (_, run, message) => {
    const failure = await failureOf(run);
    expect(failure.message).toMatch(message);
    expectReadable(failure);
  });
});
