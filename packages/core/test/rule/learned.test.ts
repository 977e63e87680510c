import {
  type CoordinateName,
  float64,
  type Grain,
  hyper,
  learned,
  nonNegative,
  rule,
  unitInterval,
} from "@hypergrad/core";
import * as tf from "@tensorflow/tfjs";
import { afterEach, describe, expect, test } from "vitest";
import { averaged, descent, noise, step, variables } from "../support.js";

afterEach(() => tf.disposeVariables());

/** The gradients that `step` gives the i-th of its variables. */
const gradient = (size: number, seed: number, i = 0): number[] => [...noise(size, 1000 * seed + 500 + i)];

const dot = (a: readonly number[], b: readonly number[]): number =>
  a.reduce((total, x, i) => total + x * (b[i] as number), 0);

const numbers = (value: number | ArrayLike<number> | undefined): number[] =>
  typeof value === "number" ? [value] : Array.from(value ?? []);

function expectClose(actual: number | ArrayLike<number> | undefined, expected: readonly number[], tolerance = 1e-6) {
  expect(numbers(actual).length).toBe(expected.length);
  numbers(actual).forEach((x, i) => {
    expect(Math.abs(x - (expected[i] as number))).toBeLessThanOrEqual(tolerance * Math.max(1, Math.abs(x)));
  });
}

describe("a learning rate of plain descent moves by κ⟨g₂, g₁⟩ in the second step, summed over what one value covers", () => {
  // d = ⟨g₂, ∂θ/∂α⟩ = −⟨g₂, g₁⟩, and the learner takes α ← α − κd.
  const kappa = 0.01;
  const a = [gradient(6, 1, 0), gradient(6, 2, 0)] as const;
  const b = [gradient(2, 1, 1), gradient(2, 2, 1)] as const;
  const products = a[0].map((x, i) => x * (a[1][i] as number));
  const total = dot(...a) + dot(...b);

  async function learnedPer(per: Grain) {
    const w = variables({ a: [2, 3], b: [2] });
    const optimizer = hyper(descent({ lr: learned(0.5, descent({ lr: kappa }), { per }) }));
    step(optimizer, w, 1);
    const first = await optimizer.hyperparameters();
    step(optimizer, w, 2);
    const second = await optimizer.hyperparameters();
    optimizer.dispose();
    return { first, second };
  }

  test("the model: one value for all variables", async () => {
    const { first, second } = await learnedPer("model");
    expect(first).toEqual({ a: { lr: 0.5, "lr.lr": kappa }, b: { lr: 0.5, "lr.lr": kappa } });
    expectClose(second.a?.lr, [0.5 + kappa * total]);
    expect(second.b?.lr).toBe(second.a?.lr);
  });

  test("a tensor: one value for each variable", async () => {
    const { second } = await learnedPer("tensor");
    expectClose(second.a?.lr, [0.5 + kappa * dot(...a)]);
    expectClose(second.b?.lr, [0.5 + kappa * dot(...b)]);
  });

  test("a channel: as many values as the last axis has, one for a vector, from the first step on", async () => {
    const { first, second } = await learnedPer("channel");
    expect(first.a?.lr).toEqual(new Float32Array(3).fill(0.5));
    expect(first.b?.lr).toEqual(new Float32Array(1).fill(0.5));
    expectClose(
      second.a?.lr,
      [0, 1, 2].map((c) => 0.5 + kappa * ((products[c] as number) + (products[c + 3] as number))),
    );
    expectClose(second.b?.lr, [0.5 + kappa * dot(...b)]);
  });

  test("an element: as many values as the variable", async () => {
    const { first, second } = await learnedPer("element");
    expect(first.a?.lr).toEqual(new Float32Array(6).fill(0.5));
    expectClose(
      second.a?.lr,
      products.map((product) => 0.5 + kappa * product),
    );
    expect(numbers(second.b?.lr).length).toBe(2);
  });

  test("and the float64 oracle has values of the same number", () => {
    const oracle = float64(descent({ lr: learned(0.5, descent({ lr: kappa }), { per: "channel" }) }), {
      a: { shape: [2, 3], values: noise(6, 1) },
    });
    oracle.step({ a: a[0] });
    expect(oracle.hyperparameters().a?.lr).toEqual(new Float64Array(3).fill(0.5));
    oracle.step({ a: a[1] });
    expect(numbers(oracle.hyperparameters().a?.lr).length).toBe(3);
  });
});

describe("in a coordinate h = φ(r) the learner moves r by the hyper-gradient d·φ′(r)", () => {
  const kappa = 0.3;
  const init = 0.25;
  const d = -dot(gradient(4, 1), gradient(4, 2));
  // biome-ignore format: a table
  const coordinates: readonly [CoordinateName, (r: number) => number, (h: number) => number, (r: number) => number][] = [
    ["identity", (r) => r,                      (h) => h,                          () => 1],
    ["log",      Math.exp,                      Math.log,                          Math.exp],
    ["logit",    (r) => 1 / (1 + Math.exp(-r)), (h) => Math.log(h / (1 - h)),      (r) => Math.exp(-r) / (1 + Math.exp(-r)) ** 2],
    ["square",   (r) => r * r,                  Math.sqrt,                         (r) => 2 * r],
    ["tanh",     (r) => (1 + Math.tanh(r)) / 2, (h) => Math.atanh(2 * h - 1),      (r) => (1 - Math.tanh(r) ** 2) / 2],
  ];
  const bounded = rule({
    name: "bounded",
    hyperparameters: { lr: unitInterval(0.5) },
    state: {},
    update: ({ p, g, lr }) => ({ p: p.sub(g.mul(lr)) }),
  });

  test.each(coordinates)("%s", async (name, forward, inverse, slope) => {
    const w = variables({ w: [4] });
    const optimizer = hyper(bounded({ lr: learned(init, descent({ lr: kappa }), { in: name }) }));
    step(optimizer, w, 1);
    expectClose((await optimizer.hyperparameters()).w?.lr, [init], 1e-15);
    step(optimizer, w, 2);
    const r = inverse(init);
    expectClose((await optimizer.hyperparameters()).w?.lr, [forward(r - kappa * d * slope(r))]);
    optimizer.dispose();
  });

  test.each(["host", "device"] as const)(
    "log stays among the finite numbers ≥ 0, however large the step (%s)",
    async (scalars) => {
      for (const sign of [1, -1]) {
        const { w } = variables({ w: [4] });
        const optimizer = hyper(descent({ lr: learned(0.1, descent({ lr: 1e6 }), { in: "log" }) }), { scalars });
        tf.tidy(() => optimizer.applyGradients({ w: tf.ones([4]) }));
        tf.tidy(() => optimizer.applyGradients({ w: tf.fill([4], sign) }));
        const lr = (await optimizer.hyperparameters()).w?.lr as number;
        if (sign > 0) expect(lr).toBeGreaterThan(1e30);
        else expect(lr).toBeLessThan(1e-30);
        expect(Number.isFinite(lr)).toBe(true);
        expect(lr).toBeGreaterThanOrEqual(0);
        optimizer.dispose();
        w.dispose();
      }
    },
  );
});

describe("a learned value never leaves its domain", () => {
  const wide = rule({
    name: "wide",
    hyperparameters: { lr: nonNegative(0.1), share: unitInterval(0.5) },
    state: {},
    update: ({ p, g, lr, share }) => ({ p: p.sub(g.mul(lr)).add(g.mul(share)) }),
  });

  test("but stops at its end, and comes back from there", async () => {
    const opposed = (w: tf.Variable, sign: number): tf.NamedTensorMap => ({ [w.name]: tf.fill(w.shape, sign) });
    const { w } = variables({ w: [2] });
    const optimizer = hyper(wide({ lr: learned(0.1, descent({ lr: 1 })), share: learned(0.5, descent({ lr: 1 })) }));
    const seen: unknown[] = [];
    for (const sign of [1, -1, 1, 1]) {
      optimizer.applyGradients(opposed(w, sign));
      const { lr, share } = (await optimizer.hyperparameters()).w ?? {};
      seen.push([lr, share]);
    }
    // ⟨g, g₋⟩ is −2, −2, 2: the rate falls to 0 and rises again, the share rises to 1 and falls to 0.
    expect(seen).toEqual([
      [0.1, 0.5],
      [0, 1],
      [0, 1],
      [2, 0],
    ]);
    optimizer.dispose();
  });
});

describe("gradient transforms the hyper-gradient before the learner sees it", () => {
  test.each([
    ["its sign", (d: number) => Math.sign(d), { gradient: (d) => d.sign() }],
    ["twice it", (d: number) => 2 * d, { gradient: (d) => d.mul(2) }],
    ["a constant", () => 0.5, { gradient: () => 0.5 }],
  ] satisfies [string, (d: number) => number, Parameters<typeof learned>[2]][])("%s", async (_name, f, options) => {
    const w = variables({ w: [2, 3] });
    const optimizer = hyper(descent({ lr: learned(0.5, descent({ lr: 0.1 }), options) }));
    step(optimizer, w, 1);
    step(optimizer, w, 2);
    const d = -dot(gradient(6, 1), gradient(6, 2));
    expectClose((await optimizer.hyperparameters()).w?.lr, [0.5 - 0.1 * f(0) - 0.1 * f(d)]);
    optimizer.dispose();
  });

  test("in its coordinate, at every grain", async () => {
    const w = variables({ w: [2, 3] });
    const options = { per: "channel", in: "log", gradient: (d) => d.sign() } as const satisfies Parameters<
      typeof learned
    >[2];
    const optimizer = hyper(descent({ lr: learned(0.5, descent({ lr: 0.1 }), options) }));
    step(optimizer, w, 1);
    step(optimizer, w, 2);
    for (const lr of numbers((await optimizer.hyperparameters()).w?.lr)) {
      expect(Math.abs(Math.log(lr / 0.5))).toBeCloseTo(0.1, 5);
    }
    optimizer.dispose();
  });
});

describe("one learner", () => {
  /** lr and decay learned from 0.1 and 0.5, by one learner or by two, whose own rate is learned. */
  async function run(shared: boolean) {
    const learner = () => descent({ lr: learned(0.01, descent({ lr: 0.001 })) });
    const by = learner();
    const spec = averaged({ lr: learned(0.1, by), decay: learned(0.5, shared ? by : learner()) });
    const w = variables({ w: [2, 3] });
    const optimizer = hyper(spec);
    for (const seed of [1, 2, 3, 4]) step(optimizer, w, seed);
    const values = (await optimizer.hyperparameters()).w as Record<string, number>;
    optimizer.dispose();
    tf.disposeVariables();
    return values;
  }

  test("that serves several hyperparameters has one learned rate, moved by all of them", async () => {
    const one = await run(true);
    expect(one["lr.lr"]).not.toBe(0.01);
    expect(one["lr.lr"]).toBe(one["decay.lr"]);
    const two = await run(false);
    expect(two["lr.lr"]).not.toBe(two["decay.lr"]);
    expect(two["lr.lr"]).not.toBe(one["lr.lr"]);
  });

  test("moves each hyperparameter by its own hyper-gradient", async () => {
    const values = await run(true);
    expect(values.lr).not.toBe(0.1);
    expect(values.decay).not.toBe(0.5);
    expect(values.lr).not.toBe(values.decay);
  });

  test("that learns the same name at two grains keeps both apart", async () => {
    const by = descent({ lr: 0.01 });
    const w = variables({ w: [2, 3] });
    const optimizer = hyper(averaged({ lr: learned(0.1, by, { per: "channel" }), decay: learned(0.5, by) }));
    step(optimizer, w, 1);
    step(optimizer, w, 2);
    const { lr, decay } = (await optimizer.hyperparameters()).w ?? {};
    expect(numbers(lr).length).toBe(3);
    expect(typeof decay).toBe("number");
    optimizer.dispose();
  });
});

describe("a hyper-gradient that is not finite", () => {
  const fragile = rule({
    name: "fragile",
    hyperparameters: { lr: nonNegative(0.1) },
    state: {},
    // ∂θ/∂α is −10³⁸g: with a second gradient that large, the contraction overflows float32 while the step stays finite.
    update: ({ p, g, lr }) => ({ p: p.sub(g.mul(lr.sub(0.1).mul(1e38))) }),
  });

  test("as its transform makes it is not applied either", async () => {
    const all = variables({ w: [2] });
    const spec = descent({ lr: learned(0.1, descent({ lr: 1e-3 }), { gradient: (d) => d.abs().neg().log() }) });
    const optimizer = hyper(spec);
    for (const seed of [1, 2, 3]) step(optimizer, all, seed);
    expect((await optimizer.hyperparameters()).w?.lr).toBe(0.1);
    expect(await optimizer.nonFinite()).toEqual({ steps: 0, hyperGradients: 3, variables: [] });
    optimizer.dispose();
  });

  test("is not applied, and is counted", async () => {
    const { w } = variables({ w: [2] });
    const optimizer = hyper(fragile({ lr: learned(0.1, descent({ lr: 1e-3 })) }));
    for (let i = 0; i < 2; i++) optimizer.applyGradients({ w: tf.fill(w.shape, 100) });
    expect((await optimizer.hyperparameters()).w?.lr).toBe(0.1);
    expect(await optimizer.nonFinite()).toEqual({ steps: 0, hyperGradients: 1, variables: [] });
    optimizer.dispose();
  });
});
