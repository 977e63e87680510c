/**
 * Programs of several passes over memory, whose values are used early and late: what is stored between passes, and where, never shows.
 */
import "../../src/index.js";
import type { Prepared } from "@hypergrad/core/executors";
import { noise, random } from "@hypergrad/core/testing";
import * as tf from "@tensorflow/tfjs-core";
import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { float64Executor } from "../../../core/src/executors/float64-executor.js";
import { type Expr, input, mean } from "../../../core/src/expression/expression.js";
import { sizeOf } from "../../../core/src/expression/layout.js";
import { compile } from "../../../core/src/expression/program.js";
import { check } from "../../../core/test/check.js";
import { layoutFor } from "../../../core/test/expression/expressions.js";
import { fused } from "../../src/fused/fused.js";

const names = ["a", "b", "c", "d"];

/** One step in making new values of earlier ones: which, and whether a mean comes between. */
const growth = fc.record({
  left: fc.nat({ max: 99 }),
  right: fc.nat({ max: 99 }),
  of: fc.nat({ max: 99 }),
  mean: fc.constantFrom("none", "tensor", "channel"),
});

const cases = fc.record({
  steps: fc.array(growth, { minLength: 3, maxLength: 12 }),
  outputs: fc.array(fc.nat({ max: 99 }), { minLength: 2, maxLength: 6 }),
  form: fc.constantFrom(
    { shape: [17], channelAxes: undefined },
    { shape: [5, 6], channelAxes: undefined },
    { shape: [70, 3], channelAxes: undefined },
    { shape: [4, 9], channelAxes: [0] },
    { shape: [3, 5, 2], channelAxes: [1] },
  ),
  /** Which inputs are given up to be written over. */
  given: fc.array(fc.boolean(), { minLength: 4, maxLength: 4 }),
  seed: fc.nat(),
});

describe("programs of several passes", () => {
  beforeAll(async () => {
    await tf.setBackend("wasm");
  });

  test("equal float64, whatever they may write over", () => {
    let passes = 0;
    check(cases, 400, ({ steps, outputs, form, given, seed }) => {
      const layout = layoutFor(form);
      const values: Expr[] = names.map((name) => input(name, "element"));
      const at = (i: number): Expr => values[i % values.length] as Expr;
      for (const { left, right, of, mean: grain } of steps) {
        const factor = grain === "none" ? 0.5 : mean(at(of), grain as "tensor").tanh();
        values.push(at(left).mul(factor).add(at(right).mul(0.5)));
      }
      // Outputs are named like the inputs that they replace, and some are new.
      const program = compile(
        Object.fromEntries(outputs.map((i, k) => [["e", "f", ...names][k], at(values.length - 1 - (i % 7))])),
      );
      const numbers = names.map((_, i) => noise(sizeOf(form.shape), random(seed, i)));
      const exact = float64Executor.run(
        program,
        Object.fromEntries(
          names.map((name, i) => [name, { shape: form.shape, values: Float64Array.from(numbers[i]!) }]),
        ),
        layout,
      );
      const before = tf.memory().numTensors;
      const tensors = names.map((_, i) => tf.tensor(numbers[i] as Float32Array, [...form.shape]));
      const inputs = Object.fromEntries(names.map((name, i) => [name, tensors[i] as tf.Tensor]));
      const into = Object.fromEntries(Object.entries(inputs).filter((_, i) => given[i]));
      const results = (fused(program, inputs, layout, into) as Prepared<tf.Tensor>).run() as Record<string, tf.Tensor>;
      passes++;
      for (const [name, { values: wanted }] of Object.entries(exact as Record<string, { values: Float64Array }>)) {
        const actual = (results[name] as tf.Tensor).dataSync();
        wanted.forEach((x, i) => {
          expect(Math.abs((actual[i] as number) - x), `${name}[${i}]`).toBeLessThan(1e-4);
        });
      }
      // What was not given up, or is not among the outputs, keeps its values.
      names.forEach((name, i) => {
        if (results[name] !== tensors[i]) expect(tensors[i]?.dataSync()).toEqual(numbers[i]);
        else expect(given[i]).toBe(true);
      });
      tf.dispose([results, tensors]);
      expect(tf.memory().numTensors).toBe(before);
    });
    expect(passes).toBeGreaterThan(0);
  });
});
