import {
  chain,
  type Expr,
  float64,
  hyper,
  learned,
  minimum,
  real,
  rule,
  type Setting,
  type Spec,
  slot,
  sum,
  wrapper,
} from "@hypergrad/core";
import * as tf from "@tensorflow/tfjs";
import { afterEach, describe, expect, test } from "vitest";
import { hyperGradientOf, noiseFor } from "../finite-differences.js";
import { averaged, descent, refuses, step, valuesOf, variables } from "../support.js";
import { clipped, decayed, gradients, parameters, penalised, run } from "./wrappers.js";

afterEach(() => tf.disposeVariables());

/** An exponential average of the parameters. */
const smoothed = wrapper({
  name: "smoothed",
  hyperparameters: { decay: real(0.75) },
  state: { average: slot("element", ({ p }) => p as Expr) },
  update: ({ proposed, average, decay }) => ({
    p: proposed,
    average: average.mul(decay).add(proposed.mul(decay.neg().add(1))),
  }),
  evaluation: ({ average }) => average,
});

describe("around a rule, a wrapper is the rule that one would write by hand:", () => {
  type Seen = Readonly<Record<"p" | "g" | "m" | "lr" | "decay" | "x" | "squares", Expr>>;
  const byHand = (update: (x: Seen) => { p: Expr; m: Expr }, totals = false) =>
    rule({
      name: "byHand",
      hyperparameters: { lr: real(0.1), decay: real(0.5), x: real(0.1) },
      state: { m: 0 },
      ...(totals && { totals: { squares: ({ g }: { g: Expr }) => sum(g.square(), "tensor") } }),
      update,
    } as never) as unknown as () => Spec;

  test("with another gradient", () => {
    const spec = byHand(({ p, g, m, lr, decay, x }) => {
      const next = m.mul(decay).add(g.add(p.mul(x)));
      return { p: p.sub(next.mul(lr)), m: next };
    });
    expect(run(penalised()(averaged()))).toEqual(run(spec()));
  });

  test("with something made of the proposal", () => {
    const spec = byHand(({ p, g, m, lr, decay, x }) => {
      const next = m.mul(decay).add(g);
      return { p: p.sub(next.mul(lr)).sub(p.mul(x)), m: next };
    });
    expect(run(decayed()(averaged()))).toEqual(run(spec()));
  });

  test("with a total", () => {
    const spec = byHand(({ p, g, m, lr, decay, squares }) => {
      const next = m.mul(decay).add(g.mul(minimum(1, squares.sqrt().pow(-1))));
      return { p: p.sub(next.mul(lr)), m: next };
    }, true);
    run(spec()).forEach((x, i) => {
      expect(run(clipped()(averaged()))[i]).toBeCloseTo(x, 14);
    });
  });
});

describe("chain", () => {
  const parts = [clipped({ maxNorm: 0.5 }), penalised({ lambda: 0.3 }), decayed({ share: 0.01 })] as const;

  test("nests its parts, the first outermost: it sees the gradient first, and the proposal last", () => {
    const nested = parts[0](parts[1](parts[2](averaged())));
    expect(run(chain(...parts, averaged()))).toEqual(run(nested));
    expect(run(chain(parts[1], parts[0], parts[2], averaged()))).not.toEqual(run(nested));
    // Clipped first, then penalised: with a gradient of 0 left over, the penalty is what remains.
    const still = run(chain(clipped({ maxNorm: 0 }), penalised({ lambda: 1 }), descent({ lr: 1 })), 1);
    expect(still.every((x) => Math.abs(x) < 1e-15)).toBe(true);
    const nothing = run(chain(penalised({ lambda: 1 }), clipped({ maxNorm: 0 }), descent({ lr: 1 })), 1);
    expect(nothing).toEqual(Object.values(parameters).flatMap(({ values }) => [...Array.from(values)]));
  });

  test("of an optimizer alone is that optimizer", () => {
    expect(run(chain(averaged()))).toEqual(run(averaged()));
  });

  test("says which part does not fit", () => {
    refuses(() => chain(averaged() as never, averaged()), "chain: part 1 is no wrapper", "an optimizer last");
    refuses(() => chain(clipped(), clipped() as never), "expected an optimizer such as");
    refuses(() => chain(clipped(), averaged as never), "the function", "call it");
    refuses(() => (chain as () => unknown)(), "expected an optimizer such as");
  });
});

describe("the objective of a penalty is part of the hyper-gradient", () => {
  const lambdas: readonly [string, (s: Setting) => Spec, number, (p: number) => number][] = [
    ["one", (s) => penalised({ lambda: s })(averaged()), 0.2, (p) => 0.2 * p],
    ["inside another wrapper", (s) => clipped()(penalised({ lambda: s })(averaged())), 0.2, (p) => 0.2 * p],
    ["around another wrapper", (s) => penalised({ lambda: s })(decayed()(averaged())), 0.2, (p) => 0.2 * p],
    [
      "one around another",
      (s) => penalised({ lambda: 0.3 })(penalised({ lambda: s })(averaged())),
      0.2,
      (p) => 0.5 * p,
    ],
  ];
  test.each(lambdas)("%s: it is contracted with g + λp", (_, build, value, penalty) => {
    for (const horizon of [1, Number.POSITIVE_INFINITY]) {
      const objective = (g: ArrayLike<number>, p: ArrayLike<number>) =>
        Array.from(g).map((x, i) => x + penalty(p[i] as number));
      const { actual, expected } = hyperGradientOf({
        build,
        name: "lambda",
        value,
        parameters,
        gradients,
        k: 3,
        horizon,
        objective,
      });
      expect(actual).toBeCloseTo(expected, 9);
      // The inner rate as well.
      const inner = (s: Setting) => penalised({ lambda: 0.2 })(averaged({ lr: s }));
      const question = { name: "lr", value: 0.1, parameters, gradients, k: 3, horizon };
      const rates = hyperGradientOf({
        ...question,
        build: inner,
        objective: (g, p) => Array.from(g).map((x, i) => x + 0.2 * (p[i] as number)),
      });
      expect(rates.actual).toBeCloseTo(rates.expected, 9);
    }
  });

  test("but with held-out gradients it is contracted with these alone", () => {
    const build = (s: Setting) => penalised({ lambda: s })(averaged());
    const heldOut = noiseFor(parameters, 9)(0);
    const { actual, expected } = hyperGradientOf({
      build,
      name: "lambda",
      value: 0.2,
      parameters,
      gradients,
      k: 3,
      heldOut,
    });
    expect(actual).toBeCloseTo(expected, 9);
    const plain = hyperGradientOf({ build, name: "lambda", value: 0.2, parameters, gradients, k: 3 });
    expect(plain.actual).not.toBeCloseTo(plain.expected, 4);
  });
});

describe("what to evaluate with", () => {
  const byName = ({ parameters }: ReturnType<typeof float64>) => parameters;

  test("is the wrapper's average; one around another sees what that one would evaluate with", () => {
    const halved = wrapper({
      name: "halved",
      hyperparameters: {},
      state: {},
      evaluation: ({ proposed }) => proposed.div(2),
    });
    const plain = float64(smoothed()(descent()), parameters);
    const around = float64(halved()(smoothed()(descent())), parameters);
    const inside = float64(smoothed()(halved()(descent())), parameters);
    const alone = float64(halved()(descent()), parameters);
    for (const each of [plain, around, inside, alone]) for (let t = 0; t < 3; t++) each.step(gradients(t));
    const expected = [...Array.from(parameters.a?.values ?? [])].map((start, i) => {
      let [p, average] = [start, start];
      for (let t = 0; t < 3; t++) {
        p -= 0.1 * (gradients(t).a?.[i] as number);
        average = 0.75 * average + 0.25 * p;
      }
      return average;
    });
    expected.forEach((x, i) => {
      expect(plain.evaluation().a?.values[i]).toBeCloseTo(x, 14);
      expect(around.evaluation().a?.values[i]).toBeCloseTo(x / 2, 14);
      expect(inside.evaluation().a?.values[i]).toBeCloseTo(x, 14);
      expect(alone.evaluation().a?.values[i]).toBeCloseTo((byName(alone).a?.values[i] as number) / 2, 14);
    });
  });
});

test("on tensors a nest of wrappers does what it does in float64, leaves nothing, and a checkpoint goes on bit for bit", async () => {
  const spec = () =>
    chain(
      smoothed({ decay: learned(0.75, descent({ lr: 1e-3 })) }),
      clipped({ maxNorm: learned(0.5, descent({ lr: 1e-2 }), { horizon: 3 }) }),
      penalised({ lambda: learned(0.1, descent({ lr: 1e-2 })) }),
      averaged({ lr: learned(0.1, descent({ lr: 1e-2 }), { per: "channel" }) }),
    );
  const before = tf.memory().numTensors;
  const w = variables({ a: [2, 3], b: [3] });
  const optimizer = hyper(spec());
  const oracle = float64(
    spec(),
    Object.fromEntries(
      Object.values(w).map((each) => [each.name, { shape: each.shape, values: each.dataSync().slice() }]),
    ),
  );
  const seen: number[] = [];
  for (let t = 0; t < 5; t++) {
    const g = noiseFor(parameters)(t);
    oracle.step(g);
    tf.tidy(() =>
      optimizer.applyGradients({
        a: tf.tensor2d(Float32Array.from(g.a ?? []), [2, 3]),
        b: tf.tensor1d(Float32Array.from(g.b ?? [])),
      }),
    );
    seen.push(tf.memory().numTensors);
  }
  expect(seen[4]).toBe(seen[2]);
  Object.values(w).forEach((each) => {
    each.dataSync().forEach((x, i) => {
      expect(x).toBeCloseTo(oracle.parameters[each.name]?.values[i] as number, 5);
    });
  });
  const resumed = hyper(spec());
  resumed.restore(await optimizer.checkpoint());
  const start = tf.tidy(() => Object.values(w).map((each) => tf.keep(each.clone())));
  step(optimizer, w, 9);
  const uninterrupted = [valuesOf(w), await optimizer.hyperparameters()];
  Object.values(w).forEach((each, i) => {
    each.assign(start[i] as tf.Tensor);
  });
  step(resumed, w, 9);
  expect([valuesOf(w), await resumed.hyperparameters()]).toEqual(uninterrupted);
  tf.dispose(start);
  optimizer.dispose();
  resumed.dispose();
  tf.dispose(w);
  expect(tf.memory().numTensors).toBe(before);
});
