/**
 * A learned value never leaves its domain, whatever its hyper-gradient is; what is not finite is not applied, and is counted.
 */
import { float64, isLearned, learned, type Spec } from "@hypergrad/core";
import { anyForm, type Problem, problems, random } from "@hypergrad/core/testing";
import { adam, sgd } from "@hypergrad/optimizers";
import * as tf from "@tensorflow/tfjs-core";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Domain, inDomain } from "../../../core/src/rule/domain.js";
import { ruleSpecsOf } from "../../../core/src/rule/spec.js";
import { bench, type Snapshot, traceFloat64, traceTfjs } from "../../../core/src/testing/traces.js";
import { check, checkAsync } from "../../../core/test/check.js";
import { optimizers } from "./optimizers.js";
import { places } from "./places.js";
import { type Drawn, specs } from "./specs.js";

/** The domain of every learned hyperparameter of a spec, those of its learners included, by name (`lr`, `lr.lr`, …). */
function domainsOf(spec: Spec): Map<string, Domain> {
  const result = new Map<string, Domain>();
  for (const { rule, settings } of ruleSpecsOf(spec)) {
    for (const [name, setting] of Object.entries(settings)) {
      if (!isLearned(setting)) continue;
      result.set(name, rule.hyperparameters[name]!.domain);
      for (const [upper, domain] of domainsOf(setting.by)) result.set(`${name}.${upper}`, domain);
    }
  }
  return result;
}

/** Learners that overshoot: whatever they are given, they move by far too much. */
const wild: fc.Arbitrary<Drawn<Spec>> = fc.constantFrom(
  { it: sgd({ lr: 1e6 }), text: "sgd(1e6)" },
  { it: sgd({ lr: 1e12, momentum: 0.9 }), text: "sgd(1e12, momentum)" },
  { it: adam({ lr: 30 }), text: "adam(30)" },
  { it: adam({ lr: 1e30 }), text: "adam(1e30)" },
  { it: sgd({ lr: learned(1, sgd({ lr: 1e3 })) }), text: "sgd(learned by sgd(1e3))" },
  {
    it: adam({ lr: learned(1, adam({ lr: 100 }), { in: "log" }), beta1: learned(0.9, sgd({ lr: 10 })) }),
    text: "adam(learned)",
  },
);

/** The problem with each step's gradients multiplied by a power of ten of their own. */
function violent(problem: Problem, largest: number, seed: number): Problem {
  return {
    ...problem,
    gradients: (step) => {
      const factor = 10 ** Math.round((2 * random(seed, step)() - 1) * largest);
      return Object.fromEntries(
        Object.entries(problem.gradients(step)).map(([name, g]) => [name, Float64Array.from(g, (x) => x * factor)]),
      );
    },
  };
}

const cases = (largest: number) =>
  fc.record({
    spec: specs({ from: optimizers, learners: wild }),
    problem: fc
      .tuple(problems({ forms: anyForm, kinds: ["noise", "sparse", "flips", "zero"], maxSteps: 6 }), fc.nat())
      .map(([problem, seed]) => violent(problem, largest, seed)),
  });

function expectInDomain(snapshot: Snapshot, domains: ReadonlyMap<string, Domain>, step: number): void {
  for (const [key, values] of Object.entries(snapshot)) {
    const domain = domains.get(key.slice(key.indexOf(".") + 1));
    if (!domain) continue;
    const outside = Array.from(values).find((h) => !inDomain(h, domain));
    if (outside !== undefined) expect.fail(`${key} is ${outside} after step ${step}; its domain is ${domain.name}`);
  }
}

describe("a learned value stays in its domain", () => {
  test("in float64", () => {
    check(cases(200), 300, ({ spec: { it: spec }, problem }) => {
      const domains = domainsOf(spec);
      traceFloat64(spec, problem).forEach((snapshot, step) => {
        expectInDomain(snapshot, domains, step);
      });
    });
  });

  test.each(places)("on %s", async (_, backend, options) => {
    await tf.setBackend(backend);
    await checkAsync(cases(30), 40, async ({ spec: { it: spec }, problem }) => {
      const domains = domainsOf(spec);
      // Where a rate is wild, parameters overflow too.
      (await traceTfjs(spec, problem, { ...options, onNonFinite: "skip" })).forEach((snapshot, step) => {
        expectInDomain(snapshot, domains, step);
      });
    });
  });
});

describe("a hyper-gradient that is not finite is not applied, and is counted", () => {
  /** Learns a rate per tensor, by a learner with a memory that one infinite gradient would spoil. */
  const spec = sgd({ lr: learned(0.5, adam({ lr: 0.1 }), { per: "tensor" }) });
  /** Two scalars; the product of two gradients of `a` overflows, in float64 or float32, where both are large. */
  const large = (bits: number, which: readonly boolean[]) => (t: number) => ({
    a: [which[t] ? 2 ** (0.6 * bits) : 1e-3],
    b: [1],
  });
  const cases = fc.array(fc.boolean(), { minLength: 3, maxLength: 7 });
  const overflows = (which: readonly boolean[]): number => which.filter((now, t) => now && which[t - 1]).length;

  test("in float64", () => {
    check(cases, 50, (which) => {
      const optimizer = float64(spec, { a: { shape: [], values: [0] }, b: { shape: [], values: [0] } });
      const alone = float64(spec, { b: { shape: [], values: [0] } });
      which.forEach((_, t) => {
        const { a, b } = large(1024, which)(t);
        const before = optimizer.hyperparameters().a?.lr;
        optimizer.step({ a, b });
        alone.step({ b });
        if (which[t] && which[t - 1]) expect(optimizer.hyperparameters().a?.lr).toBe(before);
        expect(optimizer.hyperparameters().b).toEqual(alone.hyperparameters().b);
      });
      expect(optimizer.refusedHyperGradients).toBe(overflows(which));
    });
  });

  test.each(places)("on %s", async (_, backend, options) => {
    await tf.setBackend(backend);
    await checkAsync(cases, 15, async (which) => {
      const form = { shape: [], channelAxes: undefined, values: new Float32Array(1) };
      const gradients = (t: number) => {
        const { a, b } = large(128, which)(t);
        return { a: Float32Array.from(a), b: Float32Array.from(b) };
      };
      const variables = [
        { ...form, name: "a" },
        { ...form, name: "b" },
      ];
      const problem: Problem = { variables, steps: which.length, kind: "noise", channelAxis: {}, gradients };
      const { optimizer, step, look, dispose } = bench(spec, problem, options);
      try {
        for (let t = 0; t < which.length; t++) {
          const before = t > 0 ? (await look())["a.lr"] : undefined;
          step(gradients(t));
          if (which[t] && which[t - 1]) expect((await look())["a.lr"]).toEqual(before);
        }
        expect(await optimizer.nonFinite()).toEqual({ steps: 0, hyperGradients: overflows(which), variables: [] });
      } finally {
        dispose();
      }
    });
  });
});
