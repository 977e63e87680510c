/**
 * The rules that find their own rate, and wrappers, against loops written from their papers.
 *
 * Several variables at once: what these add up goes over a tensor, or over all of them.
 */
import { chain, float64, type Spec } from "@hypergrad/core";
import {
  adam,
  averaged,
  cautious,
  clipByGlobalNorm,
  clipByNorm,
  clipByValue,
  dAdaptAdam,
  l2,
  lookahead,
  mechanic,
  prodigy,
  scheduleFreeAdamw,
  scheduleFreeSgd,
  sgd,
} from "@hypergrad/optimizers";
import { describe, expect, test } from "vitest";

const STEPS = 30;

/** The parameters of a problem in one row, and which of them belong to which variable. */
const sizes = { a: 6, b: 1, c: 4 } as const;
const names = Object.keys(sizes) as (keyof typeof sizes)[];
const n = names.reduce((total, name) => total + sizes[name], 0);
const variableOf = names.flatMap((name) => Array.from({ length: sizes[name] }, () => name));

function noise(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  };
}

const next = noise(3);
const start = Array.from({ length: n }, () => next());
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
function rowsOf(spec: Spec): { rows: number[][]; evaluations: number[][] } {
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

type Step = (p: number[], g: number[], t: number) => number[];

/** The same for a step in plain numbers. */
function referenceOf(step: Step, evaluation: (p: number[]) => number[] = (p) => p) {
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

const sum = (xs: readonly number[]): number => xs.reduce((a, b) => a + b, 0);
const dot = (a: readonly number[], b: readonly number[]): number => sum(a.map((x, i) => x * (b[i] as number)));
const zip = (f: (...xs: number[]) => number, ...rows: readonly (readonly number[])[]): number[] =>
  (rows[0] as readonly number[]).map((_, i) => f(...rows.map((row) => row[i] as number)));
const zeros = (): number[] => start.map(() => 0);

function expectRows(actual: readonly number[][], expected: readonly number[][]): void {
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

function sgdStep(lr: number): Step {
  return (p, g) => zip((x, d) => x - lr * d, p, g);
}

function adamStep(lr: number): Step {
  let [m, v] = [zeros(), zeros()];
  return (p, g, t) => {
    m = zip((a, d) => 0.9 * a + 0.1 * d, m, g);
    v = zip((a, d) => 0.999 * a + 0.001 * d * d, v, g);
    return zip((x, a, b) => x - (lr * (a / (1 - 0.9 ** t))) / (Math.sqrt(b / (1 - 0.999 ** t)) + 1e-8), p, m, v);
  };
}

test("D-Adapt Adam follows its algorithm, with one estimate for all variables", () => {
  const [beta2, lr, decay, growth] = [0.99, 0.7, 0.02, 1.5];
  const root = Math.sqrt(beta2);
  let [m, v, s, d, r] = [zeros(), zeros(), zeros(), 1e-3, 0];
  const step: Step = (p, g) => {
    const rate = d * lr;
    const along =
      rate *
      dot(
        g,
        zip((a, b) => a / (Math.sqrt(b) + 1e-8), s, v),
      );
    m = zip((a, b) => 0.9 * a + 0.1 * rate * b, m, g);
    v = zip((a, b) => beta2 * a + (1 - beta2) * b * b, v, g);
    s = zip((a, b) => root * a + (1 - root) * rate * b, s, g);
    r = root * r + (1 - root) * along;
    const size = sum(s.map(Math.abs));
    if (size > 0) d = Math.max(d, Math.min(r / ((1 - root) * size), d * growth));
    return zip((x, a, b) => x - rate * decay * x - a / (Math.sqrt(b) + 1e-8), p, m, v);
  };
  const spec = dAdaptAdam({ beta2, lr, weightDecay: decay, growthRate: growth, d0: 1e-3 });
  expectRows(rowsOf(spec).rows, referenceOf(step).rows);
});

test.each([1e-3, 1])(
  "Prodigy follows its algorithm from a first estimate of %s, with one estimate for all variables",
  (d0) => {
    const [beta2, lr, decay] = [0.99, 0.9, 0.01];
    const beta3 = Math.sqrt(beta2);
    let [m, v, s, d, dMax, r] = [zeros(), zeros(), zeros(), d0, d0, 0];
    const step: Step = (p, g) => {
      const rate = d * lr;
      r =
        beta3 * r +
        (d / d0) *
          rate *
          dot(
            g,
            zip((a, b) => a - b, start, p),
          );
      m = zip((a, b) => 0.9 * a + 0.1 * d * b, m, g);
      v = zip((a, b) => beta2 * a + (1 - beta2) * d * d * b * b, v, g);
      s = zip((a, b) => beta3 * a + (d / d0) * rate * b, s, g);
      const size = sum(s.map(Math.abs));
      if (size > 0) {
        const estimate = (2 * r) / size;
        if (d === d0) d = Math.max(d, estimate);
        dMax = Math.max(dMax, estimate);
        d = Math.min(dMax, d * 1.7);
      }
      return zip((x, a, b) => x - decay * rate * x - (rate * a) / (Math.sqrt(b) + d * 1e-8), p, m, v);
    };
    const spec = prodigy({ beta2, lr, weightDecay: decay, dCoefficient: 2, growthRate: 1.7, d0 });
    expectRows(rowsOf(spec).rows, referenceOf(step).rows);
  },
);

describe("schedule-free learning follows its equations, x kept apart", () => {
  const weigh = (lr: (t: number) => number, r: number, power: number) => {
    let [largest, total] = [0, 0];
    return (t: number): number => {
      largest = Math.max(largest, lr(t));
      const weight = t ** r * largest ** power;
      total += weight;
      return total > 0 ? weight / total : 0;
    };
  };
  const warm = (t: number): number => 0.2 * Math.min(1, (t - 1) / 5);

  test("with SGD", () => {
    const share = weigh(warm, 0.5, 2);
    let [z, x] = [[...start], [...start]];
    const step: Step = (y, g, t) => {
      z = zip((a, d, b) => a - warm(t) * (d + 0.1 * b), z, g, y);
      const c = share(t);
      x = zip((a, b) => (1 - c) * a + c * b, x, z);
      return zip((a, b) => 0.2 * a + 0.8 * b, z, x);
    };
    const actual = rowsOf(scheduleFreeSgd({ lr: (t) => warm(t + 1), beta: 0.8, weightDecay: 0.1, r: 0.5 }));
    const expected = referenceOf(step, () => x);
    expectRows(actual.rows, expected.rows);
    expectRows(actual.evaluations, expected.evaluations);
  });

  test("with AdamW", () => {
    const lr = (t: number): number => 0.1 / t;
    const share = weigh(lr, 0, 1);
    let [z, x, v] = [[...start], [...start], zeros()];
    const step: Step = (y, g, t) => {
      v = zip((a, d) => 0.9 * a + 0.1 * d * d, v, g);
      z = zip((a, d, b, e) => a - lr(t) * (d / (Math.sqrt(e / (1 - 0.9 ** t)) + 1e-8) + 0.1 * b), z, g, y, v);
      const c = share(t);
      x = zip((a, b) => (1 - c) * a + c * b, x, z);
      return zip((a, b) => 0.1 * a + 0.9 * b, z, x);
    };
    const spec = scheduleFreeAdamw({ lr: (t) => lr(t + 1), beta2: 0.9, weightDecay: 0.1, power: 1 });
    const [actual, expected] = [rowsOf(spec), referenceOf(step, () => x)];
    expectRows(actual.rows, expected.rows);
    expectRows(actual.evaluations, expected.evaluations);
  });
});

test("Mechanic follows its algorithm around Adam", () => {
  const betas = [0.9, 0.99, 0.999, 0.9999, 0.99999, 0.999999];
  const [sInit, lambda, eps] = [1e-2, 0.05, 1e-8];
  const base = adamStep(0.1);
  let delta = zeros();
  let [s, m, v, r] = [0, 0, 0, 0].map(() => betas.map(() => 0)) as [number[], number[], number[], number[]];
  const step: Step = (p, g, t) => {
    const decay = (lambda * sum(s) * Math.sqrt(dot(g, g))) / (Math.sqrt(dot(p, p)) + eps);
    const h = -dot(
      delta,
      zip((a, b) => a + decay * b, g, p),
    );
    const clipped = m.map((limit) => Math.min(Math.max(h, -limit), limit));
    m = zip((a, beta) => Math.max(beta * a, Math.abs(h) + eps), m, betas);
    v = zip((a, beta) => beta * beta * a + h * h, v, betas);
    r = zip((a, beta, c, scale) => beta * a + c * scale, r, betas, clipped, s);
    s = zip((a, b, c) => ((sInit / 6) * a + Math.max(0, b)) / (Math.sqrt(c) + eps), m, r, v);
    delta = zip((a, b, x) => a + b - x, delta, base(p, g, t), p);
    return zip((x, a) => x + sum(s) * a, start, delta);
  };
  const spec = chain(mechanic({ sInit, weightDecay: lambda }), adam({ lr: 0.1 }));
  expectRows(rowsOf(spec).rows, referenceOf(step).rows);
});

test("cautious masking drops what goes uphill, and scales the rest up per tensor", () => {
  const base = adamStep(0.1);
  const step: Step = (p, g, t) => {
    const proposed = base(p, g, t);
    const mask = zip((x, y, d) => ((y - x) * d < 0 ? 1 : 0), p, proposed, g);
    const share = Object.fromEntries(
      names.map((name) => [name, sum(mask.filter((_, i) => variableOf[i] === name)) / sizes[name]]),
    );
    return p.map((x, i) => {
      const scale = Math.max(share[variableOf[i] as string] as number, 1e-3);
      return x + (((proposed[i] as number) - x) * (mask[i] as number)) / scale;
    });
  };
  expectRows(rowsOf(chain(cautious(), adam({ lr: 0.1 }))).rows, referenceOf(step).rows);
});

test("lookahead meets the slow weights every k steps, and evaluates with them", () => {
  const base = adamStep(0.1);
  let slow = [...start];
  const step: Step = (p, g, t) => {
    const fast = base(p, g, t);
    if (t % 4 !== 0) return fast;
    slow = zip((a, b) => a + 0.3 * (b - a), slow, fast);
    return [...slow];
  };
  const actual = rowsOf(chain(lookahead({ alpha: 0.3, steps: 4 }), adam({ lr: 0.1 })));
  const expected = referenceOf(step, () => [...slow]);
  expectRows(actual.rows, expected.rows);
  expect(actual.evaluations).toHaveLength(STEPS);
  actual.evaluations.forEach((row, i) => {
    row.forEach((x, j) => {
      expect(x).toBeCloseTo((expected.evaluations[i] as number[])[j] as number, 11);
    });
  });
});

test("averaged keeps the corrected average beside an optimizer that it leaves alone", () => {
  let average = zeros();
  let t = 0;
  const base = sgdStep(0.1);
  const step: Step = (p, g) => {
    const moved = base(p, g, 0);
    average = zip((a, x) => 0.8 * a + 0.2 * x, average, moved);
    t++;
    return moved;
  };
  const [actual, expected] = [
    rowsOf(chain(averaged({ decay: 0.8 }), sgd({ lr: 0.1 }))),
    referenceOf(step, () => average.map((a) => a / (1 - 0.8 ** t))),
  ];
  expectRows(actual.rows, expected.rows);
  expectRows(actual.evaluations, expected.evaluations);
});

describe("gradient clipping", () => {
  const norm = (xs: readonly number[]): number => Math.sqrt(dot(xs, xs));
  const shorter = (xs: readonly number[], limit: number): number[] =>
    norm(xs) > limit ? xs.map((x) => (x * limit) / norm(xs)) : [...xs];

  test("by value limits every element", () => {
    const step: Step = (p, g) => zip((x, d) => x - 0.1 * Math.min(Math.max(d, -0.8), 0.8), p, g);
    expectRows(rowsOf(chain(clipByValue({ maxValue: 0.8 }), sgd({ lr: 0.1 }))).rows, referenceOf(step).rows);
  });

  test("by norm shortens the gradient of every tensor", () => {
    const step: Step = (p, g) => {
      const clipped = names.flatMap((name) =>
        shorter(
          g.filter((_, i) => variableOf[i] === name),
          1.5,
        ),
      );
      return zip((x, d) => x - 0.1 * d, p, clipped);
    };
    expectRows(rowsOf(chain(clipByNorm({ maxNorm: 1.5 }), sgd({ lr: 0.1 }))).rows, referenceOf(step).rows);
  });

  test("by global norm shortens them all together", () => {
    const step: Step = (p, g) => zip((x, d) => x - 0.1 * d, p, shorter(g, 1.5));
    expectRows(rowsOf(chain(clipByGlobalNorm({ maxNorm: 1.5 }), sgd({ lr: 0.1 }))).rows, referenceOf(step).rows);
  });
});

test("an L2 penalty adds to the gradient", () => {
  const step: Step = (p, g) => zip((x, d) => x - 0.1 * (d + 0.3 * x), p, g);
  expectRows(rowsOf(chain(l2({ weightDecay: 0.3 }), sgd({ lr: 0.1 }))).rows, referenceOf(step).rows);
});
