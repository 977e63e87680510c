import {
  accumulate,
  float64,
  groups,
  hyper,
  learned,
  minimum,
  real,
  type Setting,
  sum,
  wrapper,
} from "@hypergrad/core";
import * as tf from "@tensorflow/tfjs";
import { afterEach, describe, expect, test } from "vitest";
import { hyperGradientOf, noiseFor } from "../finite-differences.js";
import { descent, step, valuesOf, variables } from "../support.js";
import { coupled, gradients, parameters, shapes, shown } from "./coupled.js";

afterEach(() => tf.disposeVariables());

/** The same in plain JavaScript. */
function plainly(steps: number, { lr = 0.1, reach = 0.8 } = {}): Record<string, number[]> {
  const p = Object.fromEntries(Object.entries(parameters).map(([name, { values }]) => [name, [...Array.from(values)]]));
  const m = Object.fromEntries(Object.entries(p).map(([name, values]) => [name, values.map(() => 0)]));
  for (let t = 0; t < steps; t++) {
    const g = gradients(t);
    let squares = 0;
    let dot = 0;
    for (const [name, each] of Object.entries(g)) {
      each.forEach((x, i) => {
        squares += x * x;
        dot += x * (m[name]?.[i] as number);
      });
    }
    const along = (dot * reach) / (squares + 1);
    for (const [name, each] of Object.entries(g)) {
      each.forEach((x, i) => {
        const next = 0.5 * (m[name]?.[i] as number) + (x * reach) / (Math.sqrt(squares) + reach);
        (m[name] as number[])[i] = next;
        (p[name] as number[])[i] = (p[name]?.[i] as number) - next * lr * (Math.tanh(along) + 1);
      });
    }
  }
  return p;
}

test("a rule with totals, of which the second needs the first, does what a plain loop does", () => {
  const optimizer = float64(coupled(), parameters);
  for (let t = 0; t < 4; t++) optimizer.step(gradients(t));
  for (const [name, values] of Object.entries(plainly(4))) {
    values.forEach((x, i) => {
      expect(optimizer.parameters[name]?.values[i]).toBeCloseTo(x, 13);
    });
  }
});

describe("the hyper-gradient of what a total depends on equals finite differences, cross terms between variables included", () => {
  test.each([
    ["lr", 1],
    ["lr", 2],
    ["lr", Number.POSITIVE_INFINITY],
    ["reach", 1],
    ["reach", 2],
    ["reach", Number.POSITIVE_INFINITY],
  ] as const)("%s, with a horizon of %s", (name, horizon) => {
    for (const k of [1, 2, 4]) {
      const build = (setting: Setting) => coupled({ [name]: setting });
      const value = name === "lr" ? 0.1 : 0.8;
      const { actual, expected } = hyperGradientOf({ build, name, value, parameters, gradients, k, horizon });
      expect(Math.abs(expected)).toBeGreaterThan(1e-4);
      expect(actual).toBeCloseTo(expected, 9);
    }
  });

  test("and the cross terms are in it: without the other variable it is another one", () => {
    const one = { a: parameters.a as (typeof parameters)[string] };
    const build = (setting: Setting) => coupled({ reach: setting });
    const question = { build, name: "reach", value: 0.8, k: 2 };
    const alone = hyperGradientOf({ ...question, parameters: one, gradients: noiseFor(one) }).actual;
    const zeroed = (t: number) => {
      const g = gradients(t);
      return t === 2 ? { ...g, b: g.b?.map(() => 0), c: g.c?.map(() => 0) } : g;
    };
    expect(hyperGradientOf({ ...question, parameters, gradients: zeroed }).actual).not.toBeCloseTo(alone, 3);
  });
});

const counting = shown("counting", () => 1);

describe("a total is over exactly the variables that take the step", () => {
  const zeros = { a: { shape: [2], values: [0, 0] }, b: { shape: [], values: [0] } };
  const firsts = (optimizer: ReturnType<typeof float64>) => [
    optimizer.parameters.a?.values[0],
    optimizer.parameters.b?.values[0],
  ];

  test("not those without a gradient", () => {
    const optimizer = float64(counting(), zeros);
    optimizer.step({ a: [1, 1], b: [1] });
    expect(firsts(optimizer)).toEqual([-2, -2]);
    optimizer.step({ a: [1, 1], b: null });
    expect(firsts(optimizer)).toEqual([-3, -2]);
  });

  test("not those whose gradients are not enough for a step yet", () => {
    const spec = counting();
    const optimizer = float64(groups([["b", accumulate(spec, { steps: 2 })]], spec), zeros);
    for (let t = 0; t < 4; t++) optimizer.step({ a: [1, 1], b: [1] });
    expect(firsts(optimizer)).toEqual([-1 - 2 - 1 - 2, -2 - 2]);
  });

  test("of one rule with its settings: each group has its own", () => {
    const optimizer = float64(groups([["b", counting()]], counting()), zeros);
    optimizer.step({ a: [1, 1], b: [1] });
    expect(firsts(optimizer)).toEqual([-1, -1]);
  });

  test("but of a wrapper over all rules that it stands around, each time that it is used", () => {
    const counted = wrapper({
      name: "counted",
      hyperparameters: {},
      state: {},
      totals: { n: () => 1 },
      update: ({ p, n }) => ({ p: p.sub(n) }),
    });
    const around = counted();
    const three = { ...zeros, c: { shape: [], values: [0] } };
    const both = float64(around(groups([["b", descent()]], descent({ lr: 0.5 }))), three);
    both.step({ a: [1, 1], b: [1], c: [1] });
    expect([...firsts(both), both.parameters.c?.values[0]]).toEqual([-3, -3, -3]);
    const twice = float64(groups([["b", around(descent())]], around(descent())), three);
    twice.step({ a: [1, 1], b: [1], c: [1] });
    expect([...firsts(twice), twice.parameters.c?.values[0]]).toEqual([-2, -1, -2]);
  });
});

/** Clipping by the norm of the whole gradient. */
const clipped = wrapper({
  name: "clipped",
  hyperparameters: { maxNorm: real(1) },
  state: {},
  totals: { squares: ({ g }) => sum(g.square(), "tensor") },
  gradient: ({ g, maxNorm, squares }) => g.mul(minimum(1, maxNorm.div(squares.sqrt()))),
});

test("a wrapper's total over groups, and what is learned in it, equal finite differences for all groups together", () => {
  const build = (setting: Setting) => clipped({ maxNorm: setting })(groups([["b", coupled({ lr: 0.3 })]], descent()));
  for (const horizon of [1, Number.POSITIVE_INFINITY]) {
    const question = { build, name: "maxNorm", value: 0.7, parameters, gradients, k: 3, horizon };
    const { actual, expected } = hyperGradientOf(question);
    expect(Math.abs(expected)).toBeGreaterThan(1e-3);
    expect(actual).toBeCloseTo(expected, 9);
  }
});

test("in a learner on the device, a hyper-gradient that is not finite adds nothing to a total", async () => {
  const run = async (scalars: "host" | "device") => {
    const w = variables({ a: [2], b: [2] });
    const rate = learned(0.1, coupled({ lr: 0.01 }), { per: "tensor" });
    const optimizer = hyper(descent({ lr: rate }), { scalars });
    for (let t = 0; t < 5; t++) {
      // ⟨g, g⟩ overflows for a in one of the steps, and is 0 in the others.
      const large = t === 1 || t === 2 ? 1e30 : 0;
      tf.tidy(() => optimizer.applyGradients({ a: tf.fill([2], large), b: tf.fill([2], 0.25 * t) }));
    }
    const seen = [(await optimizer.hyperparameters()).b?.lr as number, (await optimizer.nonFinite()).hyperGradients];
    optimizer.dispose();
    tf.dispose(w);
    return seen as [number, number];
  };
  const [host, device] = [await run("host"), await run("device")];
  expect(host[1]).toBeGreaterThan(0);
  expect(device[1]).toBe(host[1]);
  expect(host[0]).not.toBeCloseTo(0.1, 4);
  expect(device[0]).toBeCloseTo(host[0], 6);
});

describe("on tensors", () => {
  const spec = () =>
    coupled({
      lr: learned(0.1, descent({ lr: 1e-2 })),
      reach: learned(0.8, descent({ lr: 1e-2 }), { horizon: Number.POSITIVE_INFINITY }),
    });

  test.each(["host", "device"] as const)(
    "the steps are the float64 ones, and the number of tensors stays the same (scalars on the %s)",
    async (scalars) => {
      const before = tf.memory().numTensors;
      const w = tf.tidy(() =>
        Object.fromEntries(
          Object.entries(parameters).map(([name, { shape, values }]) => [
            name,
            tf.variable(tf.tensor(Array.from(values), [...shape]), true, name),
          ]),
        ),
      );
      const optimizer = hyper(spec(), { scalars });
      const oracle = float64(spec(), parameters);
      let settled = 0;
      for (let t = 0; t < 5; t++) {
        oracle.step(gradients(t));
        tf.tidy(() => {
          optimizer.applyGradients(
            Object.fromEntries(
              Object.entries(gradients(t)).map(([name, g]) => [
                name,
                tf.tensor(Float32Array.from(g), [...(parameters[name]?.shape ?? [])], "float32"),
              ]),
            ),
          );
        });
        if (t === 2) settled = tf.memory().numTensors;
        if (t > 2) expect(tf.memory().numTensors).toBe(settled);
      }
      const values = valuesOf(w);
      for (const [name, { values: expected }] of Object.entries(oracle.parameters)) {
        expected.forEach((x, i) => {
          expect(values[name]?.[i]).toBeCloseTo(x, 5);
        });
      }
      const learnt = await optimizer.hyperparameters();
      for (const name of ["lr", "reach"]) {
        expect(learnt.a?.[name]).toBeCloseTo(oracle.hyperparameters().a?.[name] as number, 5);
        expect(learnt.b?.[name]).toBe(learnt.a?.[name]);
      }
      optimizer.dispose();
      tf.dispose(w);
      expect(tf.memory().numTensors).toBe(before);
    },
  );

  test("a checkpoint goes on bit for bit", async () => {
    const w = variables(shapes);
    const optimizer = hyper(spec());
    for (const seed of [1, 2, 3]) step(optimizer, w, seed);
    const resumed = hyper(spec());
    resumed.restore(await optimizer.checkpoint());
    const start = tf.tidy(() => Object.values(w).map((each) => tf.keep(each.clone())));
    step(optimizer, w, 4);
    step(optimizer, w, 5);
    const uninterrupted = [valuesOf(w), await optimizer.hyperparameters()];
    Object.values(w).forEach((each, i) => {
      each.assign(start[i] as tf.Tensor);
    });
    step(resumed, w, 4);
    step(resumed, w, 5);
    expect([valuesOf(w), await resumed.hyperparameters()]).toEqual(uninterrupted);
    tf.dispose(start);
    optimizer.dispose();
    resumed.dispose();
  });
});
