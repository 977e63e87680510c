import {
  type Expr,
  float64,
  hyper,
  type LearnedOptions,
  learned,
  real,
  rule,
  type Setting,
  slot,
} from "@hypergrad/core";
import * as tf from "@tensorflow/tfjs";
import { afterEach, describe, expect, test } from "vitest";
import { hyperGradientOf, noiseFor, parametersOf } from "../finite-differences.js";
import { averaged, descent, step, valuesOf, variables } from "../support.js";

afterEach(() => tf.disposeVariables());

const dot = (a: readonly number[], b: readonly number[]): number =>
  a.reduce((total, x, i) => total + x * (b[i] as number), 0);

const shapes = { a: [2, 3], b: [2] } as const;

describe("horizon and decay", () => {
  const parameters = parametersOf(shapes);
  const gradients = noiseFor(parameters);
  const flat = (t: number) => Object.values(gradients(t)).flatMap((g) => [...g]);

  test.each([
    [Number.POSITIVE_INFINITY, 1],
    [Number.POSITIVE_INFINITY, 0.5],
    [3, 1],
    [2, 0.25],
  ])(
    "of a rate of plain descent: it is contracted with the sum of the gradients looked back to (horizon %s, decay %s)",
    (horizon, decay) => {
      const optimizer = float64(descent({ lr: learned(0.5, descent({ lr: 0.01 }), { horizon, decay }) }), parameters);
      let lr = 0.5;
      let s = flat(0).map(() => 0);
      for (let t = 0; t < 8; t++) {
        const g = flat(t);
        lr = Math.max(0, lr - 0.01 * dot(g, s));
        const kept = t % horizon === 0 ? 0 : decay;
        s = s.map((x, i) => x * kept - (g[i] as number));
        optimizer.step(gradients(t));
        expect(optimizer.hyperparameters().b?.lr).toBeCloseTo(lr, 13);
      }
    },
  );

  const run = (options: LearnedOptions) => {
    const optimizer = float64(
      averaged({
        lr: learned(0.1, descent({ lr: 0.01 }), options),
        decay: learned(0.5, descent({ lr: 0.01 }), options),
      }),
      parameters,
    );
    for (let t = 0; t < 6; t++) optimizer.step(gradients(t));
    return [optimizer.hyperparameters(), optimizer.parameters];
  };

  test("a horizon of 1 is the default, to the last bit; with a decay of 0 nothing is carried", () => {
    expect(run({ horizon: 1 })).toEqual(run({}));
    expect(run({ horizon: 7, decay: 0 })).toEqual(run({ horizon: Number.POSITIVE_INFINITY, decay: 0 }));
    const [one, none] = [run({}), run({ horizon: 7, decay: 0 })] as { a: { lr: number; decay: number } }[][];
    for (const name of ["lr", "decay"] as const)
      expect(none?.[0]?.a[name]).toBeCloseTo(one?.[0]?.a[name] as number, 13);
    expect(run({ horizon: 7 })).not.toEqual(run({}));
  });

  test("what initial values depend on counts, also in a slot that never changes", () => {
    const rooted = rule({
      name: "rooted",
      hyperparameters: { h: real(0.3) },
      state: {
        m: slot("element", ({ p, h }) => (p as Expr).mul((h as Expr).square())),
        anchor: slot("element", ({ p, h }) => (p as Expr).mul((h as Expr).exp())),
        lost: slot("element", ({ h }) => h as Expr),
      },
      update: ({ p, g, m, anchor, lost }) => ({
        p: p.sub(g.mul(0.1)).sub(m.mul(0.2)).add(anchor.tanh().mul(0.1)).add(lost),
        m: m.mul(0.5).add(p),
        anchor,
        lost: 0,
      }),
    });
    for (const horizon of [Number.POSITIVE_INFINITY, 5, 2]) {
      for (const k of [1, 2, 4]) {
        if (horizon === 2 && k > 2) continue;
        const build = (setting: Setting) => rooted({ h: setting });
        const { actual, expected } = hyperGradientOf({
          build,
          name: "h",
          value: 0.3,
          parameters,
          gradients,
          k,
          horizon,
        });
        expect(Math.abs(expected)).toBeGreaterThan(1e-3);
        expect(actual).toBeCloseTo(expected, 9);
      }
    }
  });

  test("only state that depends on the hyperparameter is carried", async () => {
    const carriedOf = async (setting: Record<string, Setting>) => {
      const w = variables({ a: [2] });
      const optimizer = hyper(averaged(setting));
      step(optimizer, w, 1);
      const { tensors } = await optimizer.checkpoint();
      optimizer.dispose();
      tf.dispose(w);
      return Object.keys(tensors).filter((key) => key.includes("@sensitivity:"));
    };
    const far = { horizon: Number.POSITIVE_INFINITY };
    // Momentum knows nothing of the rate.
    expect(await carriedOf({ lr: learned(0.1, descent(), far) })).toEqual(["0/a@sensitivity:lr"]);
    expect(await carriedOf({ decay: learned(0.5, descent(), far) })).toEqual([
      "0/a@sensitivity:decay",
      "0/a@sensitivity:decay#m",
    ]);
    expect(await carriedOf({ decay: learned(0.5, descent()) })).toEqual(["0/a@sensitivity:decay"]);
  });

  test.each(["host", "device"] as const)(
    "a checkpoint amid a horizon goes on bit for bit, and memory stays as it is (scalars on the %s)",
    async (scalars) => {
      const by = descent({ lr: 0.01 });
      const spec = () =>
        averaged({
          lr: learned(0.1, by, { horizon: 3, decay: 0.5, per: "channel", normalise: true, maxChange: 0.1 }),
          decay: learned(0.5, by, { horizon: Number.POSITIVE_INFINITY, clip: 0.5, warmup: 2, in: "logit" }),
        });
      const before = tf.memory().numTensors;
      const w = variables(shapes);
      const optimizer = hyper(spec(), { scalars });
      for (let t = 1; t <= 4; t++) step(optimizer, w, t);
      const settled = tf.memory().numTensors;
      const checkpoint = await optimizer.checkpoint();
      const own = tf.tidy(() => Object.values(w).map((each) => tf.keep(each.clone())));
      for (let t = 5; t <= 8; t++) {
        step(optimizer, w, t);
        expect(tf.memory().numTensors).toBe(settled + own.length);
      }
      const uninterrupted = [valuesOf(w), await optimizer.hyperparameters(), await optimizer.checkpoint()];
      optimizer.restore(checkpoint);
      Object.values(w).forEach((each, i) => {
        each.assign(own[i] as tf.Tensor);
      });
      for (let t = 5; t <= 8; t++) step(optimizer, w, t);
      expect([valuesOf(w), await optimizer.hyperparameters(), await optimizer.checkpoint()]).toEqual(uninterrupted);
      optimizer.dispose();
      tf.dispose([...own, ...Object.values(w)]);
      expect(tf.memory().numTensors).toBe(before);
    },
  );
});
