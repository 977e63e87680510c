import { type Expr, groups, hyper, learned, nonNegative, real, rule, type Spec, slot } from "@hypergrad/core";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { averaged, descent } from "../support.js";

const by = descent();

/** What is said when an optimizer is built. */
let said: string[] = [];
const warn = vi.spyOn(console, "warn");
beforeEach(() => {
  said = [];
  warn.mockImplementation((text: string) => void said.push(text));
});
afterEach(() => warn.mockReset());

function warningsOf(spec: Spec): string[] {
  hyper(spec).dispose();
  return said;
}

/** A new name makes a new rule, of which nothing was said yet. */
const ruleOf = (name: string) =>
  rule({
    name,
    hyperparameters: {
      lr: nonNegative(0.1),
      tilt: real(0.5),
      start: real(1),
      later: real(0.5),
      never: real(1),
      scale: real(0),
    },
    state: { m: 0, old: slot("model", ({ start }) => start as Expr) },
    update({ p, g, m, old, lr, tilt, later, never, scale }) {
      const step = g.mul(lr).add(m).add(old.mul(g)).add(never.sign()).add(scale.mul(tilt));
      return { p: p.sub(step), m: g.mul(later), old };
    },
  });

test("a learned hyperparameter that acts in a later step than its horizon is told of, once, with the horizon to give", () => {
  const late = ruleOf("late");
  expect(warningsOf(late({ lr: learned(0.1, by), later: learned(0.5, by) }))).toEqual([
    "hyper: late: later is learned, but never moves with a horizon of 1: the parameter depends on it in the 2nd step at the earliest. Learn it with { horizon: 2 } or more, or make it a number or a schedule.",
  ]);
  warningsOf(late({ later: learned(0.4, by) }));
  expect(said, "a second time").toHaveLength(1);
  warningsOf(late({ later: learned(0.4, by, { horizon: 2 }) }));
  expect(said, "with that horizon").toHaveLength(1);
});

test("one that no derivative leads from is told of whatever its horizon", () => {
  const horizon = Number.POSITIVE_INFINITY;
  expect(warningsOf(ruleOf("signs")({ never: learned(1, by, { horizon }) }))).toEqual([
    "hyper: signs: never is learned, but never moves: with these settings, and at its grain, no derivative leads from it to the parameter, over however many steps. Make it a number or a schedule.",
  ]);
});

test("so is one that other settings take out of the rule", () => {
  expect(warningsOf(ruleOf("scaled")({ tilt: learned(1, by) }))[0]).toContain(
    "tilt is learned, but never moves: with these",
  );
  expect(warningsOf(ruleOf("scaled too")({ tilt: learned(1, by), scale: 1 }))).toHaveLength(1);
});

test("one that only the initial state is made of is told of: what it learns changes nothing", () => {
  expect(warningsOf(ruleOf("initial")({ start: learned(1, by) }))[0]).toContain(
    "only the state before the first step depends on it, which is made before anything is learned: it never moves. Make it a number.",
  );
  expect(warningsOf(ruleOf("initial")({ start: learned(1, by, { horizon: 3 }) }))[1]).toContain("changes nothing");
});

test("those of learners and of groups are named by their path and rule; rules in which all move say nothing", () => {
  const learner = ruleOf("learner")({ later: learned(0.5, by) });
  expect(
    warningsOf(groups([["a", averaged({ decay: learned(0.5, by) })]], descent({ lr: learned(1, learner) }))),
  ).toEqual([expect.stringContaining("hyper: learner: lr.later is learned, but never moves with a horizon of 1")]);
});
