/**
 * The rules that find their own rate, and wrappers, against loops written from their papers.
 *
 * Several variables at once: what these add up goes over a tensor, or over all of them.
 */
import { chain } from "@hypergrad/core";
import { adam, dAdaptAdam, mechanic, prodigy, scheduleFreeAdamw, scheduleFreeSgd } from "@hypergrad/optimizers";
import { describe, test } from "vitest";
import { adamStep, dot, expectRows, referenceOf, rowsOf, type Step, start, sum, zeros, zip } from "./problem.js";

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
