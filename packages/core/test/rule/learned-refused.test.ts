import { hyper, learned, mean, nonNegative, rule } from "@hypergrad/core";
import * as tf from "@tensorflow/tfjs";
import { afterEach, describe, test } from "vitest";
import { descent, refuses } from "../support.js";

afterEach(() => tf.disposeVariables());

describe("learned refuses, with what was given and what is expected:", () => {
  test.each([
    [{ clip: 0 }, "learned: clip is 0; expected a number > 0."],
    [{ clip: Number.NaN }, "learned: clip is NaN; expected a number > 0."],
    [{ clip: "1" }, 'learned: clip is "1"; expected a number > 0.'],
    [{ maxChange: -1 }, "learned: maxChange is -1; expected a number between 0 and 1, or Infinity."],
    [{ maxChange: 1 }, "learned: maxChange is 1; expected a number between 0 and 1, or Infinity."],
    [{ warmup: 0.5 }, "learned: warmup is 0.5; expected a whole number ≥ 0."],
    [{ warmup: Number.POSITIVE_INFINITY }, "learned: warmup is Infinity; expected a whole number ≥ 0."],
    [{ horizon: 0 }, "learned: horizon is 0; expected a whole number ≥ 1, or Infinity."],
    [{ horizon: 1.5 }, "learned: horizon is 1.5; expected a whole number ≥ 1, or Infinity."],
    [{ horizon: 2, decay: 2 }, "learned: decay is 2; expected a number from 0 to 1."],
    [{ horizon: 2, decay: -0.1 }, "learned: decay is -0.1; expected a number from 0 to 1."],
    [
      { decay: 0.5 },
      "learned: decay is given, but horizon is 1, so nothing is carried. Give a horizon, such as Infinity.",
    ],
    [{ normalise: 1 }, "learned: normalise is 1; expected true or false."],
    [
      { normalize: true },
      'learned: there is no option "normalize"; there are per, in, gradient, normalise, clip, maxChange, warmup, horizon, decay.',
    ],
  ])("%j", (options, message) => {
    refuses(() => learned(0.1, descent(), options as never), message);
  });

  test("a trust region around 0", () => {
    refuses(
      () => learned(0, descent(), { maxChange: 0.1 }),
      "learned: maxChange is 0.1, a share of the value, but init is 0, which could then never change.",
      "Start from another value, or leave maxChange out.",
    );
  });

  test("a horizon of what cannot be carried at that grain", () => {
    const reducing = rule({
      name: "reducing",
      hyperparameters: { lr: nonNegative(0.1) },
      state: {},
      update: ({ p, g, lr }) => ({ p: p.sub(g.mul(lr).mul(mean(p, "tensor"))) }),
    });
    hyper(reducing({ lr: learned(0.1, descent(), { per: "element" }) })).dispose();
    refuses(
      () => hyper(reducing({ lr: learned(0.1, descent(), { per: "element", horizon: 2 }) })),
      "reducing: lr cannot be learned per element.",
      "Learn it per tensor or coarser.",
    );
  });
});
