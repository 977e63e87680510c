/**
 * What every executor on tensors must do: compute any expression as float64 does, in every layout, and add up long sums exactly.
 */
import * as tf from "@tensorflow/tfjs-core";
import fc from "fast-check";
import { expect } from "vitest";
import type { Executor, Value } from "../../src/executors/executor.js";
import { type Array64, float64Executor } from "../../src/executors/float64-executor.js";
import type { Scalars } from "../../src/executors/tfjs-executor.js";
import { input, sum } from "../../src/expression/expression.js";
import { compile } from "../../src/expression/program.js";
import { anyForm, type Form } from "../../src/testing/index.js";
import { compareRounded, disturbedRuns, type Outcome } from "../../src/testing/rounding.js";
import { checkAsync } from "../check.js";
import { expressions, inputsFor, layoutFor, spreadTo } from "../expression/expressions.js";

/** How comparisons went; `undefined` where a value has no finite number. */
export type Counts = Record<Outcome | "undefined", number>;

/** Layouts of long sums: per channel and in all, along the last axis and along others. */
export const longForms: readonly (readonly [readonly number[], readonly number[]])[] = [
  [[40_001], [0]],
  [[40_001], []],
  [[20_001, 3], [1]],
  [[3, 20_001], [0]],
  [[2, 10_007, 3], [0]],
  [[2, 10_007, 3], [1]],
  [[101, 3, 211], [1]],
  [
    [5, 61, 2, 71],
    [0, 2],
  ],
];

/** Asserts that sums are as exact as blocks of 1024 terms are. */
export function expectExactSums(executor: Executor<tf.Tensor>, form: Form): void {
  const { shape } = form;
  const layout = layoutFor(form);
  const program = compile({
    channel: sum(input("element", "element"), "channel"),
    tensor: sum(input("element", "element"), "tensor"),
  });
  // All of one sign and hardly different: every addition rounds to the same side.
  const values = Float32Array.from({ length: layout.size }, (_, i) => 0.1 + (i % 7) * 1e-5);
  const exact = float64Executor.run(program, { element: { shape, values: Float64Array.from(values) } }, layout);
  const element = executor.load({ shape, values });
  const before = tf.memory().numTensors;
  for (const [name, result] of Object.entries(executor.run(program, { element }, layout))) {
    const grain = name as "channel" | "tensor";
    const actual = typeof result === "number" ? [result] : result.dataSync<"float32">();
    const expected = spreadTo(exact[name] as Value<Array64>, grain, layout);
    expect(actual.length).toBe(expected.length);
    // Half a rounding for each term of a block, and for each block.
    const tolerance = (1024 / 2 + layout.size / 512) * 2 ** -24;
    expected.forEach((x, i) => {
      expect(Math.abs((actual[i] as number) / x - 1)).toBeLessThan(tolerance);
    });
    if (typeof result !== "number") executor.release(result);
  }
  expect(tf.memory().numTensors).toBe(before);
  executor.release(element);
}

/** Asserts that random expressions, several at once, come out as in float64, and that no tensor is left behind. */
export async function expectAnyExpression(
  executor: Executor<tf.Tensor>,
  scalars: Scalars,
  runs: number,
  counts: Counts,
): Promise<void> {
  const cases = fc.record({
    built: fc.array(expressions(10, { gated: true }), { minLength: 1, maxLength: 3 }),
    form: anyForm,
    seed: fc.nat(),
  });
  await checkAsync(cases, runs, async ({ built, form, seed }) => {
    const layout = layoutFor(form);
    const inputs = inputsFor(layout, seed);
    if (scalars === "device") inputs.tensor = { shape: [], values: Float64Array.of(inputs.tensor as number) };
    const program = compile(Object.fromEntries(built.map(({ y }, i) => [i, y])));
    const exact = float64Executor.run(program, inputs, layout);
    const finite = Object.values(exact).every((y) =>
      typeof y === "number" ? Number.isFinite(y) : y.values.every(Number.isFinite),
    );
    if (!finite) {
      counts.undefined++;
      return;
    }
    const disturbed = disturbedRuns(scalars, (rounding) => rounding.run(program, inputs, layout));

    const before = tf.memory().numTensors;
    const tensors: Record<string, Value<tf.Tensor>> = {};
    for (const [name, value] of Object.entries(inputs)) {
      tensors[name] = typeof value === "number" ? value : executor.load(value);
    }
    const given = tf.memory().numTensors;
    const results = executor.run(program, tensors, layout);
    const arrays = Object.values(results).filter((value): value is tf.Tensor => typeof value !== "number");
    expect(tf.memory().numTensors).toBe(given + arrays.length);
    expect(new Set([...arrays, ...Object.values(tensors)]).size).toBe(arrays.length + Object.keys(tensors).length);
    try {
      for (const [i, { y }] of built.entries()) {
        const result = results[i] as Value<tf.Tensor>;
        const actual = typeof result === "number" ? [result] : result.dataSync<"float32">();
        const spread = (value: Value<Array64>): Float64Array => spreadTo(value, y.grain, layout);
        const expected = spread(exact[i] as Value<Array64>);
        const shaped =
          typeof result === "number" ? actual : spread({ shape: result.shape, values: Float64Array.from(actual) });
        counts[
          compareRounded(
            String(i),
            shaped,
            expected,
            disturbed.map((run) => spread(run[i] as Value<Array64>)),
          )
        ]++;
      }
    } finally {
      for (const array of arrays) executor.release(array);
      for (const value of Object.values(tensors)) if (typeof value !== "number") executor.release(value);
    }
    expect(tf.memory().numTensors).toBe(before);
  });
}
