/**
 * Kernels by themselves: every operation, in whole vectors and in what is left over, on memories of both kinds.
 */

import type { Kernel, Line } from "@hypergrad/core/executors";
import { describe, expect, test } from "vitest";
import type { OperationName } from "../../../core/src/expression/node.js";
import { operations } from "../../../core/src/expression/operations.js";
import { frameOf } from "../../src/fused/frame.js";
import { textOf } from "../../src/fused/kernel-text.js";
import { comparisons } from "../../src/fused/simd.js";
import { moduleOf } from "../../src/heap/assemble.js";

const X = [0.5, -0.25, 3, 0, -0, 1e-3, 70, -2, 1e20, -1e-20, 2.5];
const Y = [2, 0.5, -3, 0, 1, -1e-3, 0.25, 4, 2, 3, -1.5];

/** Runs a kernel of one row on the arrays; returns what it wrote. */
function run(kernel: Kernel, arrays: readonly (readonly number[])[], shared: boolean): Float32Array {
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 4, shared });
  const f32 = new Float32Array(memory.buffer);
  const i32 = new Int32Array(memory.buffer);
  const length = arrays[0]?.length as number;
  const frame = frameOf(kernel);
  i32[2 * frame.rows] = 1;
  i32[2 * frame.length] = 4 * length;
  const address = (i: number): number => 8 * frame.slots + 4 * length * i;
  arrays.forEach((values, i) => {
    f32.set(values, address(i) / 4);
    i32[2 * (frame.elements + i)] = address(i);
  });
  i32[2 * frame.stores] = address(arrays.length);
  const { exports } = new WebAssembly.Instance(moduleOf(textOf(kernel, "flat", shared)), {
    env: { memory },
    Math: Math as unknown as WebAssembly.ModuleImports,
  });
  (exports.run as (frame: number) => void)(0);
  return f32.slice(address(arrays.length) / 4, address(arrays.length) / 4 + length);
}

const element = (operand: number): Line => ({ op: "element", operand });

describe.each([false, true])("a kernel (memory shared: %s)", (shared) => {
  const ordinary = (Object.keys(operations) as OperationName[]).filter((op) => op !== "select");
  test.each(ordinary)("computes %s as float64 does, rounded", (op) => {
    const arity = operations[op].operands;
    const arrays = [X.map(Math.fround), Y.map(Math.fround)].slice(0, arity);
    const lines: Line[] = [...arrays.map((_, i) => element(i)), { op, operands: arrays.map((_, i) => i) }];
    const actual = run({ lines, stores: [arity], reductions: [] }, arrays, shared);
    const f = operations[op].value as (...xs: number[]) => number;
    actual.forEach((y, i) => {
      const wanted = f(...arrays.map((values) => values[i] as number));
      const rounded = Math.fround(wanted);
      if (Number.isNaN(wanted)) expect(y, `${op} of number ${i}`).toBeNaN();
      else if (!Number.isFinite(rounded)) expect(y, `${op} of number ${i}`).toBe(rounded);
      // Two roundings, and less than the smallest number where there are no more digits.
      else
        expect(Math.abs(y - wanted), `${op} of number ${i}`).toBeLessThanOrEqual(
          2 ** -22 * Math.abs(wanted) + 2 ** -149,
        );
    });
  });

  test.each(comparisons)("selects by %s, and by a condition that was stored", (op) => {
    const lines: Line[] = [element(0), element(1), { op, operands: [0, 1] }, { op: "select", operands: [2, 0, 1] }];
    const arrays = [X.map(Math.fround), Y.map(Math.fround)];
    const f = operations[op].value as (a: number, b: number) => number;
    const chosen = run({ lines, stores: [3], reductions: [] }, arrays, shared);
    const stored = run({ lines, stores: [2], reductions: [] }, arrays, shared);
    const again = run(
      {
        lines: [element(0), element(1), element(2), { op: "select", operands: [2, 0, 1] }],
        stores: [3],
        reductions: [],
      },
      [...arrays, [...stored]],
      shared,
    );
    X.forEach((_, i) => {
      const [a, b] = [Math.fround(X[i] as number), Math.fround(Y[i] as number)];
      expect(stored[i]).toBe(f(a, b));
      expect(chosen[i]).toBe(f(a, b) ? a : b);
      expect(again[i]).toBe(f(a, b) ? a : b);
    });
  });
});
