/**
 * Expressions: what compiling, differentiating and executing them must not change.
 */
import fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import type { Value } from "../../src/executors/executor.js";
import { type Array64, float64Executor } from "../../src/executors/float64-executor.js";
import { differentiate, GrainError } from "../../src/expression/differentiate.js";
import { type Expr, input, stopGradient, straightThrough } from "../../src/expression/expression.js";
import { finer } from "../../src/expression/grain.js";
import { scalarLayout } from "../../src/expression/layout.js";
import { Condition, type Node } from "../../src/expression/node.js";
import { operations } from "../../src/expression/operations.js";
import { compile } from "../../src/expression/program.js";
import { anyForm, derivative, random, smallForm } from "../../src/testing/index.js";
import { check } from "../check.js";
import { evaluate, expressions, inputsFor, layoutFor, leaves, spreadTo } from "./expressions.js";

const run = (y: Expr, inputs: Readonly<Record<string, Value<Array64>>>, layout = scalarLayout): Value<Array64> =>
  float64Executor.run(compile({ y }), inputs, layout).y as Value<Array64>;

const sameNumber = (a: number, b: number): boolean => a === b || (Number.isNaN(a) && Number.isNaN(b));

const counts = { finite: 0, infinite: 0, compared: 0, zero: 0, unresolved: 0, kink: 0 };

describe("a compiled program", () => {
  test("computes, bit for bit, what its expressions say node by node", () => {
    check(
      fc.record({ built: expressions(14, { gated: true }), form: anyForm, seed: fc.nat() }),
      600,
      ({ built: { y }, form, seed }) => {
        const layout = layoutFor(form);
        const inputs = inputsFor(layout, seed);
        const { value, finite } = evaluate(y, inputs, layout);
        // A factor 0 removes what it is multiplied with: right for finite values, which are all that a rule may meet.
        counts[finite ? "finite" : "infinite"]++;
        if (!finite) return;
        const expected = spreadTo(value, y.grain, layout);
        const actual = spreadTo(run(y, inputs, layout), y.grain, layout);
        expect([...actual].every((x, i) => sameNumber(x, expected[i] as number))).toBe(true);
      },
    );
  });

  test("gives an output the same value whatever other outputs there are", () => {
    check(
      fc.record({ outputs: fc.array(expressions(8), { minLength: 2, maxLength: 4 }), form: smallForm, seed: fc.nat() }),
      100,
      ({ outputs, form, seed }) => {
        const layout = layoutFor(form);
        const inputs = inputsFor(layout, seed);
        const together = compile(Object.fromEntries(outputs.map(({ y }, i) => [i, y])));
        const results = float64Executor.run(together, inputs, layout);
        outputs.forEach(({ y }, i) => {
          expect(results[i]).toEqual(run(y, inputs, layout));
        });
      },
    );
  });

  test("holds no instruction twice, and no operand that comes later or was said to be read for the last time", () => {
    check(expressions(20, { gated: true }), 300, ({ y }) => {
      const { instructions, outputs } = compile({ y, twice: y.add(y), square: y.square() });
      const text = (_: string, x: unknown): unknown => (Object.is(x, -0) ? "-0" : x);
      const texts = instructions.map(({ kind, operands, grain }) => JSON.stringify([kind, operands, grain], text));
      expect(new Set(texts).size).toBe(texts.length);
      const kept = new Set(outputs.values());
      instructions.forEach(({ operands }, i) => {
        for (const operand of operands) {
          expect(operand).toBeLessThan(i);
          expect(instructions[operand]?.lastUse).toBeGreaterThanOrEqual(i);
        }
      });
      instructions.forEach(({ lastUse }, i) => {
        const readers = instructions.flatMap(({ operands }, j) => (operands.includes(i) ? [j] : []));
        expect(lastUse).toBe(kept.has(i) ? Number.POSITIVE_INFINITY : (readers.at(-1) ?? i));
      });
    });
  });
});

/** True where a value of y reduces over several values of x, along a way that a derivative takes. */
function mixes(y: Node, x: Expr): boolean {
  const depends = new Map<Node, boolean>();
  let mixed = false;
  function visit(node: Node): boolean {
    const known = depends.get(node);
    if (known !== undefined) return known;
    const { kind } = node;
    const constant = node instanceof Condition || kind.op === "sign" || kind.op === "floor";
    const does = node === x || (!constant && node.operands.map(visit).some(Boolean));
    if (does && (kind.op === "reduceSum" || kind.op === "reduceMax") && finer(x.grain, kind.to)) mixed = true;
    depends.set(node, does);
    return does;
  }
  visit(y);
  return mixed;
}

/** The inputs that y is made of. */
function leavesOf(y: Node): Expr[] {
  const reached = new Set<Node>();
  const visit = (node: Node): void => {
    if (reached.has(node)) return;
    reached.add(node);
    node.operands.forEach(visit);
  };
  visit(y);
  return leaves.filter((leaf) => reached.has(leaf));
}

/** Every value of x moved by the same amount. */
function shifted(
  inputs: Readonly<Record<string, Value<Array64>>>,
  name: string,
  by: number,
): Record<string, Value<Array64>> {
  const value = inputs[name] as Value<Array64>;
  const moved = typeof value === "number" ? value + by : { ...value, values: value.values.map((v) => v + by) };
  return { ...inputs, [name]: moved };
}

/** Compares ∂y/∂x with finite differences, value by value. */
function compare(
  f: Expr,
  df: Expr,
  x: Expr,
  inputs: Readonly<Record<string, Value<Array64>>>,
  layout = scalarLayout,
): void {
  const { name } = x.kind as { name: string };
  const estimates = derivative((by) => spreadTo(run(f, shifted(inputs, name, by), layout), f.grain, layout), 0, 0.5);
  const actual = spreadTo(run(df, inputs, layout), f.grain, layout);
  estimates.forEach(({ value, error }, i) => {
    if (error === Number.POSITIVE_INFINITY) {
      counts.kink++;
      return;
    }
    if (error > 1e-2 * Math.abs(value) + 1e-8) {
      counts.unresolved++;
      return;
    }
    counts[value === 0 ? "zero" : "compared"]++;
    const tolerance = 20 * error + 1e-9 * Math.abs(value);
    if (!(Math.abs((actual[i] as number) - value) <= tolerance)) {
      expect.fail(`∂/∂${name}, value ${i}: ${actual[i]}; finite differences give ${value} ± ${tolerance}`);
    }
  });
}

describe("a derivative", () => {
  const cases = fc
    .record({ built: expressions(8), which: fc.nat(), form: smallForm, seed: fc.nat() })
    .map(({ which, ...rest }) => {
      const among = leavesOf(rest.built.y);
      return { ...rest, x: among[which % among.length] ?? (leaves[0] as Expr) };
    });

  test("equals finite differences, or is refused where several values of x meet in one reduction", () => {
    const met = { refused: 0, compared: 0 };
    check(cases, 1500, ({ built: { y }, x, form, seed }) => {
      const layout = layoutFor(form);
      let dy: Expr;
      try {
        dy = differentiate(y, x);
      } catch (error) {
        expect(error).toBeInstanceOf(GrainError);
        expect(mixes(y, x)).toBe(true);
        met.refused++;
        return;
      }
      expect(mixes(y, x)).toBe(false);
      met.compared++;
      compare(y, dy, x, inputsFor(layout, seed), layout);
    });
    expect(met.refused).toBeGreaterThan(5);
    expect(met.compared).toBeGreaterThan(800);
  });

  test("can be differentiated again", () => {
    check(cases, 500, ({ built: { y }, x, form, seed }) => {
      if (mixes(y, x)) return;
      const layout = layoutFor(form);
      const dy = differentiate(y, x);
      compare(dy, differentiate(dy, x), x, inputsFor(layout, seed), layout);
    });
  });

  test("stops at stopGradient, and follows the second operand of straightThrough", () => {
    check(cases, 200, ({ built: { y }, x, form, seed }) => {
      const layout = layoutFor(form);
      const inputs = inputsFor(layout, seed);
      const stopped = stopGradient(y).add(x);
      expect(
        [...spreadTo(run(differentiate(stopped, x), inputs, layout), "element", layout)].every((d) => d === 1),
      ).toBe(true);
      const through = straightThrough(y, x.mul(3));
      expect(spreadTo(run(through, inputs, layout), "element", layout)).toEqual(
        spreadTo(run(y, inputs, layout), "element", layout),
      );
      expect(
        [...spreadTo(run(differentiate(through, x), inputs, layout), "element", layout)].every((d) => d === 3),
      ).toBe(true);
    });
  });
});

describe("every row of the table of operations", () => {
  const a = input("a", "element");
  const b = input("b", "element");
  const rows = Object.entries(operations).flatMap(([name, row]) =>
    "partials" in row ? row.partials.map((partial, i) => ({ name, i, partial, row })) : [],
  );

  /** Where an operation is defined: what a number of [−1, 1] becomes. */
  const domain = (name: string, operand: number, x: number): number => {
    if (["sqrt", "rsqrt", "log"].includes(name)) return x + 1.5;
    if (name === "pow" && operand === 0) return x + 1.5;
    if (name === "div" && operand === 1) return x < 0 ? x - 0.5 : x + 0.5;
    return x;
  };

  test.each(rows.filter(({ partial }) => partial !== null).map((row) => [row.name, row.i, row] as const))(
    "%s has the right derivative by operand %i",
    (name, i, { row, partial }) => {
      if (name === "straightThrough") return;
      check(fc.tuple(fc.nat(), fc.nat()), 60, (seeds) => {
        const next = random(...seeds);
        const point = [0, 1].map((operand) => domain(name, operand, 2 * next() - 1));
        const f = row.value as (...xs: number[]) => number;
        const along = (x: number): number[] => [f(...point.map((p, j) => (j === i ? x : p)))];
        const [estimate] = derivative(along, point[i] as number, 0.25);
        const y = input("y", "element");
        const expression = (partial as (...xs: Expr[]) => Expr | number)(...(row.operands === 1 ? [a, y] : [a, b, y]));
        const program = compile({ d: expression });
        const d = float64Executor.run(program, { a: point[0] ?? 0, b: point[1] ?? 0, y: f(...point) }, scalarLayout)
          .d as number;
        if (estimate?.error === Number.POSITIVE_INFINITY) return;
        expect(Math.abs(d - (estimate?.value as number))).toBeLessThanOrEqual(
          20 * (estimate?.error as number) + 1e-10 * Math.abs(d),
        );
      });
    },
  );

  test("has no derivative where it is said to have none: it is constant on both sides of every jump", () => {
    const none = rows.filter(
      ({ partial, name }) => partial === null && name !== "stopGradient" && name !== "straightThrough",
    );
    expect(none.map(({ name }) => name)).toContain("sign");
    check(fc.tuple(fc.constantFrom(...none), fc.nat()), 100, ([{ row, i }, seed]) => {
      const next = random(seed);
      const point = [2 * next() - 1, 2 * next() - 1];
      const f = row.value as (...xs: number[]) => number;
      const [d] = derivative((x) => [f(...point.map((p, j) => (j === i ? x : p)))], point[i] as number, 1e-3);
      if (d?.error !== Number.POSITIVE_INFINITY) expect(d?.value).toBe(0);
    });
  });

  // biome-ignore format: a table
  const decided: readonly (readonly [string, Expr, Expr, Record<string, number>, number])[] = [
    ["√a at 0",                a.sqrt(),     a, { a: 0 },        0],
    ["1/√a at 0",              a.rsqrt(),    a, { a: 0 },        0],
    ["|a| at 0",               a.abs(),      a, { a: 0 },        0],
    ["sign a at 0",            a.sign(),     a, { a: 0 },        0],
    ["ln a at 0",              a.log(),      a, { a: 0 },        0],
    ["aᵇ by a at 0⁰",          a.pow(b),     a, { a: 0, b: 0 },  0],
    ["aᵇ by a at 0, b = 1",    a.pow(b),     a, { a: 0, b: 1 },  1],
    ["aᵇ by b at 0",           a.pow(b),     b, { a: 0, b: 2 },  0],
    ["aᵇ by b below 0",        a.pow(b),     b, { a: -2, b: 3 }, 0],
    ["a/b by a at b = 0",      a.div(b),     a, { a: 1, b: 0 },  0],
    ["a/b by b at b = 0",      a.div(b),     b, { a: 1, b: 0 },  0],
  ];
  test.each(decided)("decides the derivative of %s", (_, y, x, at, expected) => {
    expect(run(differentiate(y, x), at) as number).toBeCloseTo(expected, 15);
  });
});

afterAll(() => {
  // At most, so that a filter may leave the tests out.
  expect(counts.infinite, JSON.stringify(counts)).toBeLessThanOrEqual(0.05 * counts.finite);
  expect(counts.unresolved + counts.kink, JSON.stringify(counts)).toBeLessThanOrEqual(0.1 * counts.compared);
});
