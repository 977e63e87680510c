import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { float64Executor } from "../../src/executors/float64-executor.js";
import { type Expr, input } from "../../src/expression/expression.js";
import { scalarLayout } from "../../src/expression/layout.js";
import { compile } from "../../src/expression/program.js";
import { type CoordinateName, coordinates } from "../../src/rule/domain.js";
import { derivative } from "../../src/testing/index.js";
import { check } from "../check.js";

const run = (y: Expr, inputs: Readonly<Record<string, number>>): number =>
  float64Executor.run(compile({ y }), inputs, scalarLayout).y as number;

describe("every coordinate", () => {
  test.each(Object.keys(coordinates) as CoordinateName[])(
    "%s is a change of variable with the slope it says",
    (name) => {
      const { forward, inverse, slope, range } = coordinates[name];
      const r = input("r", "element");
      const h = input("h", "element");
      const [low, high] = range.map((end) => Math.max(-10, Math.min(10, end))) as [number, number];
      check(fc.integer({ min: 1, max: 999 }), 100, (k) => {
        const value = low + ((high - low) * k) / 1000;
        const at = run(inverse(h) as Expr, { h: value });
        const back = (x: number): number => run(forward(r) as Expr, { r: x });
        expect(Math.abs(back(at) - value)).toBeLessThanOrEqual(1e-13 * Math.abs(value));
        const [estimate] = derivative((x) => [back(x)], at, 0.25);
        const d = run(slope(r, h) as Expr, { r: at, h: value });
        expect(Math.abs(d - (estimate?.value as number))).toBeLessThanOrEqual(20 * (estimate?.error as number));
      });
    },
  );
});
