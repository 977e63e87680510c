/**
 * What the checks say when they fail reproduces the failure, and what they are given wrong is refused with the reason.
 */
import "@tensorflow/tfjs-backend-cpu";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { nonNegative, real, rule, select, stopGradient } from "../../src/index.js";
import {
  type CheckOptions,
  checkAgainst,
  checkCheckpoint,
  checkExecutorsAgree,
  checkHypergradients,
  checkInvariants,
  gradientKinds,
  hyperparametersOf,
  problems,
  type Reference,
  type Testable,
} from "../../src/testing/index.js";
import { expectReadable, failureOf } from "./failures.js";
import { adam, adamReference, layerwise, layerwiseReference, momentum, rmsprop, rmspropReference } from "./rules.js";

/** Calls that fail, with options. */
const failing: Readonly<Record<string, (options: CheckOptions) => unknown>> = {
  checkAgainst: (options) => checkAgainst(rmsprop({ initial: 1 }), rmspropReference, options),
  checkHypergradients: (options) =>
    checkHypergradients(adam({ m: ({ m, beta1 }, g) => m.mul(stopGradient(beta1)).add(g) }), options),
  checkInvariants: (options) => checkInvariants(rmsprop({ denominator: (v) => v.sqrt() }), options),
  checkCheckpoint: (options) => {
    const it: Testable = {
      name: "restless",
      build: () => {
        let asked = 0;
        const restless = (t: number): number => {
          asked = t === 0 ? 0 : asked + 1;
          return 0.1 / (1 + asked);
        };
        return momentum()({ lr: restless });
      },
      values: { lr: 0.1 },
    };
    return checkCheckpoint(it, options);
  },
};

describe.each(Object.keys(failing))("a failure of %s", (name) => {
  const check = failing[name] as (options: CheckOptions) => unknown;

  test("prints the call that reproduces it, the same in every run", async () => {
    const failure = await failureOf(() => check({}));
    const [, printed] = /which check\w+\(rule, (\{.*\})\) reproduces/.exec(failure.message) ?? [];
    expect(printed).toBe(`{ seed: 1, path: "${failure.path}" }`);
    const again = await failureOf(() => check({ seed: failure.seed, path: failure.path }));
    expect(again.message).toBe(failure.message);
  });

  test("says that the other options are needed too", async () => {
    const options = { problems: { maxSteps: 3 } };
    const failure = await failureOf(() => check({ ...options, seed: 7 }));
    expect(failure.message).toContain("(rule, { ...options, seed: 7, path: ");
    const again = await failureOf(() => check({ ...options, seed: failure.seed, path: failure.path }));
    expect(again.message).toBe(failure.message);
  });
});

test("a failure is a small case in round numbers", async () => {
  const failure = await failureOf(() => checkAgainst(adam({ correction1: () => 1 }), adamReference));
  expectReadable(failure);
  expect(failure.message).toMatch(
    /in the case \{"problem":\{"a":\{"shape":\[\],"values":\[0\.5\],"gradients":\[\[1\.5\]\]\}\},"values":\{"lr":0\.5,"beta1":0\.75,/,
  );
});

describe("round numbers", () => {
  test("are of the values that were given, where they were", async () => {
    const values = { lr: fc.constantFrom(0.123456789, 0.3), beta1: 0.9, beta2: fc.constant(0.987654321) };
    const { message } = await failureOf(() => checkAgainst(adam({ correction1: () => 1 }), adamReference, { values }));
    expect(message).toMatch(/"values":\{"lr":0\.3,"beta1":0\.9,"beta2":0\.987654321,"eps":\S+,"weightDecay":\S+\}/);
  });

  test("are of the shapes that were asked for, where they were", async () => {
    const forms = fc.constant({ shape: [2, 3], channelAxes: [0] });
    const { message } = await failureOf(() =>
      checkAgainst(layerwise({ per: "tensor" }), layerwiseReference, { problems: { forms, kinds: ["drift"] } }),
    );
    expect(message).toMatch(/"a":\{"shape":\[2,3\],"channelAxes":\[0\],"values":\[\S+\],"gradients":/);
  });

  test("give way to drawn ones where they do not show the mistake", async () => {
    const only = (x: number) =>
      rule({
        name: "only",
        hyperparameters: { lr: nonNegative(0.1) },
        state: {},
        // Wrong where a gradient is none of the round numbers.
        update: ({ p, g, lr }) => ({ p: p.sub(g.mul(lr)).add(select(g.mul(2).sub(g.mul(2).floor()).equal(0), 0, x)) }),
      });
    const reference: Reference<"lr"> = ({ p, g, h }) => {
      for (let i = 0; i < p.length; i++) p[i] = p[i]! - h.lr * g[i]!;
    };
    const { message } = await failureOf(() => checkAgainst(only(1), reference, { problems: { kinds: ["noise"] } }));
    expect(message).toMatch(/"problem":\{"forms":\[\{"shape":\[\]\}\],"steps":2,"kind":"noise","seed":0\}/);
  });
});

describe("what is given wrong is refused", () => {
  const sgd = momentum();

  test.each([
    [
      undefined,
      "checkHypergradients: got undefined; expected what rule(…) returned, a spec such as adamw(), or { name, build, values }.",
    ],
    [() => 1, "without a rule; expected what rule(…) returned"],
    [{}, "got an object without a rule"],
  ])("%s for a rule", (given, message) => {
    expect(() => checkHypergradients(given as unknown as Testable)).toThrow(message);
  });

  test("a hyperparameter that the rule does not have", () => {
    expect(() => checkHypergradients(sgd, { values: { rate: 1 } })).toThrow(
      'values: momentum has no hyperparameter "rate"; it has lr, momentum.',
    );
    expect(() => checkHypergradients(sgd, { straightThrough: ["radius"] })).toThrow(
      'checkHypergradients: momentum has no hyperparameter "radius"; it has lr, momentum.',
    );
  });

  test("a backend that is not there", async () => {
    await expect(checkExecutorsAgree(sgd, { backends: ["webgpu"] })).rejects.toThrow(
      'checkExecutorsAgree: the backend "webgpu" is not registered. Import one, such as "@tensorflow/tfjs-backend-cpu"',
    );
  });

  test("a reference that is no function", () => {
    expect(() => checkAgainst(sgd, undefined as never)).toThrow("the reference is undefined; expected a function");
  });

  test.each([
    [{ budget: 0 }, "budget is 0; expected milliseconds, a number > 0."],
    [{ budget: Number.NaN }, "budget is NaN; expected"],
    [{ runs: 0.5 }, "runs is 0.5; expected a whole number ≥ 1."],
    [{ seed: "a" as never }, 'seed is "a"; expected a whole number.'],
    [{ path: "a" }, 'path is "a"; expected what a failure printed, such as "4:0:1".'],
  ])("the options %j", (options, message) => {
    expect(() => checkHypergradients(sgd, options)).toThrow(`checkHypergradients: ${message}`);
  });

  test("a value outside its domain", () => {
    expect(() => checkHypergradients(sgd, { values: { momentum: 2 } })).toThrow(
      "momentum is 2; expected a number from 0",
    );
  });
});

test("a check that compares nothing says so", () => {
  const kinky = rule({
    name: "kinky",
    hyperparameters: { lr: nonNegative(0.1), threshold: real(0) },
    state: {},
    update: ({ p, g, lr, threshold }) => ({ p: p.sub(g.mul(lr).mul(threshold.abs().add(1))) }),
  });
  expect(() => checkHypergradients(kinky, { values: { threshold: 0 } })).toThrow(
    /kinky: nothing could be compared for threshold: .*The rule has a kink wherever it was looked at/,
  );
  expect(checkHypergradients(kinky).kinks).toBeGreaterThan(0);
});

test("straightThrough and delayed hyperparameters are left alone", () => {
  const passed = rule({
    name: "passed",
    hyperparameters: { lr: nonNegative(0.1), scale: real(1) },
    state: {},
    update: ({ p, g, lr, scale }) => ({ p: p.sub(g.mul(lr).mul(stopGradient(scale))) }),
  });
  expect(() => checkHypergradients(passed)).toThrow("the hyper-gradient of scale");
  expect(checkHypergradients(passed, { straightThrough: ["scale"] }).compared).toBeGreaterThan(100);
});

describe("what is drawn", () => {
  test("hyperparameters stay in their domains, and reach the ends that rules must bear", () => {
    const drawn = fc.sample(hyperparametersOf(adam()), { seed: 1, numRuns: 500 });
    for (const { lr, beta1, eps } of drawn) {
      expect(lr).toBeGreaterThanOrEqual(0);
      expect(beta1).toBeGreaterThanOrEqual(0);
      expect(beta1).toBeLessThan(1);
      expect(eps).toBeGreaterThan(0);
    }
    expect(drawn.some(({ lr }) => lr === 0)).toBe(true);
    expect(drawn.some(({ beta2 }) => beta2 === 0)).toBe(true);
    expect(drawn.some(({ beta2 }) => (beta2 as number) > 0.998)).toBe(true);
    expect(drawn.some(({ eps }) => (eps as number) > 1e-3)).toBe(true);
  });

  test("hyperparameters can be given", () => {
    const [drawn] = fc.sample(hyperparametersOf(adam(), { lr: 0.5, beta1: fc.constant(0.25) }), 1);
    expect(drawn).toMatchObject({ lr: 0.5, beta1: 0.25 });
  });

  test("gradients come in every kind, the same at every call, and tie where that is asked for", () => {
    const drawn = fc.sample(problems(), { seed: 1, numRuns: 300 });
    expect(new Set(drawn.map(({ kind }) => kind))).toEqual(new Set(gradientKinds));
    for (const { gradients } of drawn) expect(gradients(1)).toEqual(gradients(1));
    const ties = fc.sample(problems({ kinds: ["ties"] }), { seed: 1, numRuns: 100 });
    const pairs = ties.flatMap(({ gradients }) => {
      const [before, now] = [gradients(0).a ?? [], gradients(1).a ?? []];
      return Array.from(now, (x, i) => [before[i] as number, x] as const);
    });
    expect(pairs.some(([before, now]) => before === now)).toBe(true);
    expect(pairs.some(([before, now]) => before === -now)).toBe(true);
    expect(pairs.some(([before, now]) => before !== now && Math.abs(now / before - 1) < 2 ** -22)).toBe(true);
    expect(pairs.some(([, now]) => now === 0)).toBe(true);
  });
});
