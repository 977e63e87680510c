import { chain } from "@hypergrad/core";
import {
  adam,
  averaged,
  cautious,
  clipByGlobalNorm,
  clipByNorm,
  clipByValue,
  l2,
  lookahead,
  sgd,
} from "@hypergrad/optimizers";
import { describe, expect, test } from "vitest";
import {
  adamStep,
  dot,
  expectRows,
  names,
  referenceOf,
  rowsOf,
  STEPS,
  type Step,
  sizes,
  start,
  sum,
  variableOf,
  zeros,
  zip,
} from "./problem.js";

function sgdStep(lr: number): Step {
  return (p, g) => zip((x, d) => x - lr * d, p, g);
}

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
