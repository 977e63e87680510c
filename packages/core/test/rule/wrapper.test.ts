import {
  chain,
  type Expr,
  float64,
  groups,
  hyper,
  learned,
  minimum,
  nonNegative,
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
import { hyperGradientOf, noiseFor, parametersOf } from "../finite-differences.js";
import { averaged, descent, refuses, step, valuesOf, variables } from "../support.js";

afterEach(() => tf.disposeVariables());

const parameters = parametersOf({ a: [2, 3], b: [3] });
const gradients = noiseFor(parameters);

/** Steps of a spec in float64: the parameters, all in one row. */
function run(spec: Spec, steps = 4): number[] {
  const optimizer = float64(spec, parameters);
  for (let t = 0; t < steps; t++) optimizer.step(gradients(t));
  return Object.values(optimizer.parameters).flatMap(({ values }) => [...values]);
}

/** Clipping by the norm of the whole gradient. */
const clipped = wrapper({
  name: "clipped",
  hyperparameters: { maxNorm: nonNegative(1) },
  state: {},
  totals: { squares: ({ g }) => sum(g.square(), "tensor") },
  gradient: ({ g, maxNorm, squares }) => g.mul(minimum(1, maxNorm.div(squares.sqrt()))),
});
/** L2: a penalty λ‖p‖²/2 on the loss. */
const penalised = wrapper({
  name: "penalised",
  hyperparameters: { lambda: nonNegative(0.1) },
  gradient: ({ p, g, lambda }) => g.add(p.mul(lambda)),
  objective: ({ p, g, lambda }) => g.add(p.mul(lambda)),
  state: {},
});
/** Decoupled decay. */
const decayed = wrapper({
  name: "decayed",
  hyperparameters: { share: nonNegative(0.1) },
  state: {},
  update: ({ p, proposed, share }) => ({ p: proposed.sub(p.mul(share)) }),
});
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

describe("a wrapper is refused", () => {
  test("with a name used twice, p and what is proposed among them", () => {
    refuses(
      () => wrapper({ name: "w", hyperparameters: { x: real(1) }, state: { x: 0 } }),
      'rule "w": the name "x" is used twice',
    );
    refuses(
      () => wrapper({ name: "w", hyperparameters: { proposed: real(1) }, state: {} }),
      'the name "proposed" is used twice',
    );
    refuses(() => wrapper({ name: "w", hyperparameters: {}, state: { p: 0 } }), 'the name "p" is used twice');
  });

  test("with a default outside its domain, and settings that do not exist", () => {
    refuses(() => wrapper({ name: "w", hyperparameters: { x: nonNegative(-1) }, state: {} }), "the default of x is -1");
    refuses(() => clipped({ norm: 1 } as never), 'clipped: there is no hyperparameter "norm"', "it has maxNorm");
    refuses(() => clipped({ maxNorm: -1 }), "clipped: maxNorm is -1; expected");
  });

  test("around something that is no optimizer", () => {
    refuses(() => clipped()(descent as never), "expected an optimizer such as", "the function");
    refuses(() => clipped()(undefined as never), "expected an optimizer such as");
  });
});

describe("around an existing tf.Optimizer", () => {
  /** A tf.Optimizer by itself, given other gradients, and its proposals. */
  function compare(
    spec: (own: tf.Optimizer) => Spec,
    gradientOf: (g: tf.Tensor, p: tf.Tensor, all: tf.Tensor[]) => tf.Tensor,
    steps = 4,
  ) {
    const w = variables({ a: [2, 3], b: [3] });
    const inner = tf.train.adam(0.1);
    const optimizer = hyper(spec(inner));
    for (let seed = 1; seed <= steps; seed++) step(optimizer, w, seed);
    const actual = Object.values(valuesOf(w)).flat();
    optimizer.dispose();
    inner.dispose();
    tf.disposeVariables();
    const again = variables({ a: [2, 3], b: [3] });
    const plain = tf.train.adam(0.1);
    const wrapped: tf.Optimizer = Object.create(plain, {
      applyGradients: {
        value: (given: { name: string; tensor: tf.Tensor }[]) =>
          tf.tidy(() => {
            const all = given.map(({ tensor }) => tensor);
            const named = given.map(({ name, tensor }) => ({
              name,
              tensor: gradientOf(tensor, again[name as "a" | "b"], all),
            }));
            plain.applyGradients(named);
          }),
      },
    });
    for (let seed = 1; seed <= steps; seed++) step(wrapped, again, seed);
    const expected = Object.values(valuesOf(again)).flat();
    plain.dispose();
    tf.disposeVariables();
    expect(actual.length).toBe(expected.length);
    actual.forEach((x, i) => {
      expect(x).toBeCloseTo(expected[i] as number, 5);
    });
  }

  const norm = (all: tf.Tensor[]) => tf.sqrt(tf.addN(all.map((g) => tf.sum(tf.square(g)))));

  test("it is given the wrapper's gradient", () => {
    compare(
      (own) => clipped({ maxNorm: 0.5 })(own),
      (g, _, all) => tf.mul(g, tf.minimum(1, tf.div(0.5, norm(all)))),
    );
    compare(
      (own) => chain(penalised({ lambda: 0.5 }), own),
      (g, p) => tf.add(g, tf.mul(p, 0.5)),
    );
    compare(
      (own) => chain(own),
      (g) => g.clone(),
    );
  });

  test("its one step is one step, also where two rules stand around it", () => {
    // Were it asked once for each group, it would count two steps for one, and Adam's bias correction would be off.
    const split = wrapper({
      name: "split",
      hyperparameters: {},
      state: {},
      update: ({ proposed }) => ({ p: proposed }),
    });
    compare(
      (own) => {
        const base = chain(own);
        return split()(groups([["b", base]], decayed({ share: 0 })(base)));
      },
      (g) => g.clone(),
    );
  });

  test("a wrapper's own hyperparameter is learned from what becomes of the proposal, and one that reaches the proposal is refused", () => {
    const adam = tf.train.adam(0.1);
    const w = variables({ a: [2, 3] });
    const optimizer = hyper(decayed({ share: learned(0.1, descent({ lr: 1 })) })(adam));
    const start = [...w.a.dataSync()];
    step(optimizer, w, 1);
    const g = tf.ones([2, 3]);
    optimizer.applyGradients({ a: g });
    g.dispose();
    // ∂p′/∂share = −p; the domain ends at 0.
    const total = start.reduce((a, b) => a + b, 0);
    return optimizer.hyperparameters().then(({ a }) => {
      expect(a?.share).toBeCloseTo(Math.max(0, 0.1 + total), 5);
      optimizer.dispose();
      refuses(
        () => hyper(clipped({ maxNorm: learned(1, descent()) })(adam)),
        'maxNorm cannot be learned. What "proposed" is given depends on it, and nothing can be differentiated through that.',
        "Use a number or a schedule.",
      );
      refuses(
        () => hyper(decayed({ share: learned(1, descent(), { horizon: 3 }) })(adam)),
        "share cannot be learned with a horizon above 1.",
        "Leave horizon out.",
      );
      adam.dispose();
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
