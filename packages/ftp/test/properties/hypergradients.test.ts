/**
 * Hyper-gradients against finite differences.
 *
 * What the optimizer computes is made visible by a learner that, after k steps in which it does nothing, puts the hyper-gradient that it
 * is handed in the place of the hyperparameter. What it should be follows from its definition: a schedule moves the hyperparameter in
 * step k alone, and the parameters after that step, contracted with the next gradient, are differenced.
 */
import { float64, type Grain, hyper, learned, type Setting, type Spec } from "@hypergrad/core";
import { derivative, type Estimate, type Problem, problems } from "@hypergrad/core/testing";
import { sgd } from "@hypergrad/optimizers";
import fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import {
  coversOf,
  parametersAfter,
  plainCoordinates,
  reveal,
  runFloat64,
  unbounded,
  valuesAt,
} from "../../../core/src/testing/reveal.js";
import { check } from "../../../core/test/check.js";
import type { Optimizer } from "./bases.js";
import { coarser, coordinatesFor, finestOf, grains, optimizers, valuesOf } from "./optimizers.js";

type CoordinateName = keyof typeof plainCoordinates;
const coordinateNames = Object.keys(plainCoordinates) as CoordinateName[];

/** The distance over which the rules change as a hyperparameter does. */
const scaleOf = (name: string, h: number): number =>
  /^(beta|decay|rho)/.test(name) ? Math.min(1 - h, 0.5) : name === "momentum" || name === "dampening" ? 0.5 : h || 0.1;

interface Case {
  readonly problem: Problem;
  readonly values: Record<string, number>;
}

/** Kinks have no derivative, and what changes within the smallest step, or is hidden by rounding, is not resolved by differences. */
const counts = { compared: 0, unresolved: 0, kink: 0 };

/** Compares the hyper-gradients of all hyperparameters, one coordinate each, at all grains. */
function compare(optimizer: Optimizer, { problem, values }: Case, rotation: number, horizon = 1): void {
  const k = problem.steps - 1;
  // The first step that the hyper-gradient looks back to: what is carried along is forgotten every `horizon` steps.
  const since = horizon === Number.POSITIVE_INFINITY ? 0 : k - 1 - ((k - 1) % horizon);
  // What the initial state is made of counts for a hyper-gradient only where it looks back that far.
  const names = Object.keys(values).filter((name) => horizon > 1 || k > 1 || !optimizer.initial?.includes(name));
  const finest = (name: string): Grain => finestOf(optimizer, name, horizon > 1);
  const next = problem.gradients(k);
  const g = problem.variables.flatMap(({ name }) => [...(next[name] ?? [])]);

  const chosen = names.map((name, i) => {
    const value = values[name] as number;
    const legal = coordinatesFor(value);
    const coordinate = legal[(rotation + i) % legal.length] as CoordinateName;
    const { forward, inverse, slope: slopeAt } = plainCoordinates[coordinate];
    const r = inverse(value);
    const slope = slopeAt(r);
    const moved =
      (x: number): Setting =>
      (t) =>
        t >= since && t < k ? forward(x) : value;
    const after = (x: number): number[] =>
      parametersAfter(unbounded(optimizer.build({ ...values, [name]: moved(x) })), problem, k);
    const straightThrough = name === "radius" && optimizer.ftp?.straightThrough !== false;
    const estimates = straightThrough
      ? radiusFormula(optimizer, { problem, values }, slope)
      : derivative(after, r, scaleOf(name, value) / slope);
    return { name, coordinate, estimates, size: after(r) };
  });

  for (const grain of grains) {
    const expected = chosen.map(({ name, coordinate, estimates, size }) => {
      const per = coarser(grain, finest(name));
      const sums = new Map<string, { d: number; error: number; magnitude: number; floor: number }>();
      coversOf(problem, per).forEach((cover, j) => {
        const { value, error } = estimates[j] as Estimate;
        const weight = Math.abs(g[j] as number);
        const so = sums.get(cover) ?? { d: 0, error: 0, magnitude: 0, floor: 0 };
        sums.set(cover, {
          d: so.d + (g[j] as number) * value,
          error: so.error + (weight === 0 ? 0 : weight * error),
          magnitude: so.magnitude + weight * Math.abs(value),
          floor: so.floor + weight * Math.abs(size[j] as number),
        });
      });
      const finite = [...sums.values()].filter(({ error }) => error !== Number.POSITIVE_INFINITY);
      const largest = Math.max(...finite.map(({ d, error, floor }) => Math.abs(d) + error + 1e-12 * floor), 2 ** -500);
      const scale = coordinate === "identity" ? 1 : 2 ** -Math.ceil(Math.log2(largest));
      return { name, coordinate, per, sums, largest, scale };
    });

    const settings = Object.fromEntries(
      expected.map(({ name, coordinate, per, scale }) => {
        const { offset } = plainCoordinates[coordinate];
        const by = reveal({ scale: (t) => (t === k ? scale : 0), offset });
        return [name, learned(values[name] as number, by, { per, in: coordinate, gradient: (d) => d, horizon })];
      }),
    );
    const after = runFloat64(unbounded(optimizer.build({ ...values, ...settings })), problem, k + 1);

    for (const { name, coordinate, per, sums, largest, scale } of expected) {
      const revealed = valuesAt(after, problem, name, per);
      const { inverse, offset } = plainCoordinates[coordinate];
      for (const [cover, { d, error, magnitude, floor }] of sums) {
        const actual = (inverse(revealed.get(cover) as number) - offset) / scale;
        if (error === Number.POSITIVE_INFINITY) {
          counts.kink++;
          continue;
        }
        if (error > 1e-2 * magnitude && error > 1e-9 * floor) {
          counts.unresolved++;
          continue;
        }
        counts.compared++;
        // Ridders' estimate is itself one; 1 − β multiplies rounding by up to 10³; what is not read off in the identity has lost digits.
        const tolerance = 10 * error + 1e-11 * magnitude + (coordinate === "identity" ? 0 : 1e-13 * largest);
        if (!(Math.abs(actual - d) <= tolerance)) {
          expect.fail(
            `∂θ′/∂${name} in ${coordinate}, per ${per}, for ${cover}: the optimizer has ${actual}, finite differences give ${d} ± ${tolerance}`,
          );
        }
      }
    }
  }
}

/** c/n for every element, FTP's straight-through derivative by the radius, from the offset of the step before. */
function radiusFormula(optimizer: Optimizer, { problem, values }: Case, slope: number): Estimate[] {
  const k = problem.steps - 1;
  const wide: Setting = (t) => (t === k - 1 ? 1e30 : (values.radius as number));
  const proposed = parametersAfter(optimizer.build({ ...values, radius: wide }), problem, k);
  const anchor = problem.variables.flatMap((variable) => [...variable.values]);
  const c = proposed.map((p, j) => p - (anchor[j] as number));
  const l2 = optimizer.ftp?.norm === "l2";
  const rows = coversOf(problem, l2 ? "tensor" : "channel");
  const norms = new Map<string, number>();
  rows.forEach((row, j) => {
    const x = c[j] as number;
    norms.set(row, (norms.get(row) ?? 0) + (l2 ? x * x : Math.abs(x)));
  });
  return c.map((x, j) => {
    const norm = norms.get(rows[j] as string) as number;
    const n = (l2 ? Math.sqrt(norm) : norm) + 1e-8;
    const size = Math.abs(anchor[j] as number) + Math.abs(proposed[j] as number);
    // What rounding did to θ₀ + (θ̃ − θ₀), twice.
    return { value: (x / n) * slope, error: (4 * 2 ** -52 * size * Math.abs(slope)) / n };
  });
}

describe.each(optimizers)("hyper-gradients of $name", (optimizer) => {
  const cases: fc.Arbitrary<Case> = fc.record({
    problem: problems({ maxVariables: 2, maxSteps: optimizer.steps ?? 5 }),
    values: valuesOf(optimizer),
  });
  test.each(coordinateNames.map((_, i) => i))(
    "equal finite differences at every grain, with the coordinates rotated by %i",
    (rotation) => check(cases, optimizer.everyday ? 3 : 1, (example) => compare(optimizer, example, rotation)),
  );

  // The official code's derivative by the radius is no derivative: it has nothing to carry along.
  if (optimizer.ftp && optimizer.ftp.straightThrough !== false) return;
  test.each([Number.POSITIVE_INFINITY, 2])(
    "equal finite differences over several steps, with a horizon of %s",
    (horizon) =>
      check(cases, optimizer.everyday ? 4 : 1, (example) =>
        compare(optimizer, example, horizon === 2 ? 1 : 0, horizon),
      ),
  );
});

describe("what would make a sensitivity a matrix is refused when the optimizer is built, with the reason and the way out", () => {
  const refused = optimizers.flatMap((optimizer) =>
    Object.keys(optimizer.values).flatMap((name) => {
      const finest = finestOf(optimizer, name);
      return grains
        .filter((grain) => grains.indexOf(grain) < grains.indexOf(finest))
        .map((grain) => ({
          optimizer,
          name,
          grain,
          finest,
          toString: () => `${name} per ${grain} in ${optimizer.name}`,
        }));
    }),
  );
  expect(refused.length).toBeGreaterThan(100);

  test.each(refused)("%s", ({ optimizer, name, grain, finest }) => {
    const momentum = "momentum" in optimizer.values ? { momentum: 0.9 } : {};
    const at = (per: Grain): Spec => optimizer.build({ ...momentum, [name]: learned(0.5, sgd({ lr: 0.1 }), { per }) });
    const spec = at(grain);
    const message = new RegExp(`${name} cannot be learned per ${grain}\\. .* Learn it per ${finest}( or coarser)?\\.`);
    expect(() => float64(spec, { a: { shape: [2, 2], values: [1, 2, 3, 4] } })).toThrow(message);
    expect(() => hyper(spec)).toThrow(message);
    expect(() => hyper(at(finest)).dispose()).not.toThrow();
  });
});

afterAll(() => {
  const all = counts.compared + counts.unresolved + counts.kink;
  // Nothing was compared where a filter left these tests out.
  if (all === 0) return;
  expect(counts.kink / all, JSON.stringify(counts)).toBeLessThan(0.05);
  expect(counts.compared / all, JSON.stringify(counts)).toBeGreaterThan(0.9);
});
