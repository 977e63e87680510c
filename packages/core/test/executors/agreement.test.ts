/**
 * Executors on random expressions, in every layout: the float64 executor equals plain loops, the tfjs executor equals it within rounding.
 */
import "@tensorflow/tfjs-backend-cpu";
import "@tensorflow/tfjs-backend-wasm";
import * as tf from "@tensorflow/tfjs-core";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Value } from "../../src/executors/executor.js";
import { type Array64, float64Executor } from "../../src/executors/float64-executor.js";
import { tfjsExecutor } from "../../src/executors/tfjs-executor.js";
import { count, input, max, mean, sum } from "../../src/expression/expression.js";
import { compile } from "../../src/expression/program.js";
import { anyForm, type Form } from "../../src/testing/index.js";
import { check } from "../check.js";
import { inputsFor, layoutFor, spreadTo } from "../expression/expressions.js";
import { type Counts, expectAnyExpression, expectExactSums, longForms } from "./agreement.js";

/** The indices of the elements of every channel, found by counting through the tensor. */
function channelsOf({ shape, channelAxes = shape.length < 2 ? [] : [-1] }: Form): number[][] {
  const axes = channelAxes.map((axis) => (axis + shape.length) % shape.length).sort();
  const channels = new Map<string, number[]>();
  const index = shape.map(() => 0);
  const size = shape.reduce((a, b) => a * b, 1);
  for (let i = 0; i < size; i++) {
    const key = axes.map((axis) => String(index[axis]).padStart(5, "0")).join();
    channels.set(key, [...(channels.get(key) ?? []), i]);
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      index[axis] = (index[axis] as number) + 1;
      if ((index[axis] as number) < (shape[axis] as number)) break;
      index[axis] = 0;
    }
  }
  return [...channels.keys()].sort().map((key) => channels.get(key) as number[]);
}

describe("the float64 executor", () => {
  test("reduces and broadcasts as plain loops do, in every layout", () => {
    const x = input("element", "element");
    const c = input("channel", "channel");
    const program = compile({
      sum: sum(x, "channel"),
      max: max(x, "channel"),
      mean: mean(x, "channel"),
      total: sum(x, "tensor"),
      largest: max(x, "tensor"),
      totalOfChannels: sum(c, "tensor"),
      product: x.mul(c),
      elements: count("element", "channel"),
      channels: count("channel", "tensor"),
    });
    check(fc.record({ form: anyForm, seed: fc.nat() }), 300, ({ form, seed }) => {
      const layout = layoutFor(form);
      const inputs = inputsFor(layout, seed);
      const elements = spreadTo(inputs.element as Value<Array64>, "element", layout);
      const channels = channelsOf(form);
      if (elements.length === 0) return;
      const results = float64Executor.run(program, inputs, layout);
      const perChannel = (name: string): number[] => [...spreadTo(results[name] as Value<Array64>, "channel", layout)];
      const of = channels.map((indices) => indices.map((i) => elements[i] as number));
      const add = (xs: readonly number[]): number => xs.reduce((a, b) => a + b, 0);
      const near = (actual: number, expected: number, terms: readonly number[]): void =>
        expect(Math.abs(actual - expected)).toBeLessThanOrEqual(terms.length * 2 ** -52 * add(terms.map(Math.abs)));

      const perChannelValues = [...spreadTo(inputs.channel as Value<Array64>, "channel", layout)];
      perChannel("sum").forEach((total, i) => {
        near(total, add(of[i]!), of[i]!);
      });
      perChannel("mean").forEach((average, i) => {
        near(average, add(of[i]!) / of[i]!.length, of[i]!);
      });
      expect(perChannel("max")).toEqual(of.map((xs) => Math.max(...xs)));
      near(results.total as number, add([...elements]), [...elements]);
      expect(results.largest).toBe(Math.max(...elements));
      near(results.totalOfChannels as number, add(perChannelValues), perChannelValues);
      const product = spreadTo(results.product as Value<Array64>, "element", layout);
      channels.forEach((indices, channel) => {
        for (const i of indices)
          expect(product[i]).toBe((elements[i] as number) * (perChannelValues[channel] as number));
      });
      expect(results.elements).toBe(elements.length / channels.length);
      expect(results.channels).toBe(channels.length);
    });
  });
});

const counts: Counts = { sharp: 0, loose: 0, chance: 0, overflow: 0, undefined: 0 };

describe.each(["cpu", "wasm"])("the tfjs executor on the %s backend", (backend) => {
  beforeAll(async () => {
    await tf.setBackend(backend);
  });

  test.each(longForms)(
    "sums shape %j with the channel axes %j as exactly as blocks of 1024 terms do",
    (shape, channelAxes) => {
      for (const scalars of ["host", "device"] as const)
        expectExactSums(
          tfjsExecutor(() => scalars),
          { shape, channelAxes },
        );
    },
  );

  test.each(["host", "device"] as const)(
    "computes any expression in any layout, and leaves no tensor behind, with scalars on the %s",
    async (scalars) => {
      await expectAnyExpression(
        tfjsExecutor(() => scalars),
        scalars,
        300,
        counts,
      );
    },
  );
});

afterAll(() => {
  const all = Object.values(counts).reduce((a, b) => a + b);
  // Nothing was compared where a filter left these tests out.
  if (all === 0) return;
  expect(counts.sharp / all, JSON.stringify(counts)).toBeGreaterThan(0.8);
});
