/**
 * Totals, operators, wrappers, averages and accumulation where they meet the fused kernels and the projection: kernels write in place, and
 * the projection is itself a wrapper.
 */
import {
  accumulate,
  chain,
  type Expr,
  float64,
  fromTf,
  groups,
  type HyperOptimizer,
  hyper,
  learned,
  minimum,
  nonNegative,
  real,
  type Spec,
  slot,
  sum,
  tensorRule,
  wrapper,
} from "@hypergrad/core";
import { ftp } from "@hypergrad/ftp";
import { adam, sgd } from "@hypergrad/optimizers";
import * as tf from "@tensorflow/tfjs";
import { afterEach, describe, expect, test } from "vitest";
import { coupled } from "../../core/test/rule/coupled.js";
import { noise } from "../../core/test/support.js";
import { places } from "./properties/places.js";

afterEach(() => tf.disposeVariables());

const shapes = { a: [3, 7], b: [5], c: [] } as const;
const sizes = Object.entries(shapes).map(([name, shape]) => [name, shape.reduce((x: number, y) => x * y, 1)] as const);
const startOf = () => Object.fromEntries(sizes.map(([name, size], i) => [name, noise(size, 50 + i)]));
const gradientsOf = (t: number) =>
  Object.fromEntries(sizes.map(([name, size], i) => [name, noise(size, 1000 * t + i)]));

function variablesOf(): Record<string, tf.Variable> {
  return tf.tidy(() =>
    Object.fromEntries(
      Object.entries(startOf()).map(([name, values]) => [
        name,
        tf.variable(tf.tensor(values, [...shapes[name as keyof typeof shapes]]), true, name),
      ]),
    ),
  );
}

function step(optimizer: HyperOptimizer, t: number, options?: Parameters<HyperOptimizer["applyGradients"]>[1]): void {
  tf.tidy(() => {
    const tensors = Object.entries(gradientsOf(t)).map(([name, values]) => [
      name,
      tf.tensor(values, [...shapes[name as keyof typeof shapes]]),
    ]);
    optimizer.applyGradients(Object.fromEntries(tensors), options);
  });
}

const bits = (w: Readonly<Record<string, tf.Variable>>) =>
  Object.values(w).map((each) => [...new Uint32Array(Float32Array.from(each.dataSync()).buffer)]);
const valuesOf = (w: Readonly<Record<string, tf.Variable>>) => Object.values(w).flatMap((each) => [...each.dataSync()]);

const clipped = wrapper({
  name: "clipped",
  hyperparameters: { maxNorm: nonNegative(1) },
  state: {},
  totals: { squares: ({ g }) => sum(g.square(), "tensor") },
  gradient: ({ g, maxNorm, squares }) => g.mul(minimum(1, maxNorm.div(squares.sqrt()))),
});
const smoothed = wrapper({
  name: "smoothed",
  hyperparameters: { keep: real(0.75) },
  state: { average: slot("element", ({ p }) => p as Expr) },
  update: ({ proposed, average, keep }) => ({
    p: proposed,
    average: average.mul(keep).add(proposed.mul(keep.neg().add(1))),
  }),
  evaluation: ({ average }) => average,
});
/** Remembers the parameter as it was given, and hands back what it remembers. */
const delayed = tensorRule({
  name: "delayed",
  hyperparameters: { lr: real(0.1), tilt: real(0.5) },
  state: {},
  inputs: ({ p, g, tilt }) => ({ p, u: g.mul(tilt) }),
  memory: (shape) => ({ last: tf.zeros([...shape]) }),
  direction: ({ p, u }, { last }) => ({ value: tf.add(tf.tanh(u), tf.mul(last, 0.1)), memory: { last: p } }),
  update: ({ p, direction, lr }) => ({ p: p.sub(direction.mul(lr)) }),
});

const by = () => adam({ lr: 1e-2 });
const far = { horizon: Number.POSITIVE_INFINITY } as const;
const specs: Readonly<Record<string, () => Spec>> = {
  "totals in rounds": () => coupled({ lr: learned(0.1, by(), far), reach: learned(0.8, by()) }),
  "a total over groups, inside a projection": () =>
    ftp(
      clipped({ maxNorm: learned(0.5, by(), { in: "log", maxChange: 0.1 }) })(
        groups([["b", coupled()]], sgd({ lr: learned(0.05, by(), { normalise: true, clip: 0.5 }), momentum: 0.9 })),
      ),
      { exclude: "c", radius: learned(0.5, by()) },
    ),
  "averages around a projection": () => smoothed({ keep: learned(0.75, by()) })(ftp(sgd({ lr: 0.1 }), { radius: 0.3 })),
  "averages inside a projection": () => ftp(smoothed()(sgd({ lr: learned(0.1, by()) })), { radius: 0.3 }),
  "accumulation inside a projection": () =>
    ftp(accumulate(sgd({ lr: learned(0.1, by(), far) }), { steps: 2 }), { radius: 0.3 }),
};

describe.each(places)("on %s", (_, backend, options) => {
  test.each(Object.entries(specs))(
    "%s: the steps are the float64 ones, swapped and back on the way",
    async (_, spec) => {
      await tf.setBackend(backend);
      const before = tf.memory().numTensors;
      const w = variablesOf();
      const optimizer = hyper(spec(), options);
      const oracle = float64(
        spec(),
        Object.fromEntries(
          Object.entries(startOf()).map(([name, values]) => [
            name,
            { shape: shapes[name as keyof typeof shapes], values },
          ]),
        ),
      );
      const seen: number[] = [];
      for (let t = 0; t < 8; t++) {
        step(optimizer, t);
        oracle.step(gradientsOf(t));
        const own = bits(w);
        for (let round = 0; round < 2; round++) {
          optimizer.swap();
          const averages = Object.values(oracle.evaluation()).flatMap(({ values }) => [...values]);
          valuesOf(w).forEach((x, i) => {
            expect(Math.abs(x - (averages[i] as number))).toBeLessThan(1e-4);
          });
          optimizer.swap();
          expect(bits(w)).toEqual(own);
        }
        const expected = Object.values(oracle.parameters).flatMap(({ values }) => [...values]);
        valuesOf(w).forEach((x, i) => {
          expect(Math.abs(x - (expected[i] as number))).toBeLessThan(1e-4);
        });
        seen.push(tf.memory().numTensors);
      }
      expect([seen[5], seen[7]]).toEqual([seen[3], seen[3]]);
      const learnt = await optimizer.hyperparameters();
      for (const [name, values] of Object.entries(oracle.hyperparameters())) {
        for (const [of, value] of Object.entries(values)) {
          expect(Math.abs((learnt[name]?.[of] as number) - (value as number)), `${name}.${of}`).toBeLessThan(1e-4);
        }
      }
      optimizer.dispose();
      tf.dispose(w);
      expect(tf.memory().numTensors).toBe(before);
    },
  );

  test("a tensor rule inside a projection learns, remembers what was written over since, and goes on bit for bit", async () => {
    await tf.setBackend(backend);
    const before = tf.memory().numTensors;
    const spec = () =>
      ftp(chain(clipped(), delayed({ tilt: learned(0.5, by(), { per: "tensor" }), lr: learned(0.1, by(), far) })), {
        radius: learned(0.5, by()),
      });
    const w = variablesOf();
    const optimizer = hyper(spec(), options);
    for (let t = 0; t < 3; t++) step(optimizer, t);
    const settled = tf.memory().numTensors;
    const held = valuesOf(w);
    step(optimizer, 3);
    expect(tf.memory().numTensors).toBe(settled);
    const checkpoint = await optimizer.checkpoint();
    const remembered = Object.keys(shapes).flatMap((name) => [
      ...Array.from(checkpoint.tensors[`0/${name}@direction:last`]?.values ?? []),
    ]);
    expect(remembered).toEqual(held);
    const own = tf.tidy(() => Object.values(w).map((each) => tf.keep(tf.mul(each, 1))));
    for (let t = 4; t < 7; t++) step(optimizer, t);
    const uninterrupted = [bits(w), await optimizer.hyperparameters()];
    const resumed = hyper(spec(), options);
    resumed.restore(checkpoint);
    Object.values(w).forEach((each, i) => {
      each.assign(own[i] as tf.Tensor);
    });
    for (let t = 4; t < 7; t++) step(resumed, t);
    expect([bits(w), await resumed.hyperparameters()]).toEqual(uninterrupted);
    const { tilt, lr, radius } = (uninterrupted[1] as Record<string, Record<string, number>>).a ?? {};
    for (const [value, init] of [
      [tilt, 0.5],
      [lr, 0.1],
      [radius, 0.5],
    ])
      expect(value).not.toBeCloseTo(init as number, 4);
    optimizer.dispose();
    resumed.dispose();
    tf.dispose([...own, ...Object.values(w)]);
    expect(tf.memory().numTensors).toBe(before);
  });

  test("accumulation around and inside a projection are the same to the last bit", async () => {
    await tf.setBackend(backend);
    const run = async (spec: Spec) => {
      const w = variablesOf();
      const optimizer = hyper(spec, options);
      for (let t = 0; t < 9; t++) step(optimizer, t);
      const seen = [bits(w), await optimizer.hyperparameters()];
      optimizer.dispose();
      tf.dispose(w);
      return seen;
    };
    const steps = 4;
    const around = await run(accumulate(ftp(adam({ lr: 0.1 })), { steps }));
    expect(await run(ftp(accumulate(adam({ lr: 0.1 }), { steps })))).toEqual(around);
    expect(await run(ftp(adam({ lr: 0.1 })))).not.toEqual(around);
  });

  test("an existing tf.Optimizer in a projection, some variables left out, all of it clipped and accumulated", async () => {
    await tf.setBackend(backend);
    const run = async (spec: Spec) => {
      const w = variablesOf();
      const optimizer = hyper(spec, options);
      for (let t = 0; t < 8; t++) step(optimizer, t, { hyperGradients: { a: tf.ones([3, 7]) } });
      const seen = [valuesOf(w), (await optimizer.hyperparameters()).a?.radius] as const;
      optimizer.dispose();
      tf.dispose(w);
      return seen;
    };
    const around = (base: Spec) =>
      accumulate(clipped({ maxNorm: 0.5 })(ftp(base, { exclude: "b", radius: learned(0.5, by()) })), { steps: 2 });
    const tfAdam = tf.train.adam(0.1);
    const [values, radius] = await run(around(fromTf(tfAdam)));
    const [expected, own] = await run(around(adam({ lr: 0.1, eps: 1e-7 })));
    values.forEach((x, i) => {
      expect(Math.abs(x - (expected[i] as number))).toBeLessThan(1e-3);
    });
    // Learned, and from the held-out gradients.
    expect(radius).not.toBeCloseTo(0.5, 3);
    expect(radius).toBeCloseTo(own as number, 3);
    tfAdam.dispose();
  });
});
