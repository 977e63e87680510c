/**
 * The fused executor on random expressions, in every layout: it equals float64 within rounding, and leaves nothing to the tfjs executor but empty tensors and plain numbers.
 */
import "../../src/index.js";
import type { Executor, Prepared } from "@hypergrad/core/executors";
import { tensorExecutor } from "@hypergrad/core/executors";
import * as tf from "@tensorflow/tfjs-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { input } from "../../../core/src/expression/expression.js";
import { layoutOf } from "../../../core/src/expression/layout.js";
import { compile } from "../../../core/src/expression/program.js";
import {
  type Counts,
  expectAnyExpression,
  expectExactSums,
  longForms,
} from "../../../core/test/executors/agreement.js";
import { fused } from "../../src/fused/fused.js";

const counts: Counts = { sharp: 0, loose: 0, chance: 0, overflow: 0, undefined: 0 };

/** Runs all that it can by kernels; what it cannot must be what the contract leaves to others. */
const executor: Executor<tf.Tensor> = {
  ...tensorExecutor(() => "host", false),
  run(program, inputs, layout) {
    const prepared = fused(program, inputs, layout, {});
    if (typeof prepared === "object") return prepared.run();
    const read = program.instructions.flatMap(({ kind }) => (kind.op === "input" ? [inputs[kind.name]] : []));
    expect(layout.size === 0 || read.every((input) => typeof input === "number" || input?.size === 1)).toBe(true);
    return tensorExecutor(() => "host", false).run(program, inputs, layout);
  },
};

describe("the fused executor", () => {
  beforeAll(async () => {
    await tf.setBackend("wasm");
  });

  test.each([
    ...longForms,
    // Narrow and wide rows, along the last axis and along the first.
    [[9001, 1], [1]],
    [[9001, 2], [1]],
    [[3000, 10], [1]],
    [[11, 1003], [1]],
    [[3000, 10], [0]],
    [[3, 20_000], [1]],
  ] as const)("sums shape %j with the channel axes %j as exactly as blocks of 1024 terms do", (shape, channelAxes) => {
    expectExactSums(executor, { shape, channelAxes });
  });

  test("computes any expression in any layout, and leaves no tensor behind", async () => {
    await expectAnyExpression(executor, "host", 300, counts);
  });

  afterAll(() => {
    const all = Object.values(counts).reduce((a, b) => a + b);
    if (all === 0) return;
    expect(counts.sharp / all, JSON.stringify(counts)).toBeGreaterThan(0.8);
  });
});

test("the sign of a number is not 0 however small it is, by kernels and by TensorFlow.js's operations on WASM", async () => {
  await tf.setBackend("wasm");
  const program = compile({ sign: input("x", "element").sign() });
  const values = [1e-6, -1e-7, 1e-8, -1e-20, 0, -0, 1e-38];
  for (const accelerated of [true, false]) {
    const x = tf.tensor1d(values);
    const sign = tensorExecutor(() => "host", accelerated).run(program, { x }, layoutOf([values.length]))
      .sign as tf.Tensor;
    expect([...sign.dataSync()].map((s) => s + 0)).toEqual(values.map((v) => Math.sign(v) + 0));
    tf.dispose([x, sign]);
  }
});

test("a program with many inputs is told apart by every one of them that is a number or an array", async () => {
  await tf.setBackend("wasm");
  const names = Array.from({ length: 45 }, (_, i) => `x${i}`);
  const total = names.map((name) => input(name, "element")).reduce((a, b) => a.add(b));
  const program = compile({ total, least: total.sub(input("x44", "element")) });
  for (const arrays of [[0], [0, 44], [0, 1, 44], [0, 43]]) {
    const inputs = Object.fromEntries(names.map((name, i) => [name, arrays.includes(i) ? tf.fill([3], i) : i]));
    const outputs = (fused(program, inputs, layoutOf([3]), {}) as Prepared<tf.Tensor>).run() as Record<
      "total" | "least",
      tf.Tensor
    >;
    expect([...outputs.total.dataSync()]).toEqual([990, 990, 990]);
    expect([...outputs.least.dataSync()]).toEqual([946, 946, 946]);
    tf.dispose([...Object.values(inputs), ...Object.values(outputs)].filter((x) => typeof x !== "number"));
  }
});
