import {
  type CoordinateName,
  float64,
  type Grain,
  hyper,
  type LearnedOptions,
  learned,
  rule,
  unitInterval,
} from "@hypergrad/core";
import * as tf from "@tensorflow/tfjs";
import fc from "fast-check";
import { afterEach, describe, expect, test } from "vitest";
import { check, checkAsync } from "../check.js";
import { noiseFor, parametersOf } from "../finite-differences.js";
import { averaged, descent, noise, step, variables } from "../support.js";

afterEach(() => tf.disposeVariables());

/** The gradients that `step` gives the i-th of its variables. */
const gradient = (size: number, seed: number, i = 0): number[] => [...noise(size, 1000 * seed + 500 + i)];

const dot = (a: readonly number[], b: readonly number[]): number =>
  a.reduce((total, x, i) => total + x * (b[i] as number), 0);

const norm = (a: readonly number[]): number => Math.sqrt(dot(a, a));

const numbers = (value: number | ArrayLike<number> | undefined): number[] =>
  typeof value === "number" ? [value] : Array.from(value ?? []);

const shapes = { a: [2, 3], b: [2] } as const;

const kappa = 2 ** -4;

/** The learned rate of plain descent after two steps: h − κ·(what the learner is given), by variable. */
async function given(options: LearnedOptions, scalars: "host" | "device" = "host"): Promise<Record<string, number[]>> {
  const w = variables(shapes);
  const optimizer = hyper(descent({ lr: learned(0.5, descent({ lr: kappa }), options) }), { scalars });
  step(optimizer, w, 1);
  step(optimizer, w, 2);
  const seen = await optimizer.hyperparameters();
  optimizer.dispose();
  tf.dispose(w);
  return Object.fromEntries(
    Object.entries(seen).map(([name, { lr }]) => [name, numbers(lr).map((h) => (0.5 - h) / kappa)]),
  );
}

// The sensitivity is −g₁.
const a = [gradient(6, 1, 0), gradient(6, 2, 0)] as const;

const b = [gradient(2, 1, 1), gradient(2, 2, 1)] as const;

const cosine = ([s, g]: readonly [readonly number[], readonly number[]]): number => -dot(s, g) / norm(s) / norm(g);

const column = (c: number) => [a[0].filter((_, i) => i % 3 === c), a[1].filter((_, i) => i % 3 === c)] as const;

describe.each(["host", "device"] as const)("with scalars on the %s", (scalars) => {
  const both = [
    [...a[0], ...b[0]],
    [...a[1], ...b[1]],
  ] as const;
  const expected: readonly [Grain, number[], number[]][] = [
    ["model", [cosine(both)], [cosine(both)]],
    ["tensor", [cosine(a)], [cosine(b)]],
    ["channel", [0, 1, 2].map((c) => cosine(column(c))), [cosine(b)]],
    [
      "element",
      a[0].map((x, i) => -Math.sign(x * (a[1][i] as number))),
      b[0].map((x, i) => -Math.sign(x * (b[1][i] as number))),
    ],
  ];
  test.each(expected)("normalise gives the learner the cosine, per %s", async (per, inA, inB) => {
    const seen = await given({ per, normalise: true }, scalars);
    for (const [name, cosines] of [
      ["a", inA],
      ["b", inB],
    ] as const) {
      expect(seen[name]?.length).toBe(cosines.length);
      cosines.forEach((x, i) => {
        expect(seen[name]?.[i]).toBeCloseTo(x, 5);
      });
    }
  });

  test("then clip limits it, then gradient sees it", async () => {
    const full = cosine(both);
    const limit = Math.abs(full) / 2;
    const seen = await given({ normalise: true, clip: limit, gradient: (d) => d.mul(4).add(1) }, scalars);
    // The first step's gradient(0) is 1 as well.
    expect(seen.a?.[0]).toBeCloseTo(1 + (Math.sign(full) * limit * 4 + 1), 4);
  });

  test("clip alone limits the size, and leaves what is smaller", async () => {
    const d = -dot(a[0], a[1]) - dot(b[0], b[1]);
    for (const clip of [Math.abs(d) / 3, Math.abs(d) * 3]) {
      const seen = await given({ clip }, scalars);
      expect(seen.a?.[0]).toBeCloseTo(Math.sign(d) * Math.min(Math.abs(d), clip), 4);
    }
  });

  test.each(["model", "tensor", "channel", "element"] as const)(
    "the cosine with a gradient of 0 is 0, per %s",
    async (per) => {
      const { w } = variables({ w: [2, 2] });
      const optimizer = hyper(descent({ lr: learned(0.5, descent(), { per, normalise: true }) }), { scalars });
      for (const rows of [
        [0, 0, 0, 0],
        [0, 1, 0, 0],
        [0, 0, 0, 0],
        [0, 1, 0, 0],
      ]) {
        tf.tidy(() => optimizer.applyGradients({ w: tf.tensor2d(rows, [2, 2]) }));
      }
      expect(new Set(numbers((await optimizer.hyperparameters()).w?.lr))).toEqual(new Set([0.5]));
      expect(await optimizer.nonFinite()).toEqual({ steps: 0, hyperGradients: 0, variables: [] });
      optimizer.dispose();
      w.dispose();
    },
  );
});

test("clip is in the coordinate, where the learner is", async () => {
  const d = -dot(a[0], a[1]) - dot(b[0], b[1]);
  const limit = Math.abs(d * 0.5) / 2;
  const w = variables(shapes);
  const optimizer = hyper(descent({ lr: learned(0.5, descent({ lr: kappa }), { in: "log", clip: limit }) }));
  step(optimizer, w, 1);
  step(optimizer, w, 2);
  expect(Math.log(((await optimizer.hyperparameters()).a?.lr as number) / 0.5)).toBeCloseTo(
    -kappa * Math.sign(d) * limit,
    6,
  );
  optimizer.dispose();
});

test("normalise makes the learning of a rate independent of the loss's scale", () => {
  const parameters = parametersOf(shapes);
  const gradients = noiseFor(parameters);
  const trajectory = (scale: number) => {
    const optimizer = float64(descent({ lr: learned(0.5, descent({ lr: 0.1 }), { normalise: true }) }), parameters);
    return [0, 1, 2, 3].map((t) => {
      optimizer.step(
        Object.fromEntries(Object.entries(gradients(t)).map(([name, g]) => [name, g.map((x) => x * scale)])),
      );
      return optimizer.hyperparameters().a?.lr as number;
    });
  };
  const plain = trajectory(1);
  check(fc.integer({ min: -60, max: 60 }), 20, (power) => {
    trajectory(2 ** power).forEach((lr, t) => {
      expect(lr).toBeCloseTo(plain[t] as number, 12);
    });
  });
});

describe("maxChange", () => {
  const wide = rule({
    name: "wide",
    hyperparameters: { h: unitInterval(0.5) },
    state: {},
    update: ({ p, g, h }) => ({ p: p.sub(g.mul(h)) }),
  });
  const forward: Record<CoordinateName, (r: number) => number> = {
    identity: (r) => r,
    log: Math.exp,
    logit: (r) => 1 / (1 + Math.exp(-r)),
    square: (r) => r * r,
    tanh: (r) => (1 + Math.tanh(r)) / 2,
  };
  const cases = fc.record({
    coordinate: fc.constantFrom(...(Object.keys(forward) as CoordinateName[])),
    share: fc.constantFrom(0.01, 0.1, 0.5, 0.99),
    init: fc.constantFrom(0.05, 0.3, 0.9),
    rate: fc.constantFrom(1e-3, 1, 1e3),
    per: fc.constantFrom<Grain>("model", "tensor", "channel", "element"),
    seed: fc.nat({ max: 1000 }),
  });

  test("in every coordinate no step moves a value by more than its share, and the number behind it fits", async () => {
    await checkAsync(cases, 60, async ({ coordinate, share, init, rate, per, seed }) => {
      const w = variables({ w: [2, 2] });
      const by = averaged({ lr: rate });
      const optimizer = hyper(wide({ h: learned(init, by, { in: coordinate, per, maxChange: share }) }));
      let before = numbers(init);
      for (let t = 0; t < 5; t++) {
        step(optimizer, w, seed + t);
        const now = numbers((await optimizer.hyperparameters()).w?.h);
        now.forEach((h, i) => {
          const old = before[before.length === 1 ? 0 : i] as number;
          expect(Math.abs(h - old)).toBeLessThanOrEqual(share * old * (1 + 1e-5) + 1e-9);
        });
        before = now;
        const { tensors } = await optimizer.checkpoint();
        const key = per === "model" ? "0/*:h" : "0/w:h";
        const raw = numbers(tensors[`${key}@raw`]?.values);
        const values = numbers(tensors[`${key}@value`]?.values);
        raw.forEach((r, i) => {
          // 1 has no finite number behind it in some coordinates.
          expect(forward[coordinate](r)).toBeCloseTo(values[i] as number, 5);
        });
      }
      optimizer.dispose();
      tf.dispose(w);
    });
  });

  test("lets through what is smaller, and is reached by what is larger", async () => {
    for (const [rate, share] of [
      [1e-3, 0.5],
      [1e3, 0.25],
    ] as const) {
      const w = variables(shapes);
      const optimizer = hyper(descent({ lr: learned(0.5, descent({ lr: rate }), { maxChange: share }) }));
      step(optimizer, w, 1);
      step(optimizer, w, 2);
      const d = -dot(a[0], a[1]) - dot(b[0], b[1]);
      const move = Math.min(Math.abs(rate * d), share * 0.5);
      expect((await optimizer.hyperparameters()).a?.lr).toBeCloseTo(0.5 - Math.sign(d) * move, 7);
      optimizer.dispose();
      tf.dispose(w);
    }
  });
});

test("warmup: the learner takes its first step after so many of the optimizer's, and is fresh until then", async () => {
  const w = variables(shapes);
  // The learner's momentum, step count and schedule begin with its first step.
  const by = averaged({ lr: (t) => (t === 0 ? 0.01 : 0.02), decay: 0.5 });
  const optimizer = hyper(descent({ lr: learned(0.5, by, { warmup: 3 }) }));
  const d = (t: number) =>
    -dot(gradient(6, t, 0), gradient(6, t - 1, 0)) - dot(gradient(2, t, 1), gradient(2, t - 1, 1));
  for (let t = 1; t <= 3; t++) {
    step(optimizer, w, t);
    expect((await optimizer.hyperparameters()).a?.lr).toBe(0.5);
    const { tensors } = await optimizer.checkpoint();
    expect([
      tensors["0.0@steps"]?.values[0],
      tensors["0.0/*:lr@t"]?.values[0],
      tensors["0.0/*:lr#m"]?.values[0],
    ]).toEqual([0, 0, 0]);
  }
  step(optimizer, w, 4);
  expect((await optimizer.hyperparameters()).a?.lr).toBeCloseTo(0.5 - 0.01 * d(4), 6);
  step(optimizer, w, 5);
  expect((await optimizer.hyperparameters()).a?.lr).toBeCloseTo(0.5 - 0.01 * d(4) - 0.02 * (0.5 * d(4) + d(5)), 6);
  optimizer.dispose();
});
