/**
 * Which hyperparameters anything can move is worked out from a rule's text; here a learner goes by the sign of the hyper-gradient, so that every one that is not 0 shows.
 */
import { learned, type RuleSpec, type Spec } from "@hypergrad/core";
import { problems } from "@hypergrad/core/testing";
import { sgd } from "@hypergrad/optimizers";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Reach, reachesAtOnce, reachOf } from "../../../core/src/plan/reach.js";
import { runFloat64, valuesAt } from "../../../core/src/testing/reveal.js";
import type { Optimizer } from "./bases.js";
import { optimizers, valuesOf } from "./optimizers.js";

const horizons = [1, 2, Number.POSITIVE_INFINITY];

const cases = fc.sample(fc.record({ problem: problems({ maxVariables: 2 }), seed: fc.nat() }), {
  seed: 2,
  numRuns: 40,
});

/** The rule of the variables that have all hyperparameters. */
function ruleOf(spec: Spec): RuleSpec {
  if (spec.kind === "rule") return spec;
  return ruleOf(spec.kind === "choice" ? spec.otherwise : spec.spec);
}

function specOf({ build }: Optimizer, values: Readonly<Record<string, number>>, name: string, horizon: number): Spec {
  const by = sgd({ lr: 1e-3 });
  const value = values[name] as number;
  return build({ ...values, [name]: learned(value, by, { per: "model", horizon, gradient: (d) => d.sign() }) });
}

/** Whether what can move a hyperparameter is within its horizon. */
function within(horizon: number, { step, start }: Reach): boolean {
  return (step !== undefined && step <= horizon) || (start !== undefined && start <= horizon);
}

// Inside a projection a rule stays what it is; Adam shows that.
describe.each(optimizers.filter(({ ftp, name }) => !ftp || name.includes("(adam)")))("of $name", (optimizer) => {
  test.each(Object.keys(optimizer.values))("%s moves if, and only if, the rule's text says so", (name) => {
    for (const horizon of horizons) {
      let expected = false;
      let moved = false;
      for (const [i, { problem, seed }] of cases.entries()) {
        // The rest is for what moves in few cases, such as a bound.
        if (i >= 4 && expected === moved) break;
        const [values] = fc.sample(valuesOf(optimizer), { seed, numRuns: 1 }) as [Record<string, number>];
        const spec = specOf(optimizer, values, name, horizon);
        const reach = reachOf(ruleOf(spec), name);
        if (horizon === 1) expect(reachesAtOnce(ruleOf(spec), name)).toBe(reach.step === 1);
        const may = within(horizon, reach);
        expected ||= may;
        const after = runFloat64(spec, problem, (optimizer.steps ?? 6) + 2);
        const does = [...valuesAt(after, problem, name, "model").values()].some((value) => value !== values[name]);
        if (!may) expect(does, `with a horizon of ${horizon} it moved, in ${problem}`).toBe(false);
        moved ||= does;
      }
      expect(moved, `with a horizon of ${horizon}`).toBe(expected);
    }
  });
});
