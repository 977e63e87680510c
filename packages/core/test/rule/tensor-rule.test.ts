import { groups, hyper, learned, real, type Setting, wrapper } from "@hypergrad/core";
import * as tf from "@tensorflow/tfjs";
import { afterEach, describe, expect, test } from "vitest";
import { descent, noise, refuses, step, valuesOf, variables } from "../support.js";
import { values, whirled } from "./whirled.js";

afterEach(() => tf.disposeVariables());

const shapes = { a: [2, 3], b: [2, 2] } as const;

type Name = keyof typeof shapes;

const names = Object.keys(shapes) as Name[];

const start = Object.fromEntries(
  names.map((name, i) => [name, [...noise(shapes[name][0] * shapes[name][1], 1000 + i)]]),
) as Record<Name, number[]>;

/** The gradients of `step`. */
const gradient = (name: Name, seed: number): number[] => {
  const i = names.indexOf(name);
  return [...noise(shapes[name][0] * shapes[name][1], 1000 * seed + 500 + i)];
};

type Values = typeof values;

/** The same for one variable in plain JavaScript, with hyperparameters for each step: the parameters after it. */
function plainly(name: Name, steps: number, at: (t: number) => Values, past?: number[][]): number[] {
  const [rows, columns] = shapes[name];
  let p = start[name];
  let m = p.map(() => 0);
  let before = p.map(() => 0);
  for (let t = 0; t < steps; t++) {
    const { lr, decay, sharpness, damping } = at(t);
    const g = gradient(name, t + 1);
    m = m.map((x, i) => x * decay + (g[i] as number));
    const u = (r: number, c: number) => m[r * columns + c] as number;
    const value = m.map((_, i) => {
      const [r, c] = [Math.floor(i / columns), i % columns];
      let sum = 0;
      for (let k = 0; k < rows; k++) for (let l = 0; l < columns; l++) sum += u(r, l) * u(k, l) * u(k, c);
      return Math.tanh(sum * sharpness);
    });
    const used = past?.[t] ?? before;
    p = p.map((x, i) => x * damping - ((value[i] as number) + 0.1 * (used[i] as number)) * lr);
    before = value;
  }
  return p;
}

/** What is remembered before each step at these values: held fixed where finite differences are taken. */
function pasts(name: Name, steps: number): number[][] {
  const [rows, columns] = shapes[name];
  let m = start[name].map(() => 0);
  const all = [m];
  for (let t = 0; t < steps; t++) {
    const g = gradient(name, t + 1);
    m = m.map((x, i) => x * values.decay + (g[i] as number));
    const u = (r: number, c: number) => m[r * columns + c] as number;
    all.push(
      m.map((_, i) => {
        let sum = 0;
        for (let k = 0; k < rows; k++) {
          for (let l = 0; l < columns; l++) sum += u(Math.floor(i / columns), l) * u(k, l) * u(k, i % columns);
        }
        return Math.tanh(sum * values.sharpness);
      }),
    );
  }
  return all;
}

describe.each(["host", "device"] as const)("with scalars on the %s", (scalars) => {
  test("a tensor rule does what a plain loop does, leaves nothing behind, and gives all back", () => {
    const before = tf.memory().numTensors;
    const w = variables(shapes);
    const optimizer = hyper(whirled({ lr: learned(0.1, descent({ lr: 0 }), { per: "tensor" }) }), { scalars });
    const seen: number[] = [];
    for (let t = 0; t < 5; t++) {
      step(optimizer, w, t + 1);
      seen.push(tf.memory().numTensors);
    }
    expect(seen.slice(2)).toEqual([seen[1], seen[1], seen[1]]);
    for (const name of names) {
      plainly(name, 5, () => values).forEach((x, i) => {
        expect(valuesOf(w)[name]?.[i]).toBeCloseTo(x, 5);
      });
    }
    optimizer.dispose();
    tf.dispose(w);
    expect(tf.memory().numTensors).toBe(before);
  });

  test.each(
    (["lr", "decay", "sharpness", "damping"] as const).flatMap((of) =>
      ([1, 2, Number.POSITIVE_INFINITY] as const).flatMap((horizon) =>
        (["model", "tensor"] as const).map((per) => [of, horizon, per] as const),
      ),
    ),
  )(
    "the hyper-gradient of %s, with a horizon of %s, per %s, equals finite differences through the matrix products",
    async (of, horizon, per) => {
      const k = 3;
      const w = variables(shapes);
      const small = 2 ** -6;
      const by = descent({ lr: (t) => (t === k ? small : 0) });
      const optimizer = hyper(whirled({ [of]: learned(values[of], by, { per, horizon }) }), { scalars });
      for (let t = 0; t <= k; t++) step(optimizer, w, t + 1);
      const learnt = await optimizer.hyperparameters();
      const since = horizon === Number.POSITIVE_INFINITY ? 0 : k - 1 - ((k - 1) % horizon);
      const expected = names.map((name) => {
        const fixed = pasts(name, k);
        const after = (x: number) =>
          plainly(name, k, (t) => (t >= since ? { ...values, [of]: x } : values), fixed).reduce(
            (sum, p, i) => sum + p * (gradient(name, k + 1)[i] as number),
            0,
          );
        return (after(values[of] + 1e-5) - after(values[of] - 1e-5)) / 2e-5;
      });
      const all = expected.reduce((a, b) => a + b, 0);
      names.forEach((name, i) => {
        const actual = (values[of] - (learnt[name]?.[of] as number)) / small;
        const d = per === "model" ? all : (expected[i] as number);
        expect(Math.abs(d)).toBeGreaterThan(1e-3);
        expect(actual).toBeCloseTo(d, 4);
      });
      optimizer.dispose();
    },
  );
});

test("gradients that are not finite leave what it remembers untouched, on the device as well", async () => {
  for (const scalars of ["host", "device"] as const) {
    const w = variables(shapes);
    const optimizer = hyper(whirled({ sharpness: learned(0.3, descent()) }), { scalars, onNonFinite: "skip" });
    step(optimizer, w, 1);
    step(optimizer, w, 2);
    const before = {
      w: valuesOf(w),
      remembered: (await optimizer.checkpoint()).tensors,
      learnt: await optimizer.hyperparameters(),
    };
    const numTensors = tf.memory().numTensors;
    tf.tidy(() => optimizer.applyGradients({ a: tf.fill([2, 3], Number.NaN), b: tf.ones([2, 2]) }));
    expect(tf.memory().numTensors).toBeLessThanOrEqual(numTensors + 2);
    const after = (await optimizer.checkpoint()).tensors;
    // On the device nobody knows that a step was skipped: it counts.
    const uncounted = (tensors: typeof after) => Object.entries(tensors).filter(([key]) => !/@t$|@steps$/.test(key));
    expect(uncounted(after)).toEqual(uncounted(before.remembered));
    expect(uncounted(after).some(([key]) => key.endsWith("@direction:past"))).toBe(true);
    expect({ w: valuesOf(w), learnt: await optimizer.hyperparameters() }).toEqual({
      w: before.w,
      learnt: before.learnt,
    });
    optimizer.dispose();
    tf.dispose(w);
  }
});

describe("a checkpoint", () => {
  test.each(["host", "device"] as const)(
    "holds what it remembers, and goes on bit for bit (scalars on the %s)",
    async (scalars) => {
      const spec = () =>
        whirled({
          sharpness: learned(0.3, descent({ lr: 1e-2 }), { horizon: Number.POSITIVE_INFINITY }),
          decay: learned(0.5, descent({ lr: 1e-2 }), { per: "tensor" }),
        });
      const w = variables(shapes);
      const optimizer = hyper(spec(), { scalars });
      for (const seed of [1, 2, 3]) step(optimizer, w, seed);
      const checkpoint = await optimizer.checkpoint();
      const own = tf.tidy(() => Object.values(w).map((each) => tf.keep(each.clone())));
      step(optimizer, w, 4);
      step(optimizer, w, 5);
      const uninterrupted = [valuesOf(w), await optimizer.hyperparameters(), await optimizer.checkpoint()];
      const before = tf.memory().numTensors;
      const resumed = hyper(spec(), { scalars });
      resumed.restore(checkpoint);
      Object.values(w).forEach((each, i) => {
        each.assign(own[i] as tf.Tensor);
      });
      step(resumed, w, 4);
      step(resumed, w, 5);
      expect([valuesOf(w), await resumed.hyperparameters(), await resumed.checkpoint()]).toEqual(uninterrupted);
      resumed.dispose();
      expect(tf.memory().numTensors).toBe(before);
      const incomplete = Object.fromEntries(
        Object.entries(checkpoint.tensors).filter(([key]) => !key.includes("past")),
      );
      const other = hyper(spec(), { scalars });
      refuses(() => other.restore({ ...checkpoint, tensors: incomplete }), "@direction:past", "is missing");
      expect(tf.memory().numTensors).toBe(before);
      other.dispose();
      optimizer.dispose();
      tf.dispose(own);
    },
  );
});

test("a tensor rule takes a wrapper and groups like any rule", () => {
  const doubled = wrapper({
    name: "doubled",
    hyperparameters: { by: real(2) },
    state: { direction: 0 },
    gradient: ({ g, by }) => g.mul(by),
    update: ({ proposed, direction }) => ({ p: proposed, direction }),
  });
  const build = (by: Setting) => groups([["b", doubled({ by })(whirled())]], whirled());
  const run = (by: Setting) => {
    const w = variables(shapes);
    const optimizer = hyper(build(by));
    step(optimizer, w, 1);
    step(optimizer, w, 2);
    const seen = valuesOf(w);
    optimizer.dispose();
    tf.dispose(w);
    return seen;
  };
  const plain = run(1);
  plainly("a", 2, () => values).forEach((x, i) => {
    expect(plain.a?.[i]).toBeCloseTo(x, 5);
  });
  expect(run(2).a).toEqual(plain.a);
  expect(run(2).b).not.toEqual(plain.b);
  expect(run(learned(1, descent({ lr: 0 })))).toEqual(plain);
});
