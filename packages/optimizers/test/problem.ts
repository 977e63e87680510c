import { float64, type Spec } from "@hypergrad/core";
import { expect } from "vitest";

export const STEPS = 30;

/** The parameters of a problem in one row, and which of them belong to which variable. */
export const sizes = { a: 6, b: 1, c: 4 } as const;

export const names = Object.keys(sizes) as (keyof typeof sizes)[];

const n = names.reduce((total, name) => total + sizes[name], 0);

export const variableOf = names.flatMap((name) => Array.from({ length: sizes[name] }, () => name));

function noise(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  };
}

const next = noise(3);

export const start = Array.from({ length: n }, () => next());

const slopes = Array.from({ length: n }, () => 0.5 + Math.abs(next()));

/** A quadratic with noise; zero everywhere in the first step and in another, and in one variable for some time. */
const noises = Array.from({ length: STEPS }, () => Array.from({ length: n }, () => 0.3 * next()));

const gradient = (p: readonly number[], step: number): number[] =>
  p.map((x, i) => {
    if (step === 0 || step === 9) return 0;
    if (variableOf[i] === "b" && step < 4) return 0;
    return (slopes[i] as number) * (x - 2) + ((noises[step] as number[])[i] as number);
  });

/** The rows that a spec goes through, on gradients taken where it is. */
export function rowsOf(spec: Spec): { rows: number[][]; evaluations: number[][] } {
  const parameters = Object.fromEntries(
    names.map((name) => [name, { shape: [sizes[name]], values: start.filter((_, i) => variableOf[i] === name) }]),
  );
  const optimizer = float64(spec, parameters);
  const row = (of: typeof optimizer.parameters): number[] => names.flatMap((name) => [...(of[name]?.values ?? [])]);
  const rows: number[][] = [];
  const evaluations: number[][] = [];
  for (let step = 0; step < STEPS; step++) {
    const g = gradient(row(optimizer.parameters), step);
    optimizer.step(Object.fromEntries(names.map((name) => [name, g.filter((_, i) => variableOf[i] === name)])));
    rows.push(row(optimizer.parameters));
    evaluations.push(row(optimizer.evaluation()));
  }
  return { rows, evaluations };
}

export type Step = (p: number[], g: number[], t: number) => number[];

/** The same for a step in plain numbers. */
export function referenceOf(step: Step, evaluation: (p: number[]) => number[] = (p) => p) {
  const rows: number[][] = [];
  const evaluations: number[][] = [];
  let p = [...start];
  for (let t = 1; t <= STEPS; t++) {
    p = step(p, gradient(p, t - 1), t);
    rows.push(p);
    evaluations.push(evaluation(p));
  }
  return { rows, evaluations };
}

export const sum = (xs: readonly number[]): number => xs.reduce((a, b) => a + b, 0);

export const dot = (a: readonly number[], b: readonly number[]): number => sum(a.map((x, i) => x * (b[i] as number)));

export const zip = (f: (...xs: number[]) => number, ...rows: readonly (readonly number[])[]): number[] =>
  (rows[0] as readonly number[]).map((_, i) => f(...rows.map((row) => row[i] as number)));

export const zeros = (): number[] => start.map(() => 0);

export function expectRows(actual: readonly number[][], expected: readonly number[][]): void {
  let moved = 0;
  actual.forEach((row, step) => {
    row.forEach((x, i) => {
      const y = (expected[step] as number[])[i] as number;
      moved = Math.max(moved, Math.abs(y - (start[i] as number)));
      expect(Math.abs(x - y), `step ${step + 1}, entry ${i}: ${x} and not ${y}`).toBeLessThan(
        1e-11 * (1 + Math.abs(y)),
      );
    });
  });
  expect(moved).toBeGreaterThan(1e-4);
}

export function adamStep(lr: number): Step {
  let [m, v] = [zeros(), zeros()];
  return (p, g, t) => {
    m = zip((a, d) => 0.9 * a + 0.1 * d, m, g);
    v = zip((a, d) => 0.999 * a + 0.001 * d * d, v, g);
    return zip((x, a, b) => x - (lr * (a / (1 - 0.9 ** t))) / (Math.sqrt(b / (1 - 0.999 ** t)) + 1e-8), p, m, v);
  };
}
