/**
 * How a rule of one's own is tested: against a loop, its hyper-gradients against finite differences, and everything that is true of all rules.
 */
import { learned } from "@hypergrad/core";
import {
  checkAgainst,
  checkCheckpoint,
  checkExecutorsAgree,
  checkHypergradients,
  checkInvariants,
} from "@hypergrad/core/testing";
import * as tf from "@tensorflow/tfjs";
import { expect, test } from "vitest";
import "@hypergrad/wasm";
import { softsign } from "../src/softsign.js";
import { train } from "../src/train.js";

test("it computes what its formula says", () => {
  checkAgainst(softsign, ({ p, g, h, state }) => {
    const m = state("m");
    for (let i = 0; i < p.length; i++) {
      m[i] = h.beta * m[i]! + (1 - h.beta) * g[i]!;
      p[i] = p[i]! - (h.lr * m[i]!) / (Math.abs(m[i]!) + h.delta);
    }
  });
});

test("its hyper-gradients are those of finite differences", () => {
  expect(checkHypergradients(softsign).compared).toBeGreaterThan(500);
});

test("it is what every rule is", async () => {
  await checkInvariants(softsign);
});

test("a resumed run equals the uninterrupted one", async () => {
  await checkCheckpoint(softsign, { runs: 4 });
});

test("the fused kernel, TensorFlow.js and float64 agree", async () => {
  const { places } = await checkExecutorsAgree(softsign, { backends: ["wasm"], runs: 6 });
  expect(places).toContain("wasm, fused kernels");
});

test("learning its rate beats a rate that is too small", async () => {
  await tf.setBackend("wasm");
  const learner = softsign({ lr: 0.02, delta: 1e-4 });
  const fixed = await train(softsign({ lr: 1e-3 }), 150);
  const faster = await train(softsign({ lr: learned(1e-3, learner, { in: "log" }) }), 150);
  expect(faster.after).toBeLessThan(0.5 * fixed.after);
  expect(faster.lr).toBeGreaterThan(2e-3);
});
