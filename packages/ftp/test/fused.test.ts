/**
 * Every rule and wrapper runs as fused kernels, with everything that it has learned at once: none is left to TensorFlow.js's operations.
 */
import "@hypergrad/wasm";
import { hyper, learned } from "@hypergrad/core";
import { accelerate } from "@hypergrad/core/executors";
import { adam } from "@hypergrad/optimizers";
import * as tf from "@tensorflow/tfjs-core";
import fc from "fast-check";
import { expect, test, vi } from "vitest";
import { fused } from "../../wasm/src/fused/fused.js";
import { finestOf, optimizers, valuesOf } from "./properties/optimizers.js";

test.each(optimizers)("$name is fused", async (optimizer) => {
  await tf.setBackend("wasm");
  const left: string[] = [];
  accelerate("wasm", (program, inputs, layout, into) => {
    const outputs = fused(program, inputs, layout, into);
    if (typeof outputs !== "object") left.push(program.name);
    return outputs;
  });
  const warn = vi.spyOn(console, "warn");
  const [values] = fc.sample(valuesOf(optimizer), { numRuns: 1, seed: 3 }) as [Record<string, number>];
  const by = adam({ lr: 1e-6 });
  const spec = optimizer.build(
    Object.fromEntries(
      Object.entries(values).map(([name, value]) => [name, learned(value, by, { per: finestOf(optimizer, name) })]),
    ),
  );
  const run = hyper(spec);
  const variables = ["a", "b"].map((name, i) => tf.tidy(() => tf.variable(tf.randomNormal([5 + i, 3]), true, name)));
  for (let step = 0; step < 3; step++) {
    const gradients = variables.map(({ name, shape }) => ({ name, tensor: tf.randomNormal(shape) }));
    run.applyGradients(gradients);
    tf.dispose(gradients.map(({ tensor }) => tensor));
  }
  run.dispose();
  tf.dispose(variables);
  expect(left).toEqual([]);
  // That something never moves may be said.
  expect(warn.mock.calls.map(String).filter((text) => text.includes("@hypergrad/wasm"))).toEqual([]);
  warn.mockRestore();
  accelerate("wasm", fused, "fused WASM kernels");
});
