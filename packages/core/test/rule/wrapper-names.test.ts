import { type Expr, float64, groups, learned, minimum, real, rule, type Setting, slot, wrapper } from "@hypergrad/core";
import * as tf from "@tensorflow/tfjs";
import { afterEach, describe, expect, test } from "vitest";
import { hyperGradientOf } from "../finite-differences.js";
import { averaged, descent } from "../support.js";
import { gradients, parameters, run } from "./wrappers.js";

afterEach(() => tf.disposeVariables());

describe("names that the rule inside has already get a number, and work:", () => {
  const greedy = wrapper({
    name: "greedy",
    hyperparameters: { lr: real(0.25), lr2: real(2) },
    state: { m: slot("element", ({ p, lr }) => (p as Expr).mul(lr as Expr)) },
    totals: { n: () => 1 },
    update: ({ p, proposed, m, lr, lr2, n }) => ({
      p: proposed.add(m.mul(lr)).sub(p.mul(lr2).div(n.mul(100))),
      m: m.mul(lr2),
    }),
  });
  const outermost = wrapper({
    name: "outermost",
    hyperparameters: { lr: real(0.5) },
    state: { m: 0 },
    totals: { n: () => 1 },
    update: ({ proposed, m, lr, n }) => ({ p: proposed.sub(m.mul(lr).div(n)), m: proposed }),
  });
  const build = (inner: Setting = 0.1, mine: Setting = 0.25, second: Setting = 2, outer: Setting = 0.5) =>
    outermost({ lr: outer })(greedy({ lr: mine, lr2: second })(averaged({ lr: inner })));

  test("settings, state, totals and initial values are each one's own", () => {
    const n = Object.keys(parameters).length;
    const expected = Object.entries(parameters).flatMap(([name, { values }]) =>
      Array.from(values).map((start, i) => {
        let [p, m, own, outer] = [start, 0, start * 0.25, 0];
        for (let t = 0; t < 4; t++) {
          m = 0.5 * m + (gradients(t)[name]?.[i] as number);
          const inside = p - 0.1 * m + own * 0.25 - (p * 2) / (n * 100);
          own *= 2;
          p = inside - (outer * 0.5) / n;
          outer = inside;
        }
        return p;
      }),
    );
    run(build()).forEach((x, i) => {
      expect(x).toBeCloseTo(expected[i] as number, 13);
    });
  });

  test("learned values are shown under the new names, and every one has its own hyper-gradient", () => {
    const optimizer = float64(build(...[0.1, 0.25, 2, 0.5].map((x) => learned(x, descent()))), parameters);
    optimizer.step(gradients(0));
    const names = Object.keys(optimizer.hyperparameters().a ?? {}).filter((name) => !name.includes("."));
    const values = names.map((name) => optimizer.hyperparameters().a?.[name]);
    expect(new Set(names).size).toBe(5);
    expect([...values].sort()).toEqual([0.1, 0.25, 0.5, 0.5, 2]);
    const of = (value: number, but: string) => names.find((name, i) => values[i] === value && name !== but) as string;
    const questions = [
      [(s: Setting) => build(s), 0.1],
      [(s: Setting) => build(0.1, s), 0.25],
      [(s: Setting) => build(0.1, 0.25, s), 2],
      [(s: Setting) => build(0.1, 0.25, 2, s), 0.5],
    ] as const;
    for (const horizon of [1, Number.POSITIVE_INFINITY]) {
      for (const [with_, value] of questions) {
        const question = { build: with_, name: of(value, "decay"), value, parameters, gradients, k: 3, horizon };
        const { actual, expected } = hyperGradientOf(question);
        expect(Math.abs(expected)).toBeGreaterThan(1e-6);
        expect(actual).toBeCloseTo(expected, 9);
      }
    }
  });

  test("around several rules they are the same in each, so that one learned object is one value", () => {
    const by = descent({ lr: 0.01 });
    const still = rule({ name: "still", hyperparameters: {}, state: {}, update: ({ p }) => ({ p }) });
    const spec = outermost({ lr: learned(0.5, by) })(groups([["b", averaged()]], still()));
    const optimizer = float64(spec, parameters);
    for (let t = 0; t < 4; t++) optimizer.step(gradients(t));
    const { a, b } = optimizer.hyperparameters();
    expect(b?.lr).toBe(0.1);
    expect(a?.lr2).not.toBe(0.5);
    expect(b?.lr2).toBe(a?.lr2);
  });

  test("what the wrapper writes back is its own hyperparameter", () => {
    const bounded = wrapper({
      name: "bounded",
      hyperparameters: { lr: real(5) },
      state: {},
      update: ({ proposed, lr }) => ({ p: proposed, lr: minimum(lr, 3) }),
    });
    const optimizer = float64(
      bounded({ lr: learned(5, descent()) })(descent({ lr: learned(4, descent()) })),
      parameters,
    );
    optimizer.step(gradients(0));
    expect(optimizer.hyperparameters().a).toMatchObject({ lr: 4, lr2: 3 });
  });
});
