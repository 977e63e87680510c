/**
 * Muon and Shampoo pass the checks that everybody's rules are put to.
 */
import {
  checkCheckpoint,
  checkExecutorsAgree,
  checkHypergradients,
  checkInvariants,
  type Wrapped,
} from "@hypergrad/core/testing";
import { muon, shampoo } from "@hypergrad/optimizers";
import * as tf from "@tensorflow/tfjs";
import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";

beforeAll(async () => {
  await tf.setBackend("cpu");
});

const lr = fc.constantFrom(0.05, 0.1);
const weightDecay = fc.constantFrom(0, 0.2);
// Muon's coefficients are what they are: others let the iterations diverge.
const muonTested: Wrapped = {
  name: "muon",
  build: (settings) => muon(settings),
  values: { lr, momentum: fc.constantFrom(0.5, 0.9), weightDecay },
};
const rules: readonly Wrapped[] = [
  muonTested,
  {
    name: "shampoo",
    build: (settings) => shampoo(settings),
    values: { lr, momentum: fc.constantFrom(0, 0.5), eps: fc.constantFrom(0.01, 0.1), weightDecay },
  },
];
const forms = fc.constantFrom(
  ...[
    [2, 2],
    [3, 2],
    [2, 1, 3],
  ].map((shape) => ({ shape, channelAxes: undefined })),
);

// Shampoo's by ε are below what differences resolve after forty iterations in float32; tensor-rules.test.ts holds them against a loop.
test("Muon's hyper-gradients are those of finite differences, with gradients of 0 among others", () => {
  const report = checkHypergradients(muonTested, {
    runs: 4,
    problems: { forms, maxVariables: 1, minSteps: 3, maxSteps: 3, kinds: ["noise", "zero"] },
  });
  expect(report.compared).toBeGreaterThan(10);
});

describe.each(rules)("$name", (rule) => {
  test("checkInvariants", async () => {
    const options = { runs: 1, problems: { forms, maxVariables: 1, maxSteps: 2 }, except: ["effective"] as const };
    expect((await checkInvariants(rule, options)).invariants).toHaveLength(11);
  });
  test("checkCheckpoint and checkExecutorsAgree", async () => {
    const problems = { forms, maxVariables: 1, maxSteps: 3 };
    expect((await checkCheckpoint(rule, { runs: 1, problems })).cases).toBe(1);
    expect((await checkExecutorsAgree(rule, { runs: 1, problems })).cases).toBe(1);
  });
});
