/**
 * The invariants of `checkInvariants` that need no backend: one row each.
 */

import { float64Executor } from "../executors/float64-executor.js";
import { type Grain, grains } from "../expression/grain.js";
import { planOf } from "../plan/plan.js";
import { inDomain } from "../rule/domain.js";
import { learned } from "../rule/learned.js";
import type { Rule } from "../rule/rule.js";
import { constant } from "../rule/schedule.js";
import { ruleSpecsOf, type Setting, type Spec } from "../rule/spec.js";
import { idle, learnedAll, slow, slowTower, wild } from "./learned-all.js";
import { plans } from "./learning.js";
import { numbersOf, type PlainRun, plainRun, programsOf, ruleFor, updateProgram } from "./plain.js";
import type { Problem, ProblemVariable } from "./problems.js";
import { runFloat64 } from "./reveal.js";
import { roundingExecutor } from "./rounding.js";
import { expectSame } from "./same.js";
import type { Subject } from "./subject.js";
import { type Snapshot, type Trace, traceFloat64 } from "./traces.js";
import { alone, emptied, type Gaps, withGaps } from "./variations.js";

/** A case for all invariants. */
export interface InvariantCase {
  readonly problem: Problem;
  readonly values: Readonly<Record<string, number>>;
  /** Other values for the same hyperparameters. */
  readonly other: Readonly<Record<string, number>>;
  /** Chooses among grains and coordinates. */
  readonly rotation: number;
  /** In which steps a variable has no gradient. */
  readonly gone: Gaps;
}

/** What was seen in some case. */
export interface Seen {
  /** Hyperparameters that were given another value, and those that changed something. */
  readonly tried: Set<string>;
  readonly moved: Set<string>;
  /** State slots, and those that are read. */
  readonly slots: Set<string>;
  readonly read: Set<string>;
}

/** Throws an Error that says what is wrong. */
type Invariant = (subject: Subject, one: InvariantCase, seen: Seen) => void;

/** An invariant's name; see `checkInvariants`. */
export type InvariantName =
  | "complete"
  | "finite"
  | "pure"
  | "written"
  | "idle"
  | "tower"
  | "domain"
  | "apart"
  | "order"
  | "empty"
  | "effective"
  | "memory";

/** What a trace says of the parameters. */
const parametersOf = (trace: Trace): Trace =>
  trace.map((snapshot) => Object.fromEntries(Object.entries(snapshot).filter(([name]) => !name.includes("."))));

/** What the model is to be evaluated with at the end. */
const evaluationOf = (spec: Spec, problem: Problem): Snapshot => {
  if (!ruleSpecsOf(spec).some(({ rule }) => rule.evaluation)) return {};
  return Object.fromEntries(
    Object.entries(runFloat64(spec, problem, problem.steps).evaluation()).map(([name, p]) => [name, p.values]),
  );
};

/** The hyperparameters that the rules of a spec constrain: learned, they are not what they are as numbers. */
function writtenIn(spec: Spec): Set<string> {
  return new Set(
    ruleSpecsOf(spec).flatMap(({ rule }) =>
      [...updateProgram(rule, "inputs").outputs.keys()].filter((name) => name in rule.hyperparameters),
    ),
  );
}

/** The programs of a rule as text: equal for equal programs. */
const textOf = (rule: Rule): string =>
  programsOf(rule, "inputs")
    .map(
      ({ instructions, outputs }) =>
        instructions.map(({ kind, operands, grain }) => `${JSON.stringify(kind)} ${operands} ${grain}`).join("\n") +
        [...outputs].join(" "),
    )
    .join("\n");

/** Every variable of a problem with its rule at work on it, and its gradients. */
function eachRun(
  problem: Problem,
  run: (variable: ProblemVariable) => PlainRun,
  look: (run: PlainRun, step: number, variable: ProblemVariable, written: ReturnType<PlainRun["step"]>) => void,
): void {
  for (const variable of problem.variables) {
    const mine = run(variable);
    for (let step = 0; step < problem.steps; step++) {
      const written = mine.step(problem.gradients(step)[variable.name] as Float32Array);
      look(mine, step, variable, written);
    }
  }
}

const rowsOf = ({ values }: PlainRun): Snapshot =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [name, numbersOf(value)]));

/** All invariants on numbers, by name. */
export const invariants: Readonly<Record<Exclude<InvariantName, "effective" | "memory">, Invariant>> = {
  complete(subject, { values }) {
    for (const ruleSpec of ruleSpecsOf(subject.build(values))) planOf(ruleSpec);
  },

  finite(subject, { problem, values }) {
    const spec = subject.build(values);
    for (const sign of [1, -1] as const) {
      eachRun(
        problem,
        (variable) => plainRun(roundingExecutor("device", 1, sign), spec, variable),
        (run, step, variable) => {
          for (const [name, value] of Object.entries(rowsOf(run))) {
            const wrong = Array.from(value).find((x) => !Number.isFinite(x));
            if (wrong === undefined) continue;
            const what = name === "p" ? "the new p" : `the state slot ${name}`;
            throw new Error(
              `${what} of ${variable.name} is ${wrong} in float32 after step ${step + 1}, with gradients that are ${problem.kind}`,
            );
          }
        },
      );
    }
  },

  pure(subject, { problem, values, other }, seen) {
    const spec = subject.build(values);
    for (const { rule } of ruleSpecsOf(spec)) {
      const text = textOf(rule);
      if (text !== textOf(rule)) {
        throw new Error(`update of ${rule.name} returns something else when it is called again: it keeps something`);
      }
      for (const slot of Object.keys(rule.state)) {
        seen.slots.add(slot);
        if (text.includes(JSON.stringify({ op: "input", name: slot }))) seen.read.add(slot);
      }
    }
    const traced = (constants: boolean): Trace => {
      const trace: Snapshot[] = [];
      eachRun(
        problem,
        (variable) => plainRun(float64Executor, spec, variable, constants),
        (run) => trace.push(rowsOf(run)),
      );
      return trace;
    };
    const expected = traced(false);
    // Operators run in float32, and may magnify what the last digits of their inputs are.
    const tolerance = subject.onTensors === undefined ? 1e-9 : 1e-3;
    expectSame(
      "the same rule with its hyperparameters as numbers instead of inputs",
      traced(true),
      expected,
      tolerance,
    );
    const first = traceFloat64(spec, problem);
    for (const [name, value] of Object.entries(other)) {
      if (value === values[name]) continue;
      seen.tried.add(name);
      const changed = subject.build({ ...values, [name]: value });
      try {
        expectSame("", parametersOf(traceFloat64(changed, problem)), parametersOf(first));
        expectSame("", [evaluationOf(changed, problem)], [evaluationOf(spec, problem)]);
      } catch {
        seen.moved.add(name);
      }
    }
    expectSame("the same run once more", traceFloat64(subject.build(values), problem), first);
  },

  written(subject, { problem, values }) {
    const spec = subject.build(values);
    eachRun(
      problem,
      (variable) => plainRun(float64Executor, spec, variable),
      (_, step, variable, written) => {
        const { rule } = ruleFor(spec, variable).spec;
        for (const [name, value] of Object.entries(written)) {
          const domain = rule.hyperparameters[name]?.domain;
          const outside = domain && Array.from(numbersOf(value)).find((h) => !inDomain(h, domain));
          if (outside === undefined) continue;
          throw new Error(
            `update writes ${outside} to ${name} in step ${step + 1}, for ${variable.name}; expected ${domain?.description}`,
          );
        }
      },
    );
  },

  idle(subject, one) {
    const { problem, values } = one;
    const numbers = subject.build(values);
    const expected = parametersOf(traceFloat64(numbers, problem));
    const scheduled = Object.entries(values).map(([name, value]): [string, Setting] => [name, constant(value)]);
    const schedules = subject.build(Object.fromEntries(scheduled));
    expectSame("with constant schedules in place of numbers", traceFloat64(schedules, problem), expected);
    const learning = learnedAll(subject, one, idle, { leave: writtenIn(numbers) });
    expectSame("with a learner that does nothing in place of numbers", traceFloat64(learning, problem), expected);
  },

  tower(subject, one) {
    const without = learnedAll(subject, one, slow);
    const top = learnedAll(subject, one, slowTower);
    expectSame(
      "with a learner on top that does nothing",
      traceFloat64(top, one.problem),
      traceFloat64(without, one.problem),
    );
  },

  domain(subject, one) {
    for (const by of wild) {
      const spec = learnedAll(subject, one, by);
      for (const [t, snapshot] of traceFloat64(spec, one.problem).entries()) {
        for (const [key, values] of Object.entries(snapshot)) {
          const name = key.slice(key.indexOf(".") + 1);
          const domain = subject.domains[name];
          const outside = domain && Array.from(values).find((h) => !inDomain(h, domain));
          if (outside === undefined) continue;
          throw new Error(`${key} is ${outside} after step ${t + 1}; expected ${domain?.description}`);
        }
      }
    }
  },

  apart(subject, one) {
    const { problem, values, rotation, gone } = one;
    // A total over all variables is there to make them depend on each other.
    if (ruleSpecsOf(subject.build(values)).some(({ rule }) => Object.keys(rule.stages ?? {}).length > 0)) return;
    const grain = grains[1 + (rotation % 3)] as Grain;
    for (const spec of [subject.build(values), learnedAll(subject, one, slow, { grain })]) {
      for (const reverse of [false, true]) {
        const together = traceFloat64(spec, withGaps(problem, gone, reverse)).slice(-1);
        for (const i of problem.variables.keys()) {
          const single = traceFloat64(spec, alone(problem, i, gone)).slice(-1);
          const what = `${problem.variables[i]?.name} beside other variables, ${reverse ? "in reverse order" : "in order"}, compared with it alone`;
          expectSame(what, together, single);
        }
      }
    }
  },

  order(subject, { problem, values, gone }) {
    // Smooth gradients, and each hyperparameter as the rule declares it: what covers the model is learned by all variables together.
    if (problem.kind !== "noise" && problem.kind !== "drift") return;
    const settings = Object.entries(values).map(([name, value]): [string, Setting] => [name, learned(value, slow)]);
    const spec = subject.build(Object.fromEntries(settings));
    if (!plans(spec)) return;
    const [forward, back] = [false, true].map((reverse) => traceFloat64(spec, withGaps(problem, gone, reverse)));
    expectSame("with the variables in reverse order", back as Trace, forward as Trace, 1e-7);
  },

  empty(subject, one) {
    const problem = emptied(one.problem, subject.accepts);
    for (const spec of [subject.build(one.values), learnedAll(subject, one, slow)]) {
      for (const [t, snapshot] of traceFloat64(spec, problem).entries()) {
        for (const [name, values] of Object.entries(snapshot)) {
          if (Array.from(values).every(Number.isFinite)) continue;
          throw new Error(`${name} is not finite after step ${t + 1}, where tensors have no elements, or one`);
        }
      }
    }
  },
};
