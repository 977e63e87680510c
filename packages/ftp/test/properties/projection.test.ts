/**
 * Fast Trainable Projection as geometry: inside the ball, the identity where the ball is wide, and the same at every scale.
 */
import { learned, type Setting, type Spec } from "@hypergrad/core";
import { anyForm, gradientKinds, type Problem, problems } from "@hypergrad/core/testing";
import { adam, adamw, sgd } from "@hypergrad/optimizers";
import * as tf from "@tensorflow/tfjs-core";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Trace, traceFloat64, traceTfjs } from "../../../core/src/testing/traces.js";
import { check, checkAsync } from "../../../core/test/check.js";
import { type FtpOptions, ftp } from "../../src/index.js";
import { bases } from "./bases.js";
import { valuesOf } from "./optimizers.js";
import { places } from "./places.js";
import { learners } from "./specs.js";

/** The official code's constant: added to every norm, and the smallest radius. */
const EPS = 1e-8;
const ordinary = gradientKinds.filter((kind) => kind !== "huge" && kind !== "tiny");

/** The rows of every variable, as lists of indices: one for each output channel, or one for the tensor. */
function rowsOf({ shape, channelAxes, values }: Problem["variables"][number], norm: "mars" | "l2"): number[][] {
  if (norm === "l2") return [[...values.keys()]];
  const axes = (channelAxes ?? (shape.length < 2 ? [] : [-1])).map((axis) => (axis + shape.length) % shape.length);
  const rows = new Map<string, number[]>();
  for (const i of values.keys()) {
    let rest = i;
    const index = [...shape].reverse().map((size) => {
      const at = rest % size;
      rest = (rest - at) / size;
      return at;
    });
    const key = axes.map((axis) => index[shape.length - 1 - axis]).join();
    rows.set(key, [...(rows.get(key) ?? []), i]);
  }
  return [...rows.values()];
}

const normOf = (norm: "mars" | "l2", xs: readonly number[]): number =>
  norm === "l2" ? Math.sqrt(xs.reduce((a, x) => a + x * x, 0)) : xs.reduce((a, x) => a + Math.abs(x), 0);

const geometry = fc.record({
  norm: fc.constantFrom<("mars" | "l2")[]>("mars", "l2"),
  straightThrough: fc.boolean(),
  anchor: fc.constantFrom<("initial" | "zeros")[]>("initial", "zeros"),
});

/** A base with values for its hyperparameters. */
const anyBase = fc
  .constantFrom(...bases)
  .chain((base) =>
    valuesOf(base).map((values) => ({ base, values, toString: () => `${base.name} ${JSON.stringify(values)}` })),
  );

const radii: fc.Arbitrary<Setting> = fc.oneof(
  fc.constantFrom(0.01, 0.1, 1),
  fc.constant((t: number) => 0.3 / (1 + t)),
  learners().map(({ it }) => learned(0.1, it)),
  learners().map(({ it }) => learned(EPS, it, { in: "log" })),
);

/** Expects every row to be inside its ball, whose radius is what the trace says; `unit` is the rounding of the executor. */
function expectInside(trace: Trace, problem: Problem, options: FtpOptions, unit: number): void {
  const norm = options.norm ?? "mars";
  trace.forEach((snapshot, t) => {
    for (const variable of problem.variables) {
      const anchor = options.anchor === "zeros" ? new Float32Array(variable.values.length) : variable.values;
      const p = snapshot[variable.name] as ArrayLike<number>;
      const radius = Math.max((snapshot[`${variable.name}.radius`] as ArrayLike<number>)[0] as number, EPS);
      for (const row of rowsOf(variable, norm)) {
        const distance = normOf(
          norm,
          row.map((i) => (p[i] as number) - (anchor[i] as number)),
        );
        // What rounding does to θ₀ + s·c in every element, and to the norm that s is made of.
        const sizes = normOf(
          "mars",
          row.map((i) => Math.abs(p[i] as number) + Math.abs(anchor[i] as number)),
        );
        const slack = 2 * unit * sizes + (row.length + 8) * unit * radius;
        if (!(distance <= radius + slack)) {
          expect.fail(
            `${variable.name} after step ${t}: a row is ${distance} away, the radius is ${radius} (± ${slack})`,
          );
        }
      }
    }
  });
}

describe("the result lies inside the ball", () => {
  const cases = fc.record({
    base: anyBase,
    radius: radii,
    options: geometry,
    problem: problems({ forms: anyForm, kinds: ordinary }),
  });

  test("in float64", () => {
    check(cases, 200, ({ base: { base, values }, radius, options, problem }) => {
      expectInside(traceFloat64(ftp(base.build(values), { ...options, radius }), problem), problem, options, 2 ** -52);
    });
  });

  test.each(places)("on %s", async (_, backend, options) => {
    await tf.setBackend(backend);
    await checkAsync(cases, 25, async ({ base: { base, values }, radius, options: projection, problem }) => {
      const spec = ftp(base.build(values), { ...projection, radius });
      expectInside(await traceTfjs(spec, problem, options), problem, projection, 2 ** -23);
    });
  });
});

describe("where the ball is wide, the base takes its step", () => {
  const wide = fc.constantFrom<Setting[]>(
    1e6,
    learned(1e6, adam({ lr: 0 })),
    learned(1e6, sgd({ lr: 0 }), { in: "log" }),
  );

  test("exactly, around 0, over many steps", () => {
    const cases = fc.record({
      base: anyBase,
      radius: wide,
      options: geometry,
      problem: problems({ forms: anyForm, kinds: ordinary }),
    });
    check(cases, 100, ({ base: { base, values }, options, problem }) => {
      const plain = traceFloat64(base.build(values), problem);
      const within = traceFloat64(ftp(base.build(values), { ...options, anchor: "zeros", radius: 1e6 }), problem);
      plain.forEach((snapshot, t) => {
        for (const { name } of problem.variables) expect(within[t]?.[name]).toEqual(snapshot[name]);
      });
    });
  });

  test("up to the rounding of θ₀ + (θ̃ − θ₀), around any anchor", () => {
    const cases = fc.record({
      base: anyBase,
      radius: wide,
      options: geometry,
      problem: problems({ forms: anyForm, kinds: ordinary }),
    });
    check(cases, 100, ({ base: { base, values }, radius, options, problem }) => {
      const first = { ...problem, steps: 1 };
      const [plain] = traceFloat64(base.build(values), first);
      const [within] = traceFloat64(ftp(base.build(values), { ...options, anchor: "initial", radius }), first);
      for (const { name, values: anchor } of problem.variables) {
        anchor.forEach((a, i) => {
          const p = plain?.[name]?.[i] as number;
          const rounding = 2 ** -52 * (Math.abs(a) + Math.abs(p));
          expect(Math.abs((within?.[name]?.[i] as number) - p)).toBeLessThanOrEqual(rounding);
        });
      }
    });
  });

  test("and the rows that it does bind are scaled towards the anchor, all others left alone", () => {
    const cases = fc.record({
      base: anyBase,
      radius: fc.constantFrom(0.01, 0.1, 1),
      options: geometry,
      problem: problems({ kinds: ordinary }),
    });
    check(cases, 200, ({ base: { base, values }, radius, options, problem }) => {
      const norm = options.norm;
      const first = { ...problem, steps: 1 };
      const [free] = traceFloat64(ftp(base.build(values), { ...options, radius: 1e6 }), first);
      const [bound] = traceFloat64(ftp(base.build(values), { ...options, radius }), first);
      for (const variable of problem.variables) {
        const anchor = options.anchor === "zeros" ? new Float32Array(variable.values.length) : variable.values;
        const [p, q] = [free, bound].map((snapshot) => snapshot?.[variable.name] as ArrayLike<number>) as [
          ArrayLike<number>,
          ArrayLike<number>,
        ];
        for (const row of rowsOf(variable, norm)) {
          const c = row.map((i) => (p[i] as number) - (anchor[i] as number));
          const scale = Math.min(1, radius / (normOf(norm, c) + EPS));
          row.forEach((i, j) => {
            const expected = (anchor[i] as number) + scale * (c[j] as number);
            const rounding = 2 ** -52 * (8 + row.length) * (Math.abs(anchor[i] as number) + Math.abs(p[i] as number));
            expect(Math.abs((q[i] as number) - expected)).toBeLessThanOrEqual(rounding);
          });
        }
      }
    });
  });
});

describe("parameters, steps, anchors and radii twice as large give results twice as large", () => {
  /** Every base, with its steps s times as large for the same gradients: rates scale, decay must not scale with them. */
  const scaled: readonly (readonly [string, (s: number) => Spec, (s: number) => number])[] = [
    ["sgd, gradients scaled", () => sgd({ lr: 0.1, weightDecay: 0.01 }), (s) => s],
    ["sgd, rate scaled", (s) => sgd({ lr: 0.1 * s }), () => 1],
    ["sgd with momentum", () => sgd({ lr: 0.1, momentum: 0.9, nesterov: true }), (s) => s],
    ["adam, rate scaled", (s) => adam({ lr: 0.1 * s }), () => 1],
    ["adam, gradients scaled too", (s) => adam({ lr: 0.1 * s, eps: 1e-8 * s }), (s) => s],
    ["adamw", (s) => adamw({ lr: 0.1 * s, weightDecay: 0.1 / s }), () => 1],
  ];

  /** The problem with everything s times as large. */
  function times(problem: Problem, s: number, gradient: number): Problem {
    const scale = (xs: ArrayLike<number>, by: number): Float64Array => Float64Array.from(xs, (x) => x * by);
    return {
      ...problem,
      variables: problem.variables.map((variable) => ({ ...variable, values: variable.values.map((x) => x * s) })),
      gradients: (t) =>
        Object.fromEntries(Object.entries(problem.gradients(t)).map(([name, g]) => [name, scale(g, gradient)])),
    };
  }

  test.each(scaled)("with %s", (_, base, gradient) => {
    const cases = fc.record({
      options: geometry,
      power: fc.integer({ min: -12, max: 12 }),
      learn: fc.boolean(),
      // Near its kinks the learned radius depends on what EPS, the one thing that does not scale, does.
      problem: problems({ kinds: ["noise", "drift"], maxSteps: 4 }),
    });
    check(cases, 40, ({ options, power, learn, problem }) => {
      const s = 2 ** power;
      // The hyper-gradient ⟨g, c/n⟩ has no scale but the gradient's; a learner that ignores that one too moves by its rate.
      const radius = (scale: number): Setting =>
        learn ? learned(0.0713 * scale, adam({ lr: 0.01 * scale, eps: 1e-30 })) : 0.0713 * scale;
      const run = (scale: number): Trace =>
        traceFloat64(ftp(base(scale), { ...options, radius: radius(scale) }), times(problem, scale, gradient(scale)));
      const [one, many] = [run(1), run(s)];
      one.forEach((snapshot, t) => {
        for (const [name, values] of Object.entries(snapshot)) {
          if (name.includes(".") && !name.endsWith(".radius")) continue;
          // A norm is off by ε, so a row by at most ε·max(1, 1/s); every later step at most quadruples that.
          const tolerance = 4 ** (t + 1) * problem.variables.length * 24 * EPS * Math.max(1, 1 / s) + 1e-12;
          for (let i = 0; i < values.length; i++) {
            const [expected, actual] = [values[i] as number, (many[t]?.[name]?.[i] as number) / s];
            if (!(Math.abs(actual - expected) <= tolerance)) {
              expect.fail(
                `${name}[${i}] after step ${t}: ${actual} times ${s}, but ${expected} unscaled (± ${tolerance})`,
              );
            }
          }
        }
      });
    });
  });
});
