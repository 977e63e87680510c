/**
 * `checkAgainst`: a rule against a loop over plain numbers.
 *
 * A rule that computes the wrong thing has exact derivatives of the wrong thing: only something that was written a second time, from the paper, finds a
 * missing bias correction or a norm over the wrong axis.
 */
import fc from "fast-check";
import { float64Executor } from "../executors/float64-executor.js";
import type { RuleFactory } from "../rule/define.js";
import { type numbersOf, plainRun, ruleFor, slotNumbers } from "./plain.js";
import { type Problem, type ProblemVariable, problems } from "./problems.js";
import { channelsOf } from "./reveal.js";
import { disturbedRuns, double, type Outcome, toleranceOf } from "./rounding.js";
import { type CheckOptions, checkEach } from "./run.js";
import { type Subject, subjectOf, type Testable } from "./subject.js";

/** One step of one variable, for a reference. */
export interface ReferenceStep<Names extends string = string> {
  /** The parameter, in row-major order; to be changed in place. */
  readonly p: Float64Array;
  /** The gradient. */
  readonly g: Float64Array;
  /** The step count, 1 at the first step. */
  readonly t: number;
  /** The hyperparameters. */
  readonly h: Readonly<Record<Names, number>>;
  /**
   * The reference's own memory of this variable, to be changed in place: an array of `size` numbers (default: as many as p), all `init` (default 0) when it is first asked
   * for. Where the rule has a slot of the same name, the two are compared.
   */
  readonly state: (name: string, init?: number, size?: number) => Float64Array;
  /** The shape of p. */
  readonly shape: readonly number[];
  /** For every element of p, the number of its output channel. */
  readonly channelOf: readonly number[];
  /** The number of output channels. */
  readonly channels: number;
}

/** A step of an optimizer as a loop over plain numbers. */
export type Reference<Names extends string = string> = (step: ReferenceStep<Names>) => void;

/** How the comparisons with a reference went. */
export interface AgainstReport {
  /** Arrays that were compared to float64 precision. */
  readonly compared: number;
  /** Arrays in which rounding decides, such as the sign of a sum that is 0 but for rounding; their runs were followed no further. */
  readonly undecided: number;
  /** Cases that were drawn. */
  readonly cases: number;
}

type Counts = { -readonly [K in keyof AgainstReport]: number };

interface Case {
  readonly problem: Problem;
  readonly values: Readonly<Record<string, number>>;
}

/** The numbers of p and every slot, after every step. */
type Rows = readonly Readonly<Record<string, ArrayLike<number>>>[];

function compareVariable(
  subject: Subject,
  reference: Reference,
  { problem, values }: Case,
  variable: ProblemVariable,
  counts: Counts,
): void {
  const { name, shape } = variable;
  const spec = subject.build(values);
  const { spec: own, layout } = ruleFor(spec, variable);
  const slots = [...Object.keys(own.rule.state), "p"];
  const gradients = Array.from({ length: problem.steps }, (_, step) => problem.gradients(step)[name] as Float32Array);
  const rows = (executor: Parameters<typeof plainRun>[0]): Rows => {
    const run = plainRun(executor, spec, variable);
    return gradients.map((g) => {
      run.step(g);
      return Object.fromEntries(
        slots.map((slot) => [
          slot,
          slotNumbers(own.rule, slot, run.values[slot] as Parameters<typeof numbersOf>[0], layout),
        ]),
      );
    });
  };
  const exact = rows(float64Executor);
  const disturbed = disturbedRuns("host", rows, double);

  const p = Float64Array.from(variable.values);
  const memory = new Map<string, Float64Array>();
  const state: ReferenceStep["state"] = (slot, init = 0, size = p.length) => {
    const known = memory.get(slot) ?? new Float64Array(size).fill(init);
    memory.set(slot, known);
    return known;
  };
  const channelOf = channelsOf(shape, variable.channelAxes);
  for (const [step, g] of gradients.entries()) {
    reference({
      p,
      g: Float64Array.from(g),
      t: step + 1,
      h: values,
      state,
      shape,
      channelOf,
      channels: layout.channels,
    });
    let outcome: Outcome = "sharp";
    for (const slot of slots) {
      const wanted = slot === "p" ? p : memory.get(slot);
      if (!wanted) continue;
      const mine = (exact[step] as Rows[number])[slot] as ArrayLike<number>;
      const others = disturbed.map((run) => (run[step] as Rows[number])[slot] as ArrayLike<number>);
      const what = slot === "p" ? "the new p" : `the state slot ${slot}`;
      if (mine.length !== wanted.length) {
        throw new Error(
          `${what} of ${name} has ${mine.length} values, one per ${own.rule.state[slot]?.grain}; the reference has ${wanted.length}. Ask for state("${slot}", init, ${mine.length}).`,
        );
      }
      const found = toleranceOf(mine, others, mine.length, double);
      if (found.outcome === "overflow" || found.outcome === "chance") {
        outcome = found.outcome;
        // Where the rule alone is not finite, nothing is left to chance.
        const finite = (row: ArrayLike<number>): boolean => Array.from(row).every(Number.isFinite);
        if (finite(mine) || !finite(wanted)) continue;
      } else counts.compared++;
      for (let i = 0; i < mine.length; i++) {
        const [x, y] = [mine[i] as number, wanted[i] as number];
        if (Math.abs(x - y) <= found.tolerance && Number.isFinite(x)) continue;
        throw new Error(
          `${what}, element ${i} of ${name}, is wrong after step ${step + 1}:\n  the rule gives ${x},\n  the reference ${y} ± ${found.tolerance}`,
        );
      }
    }
    if (outcome !== "sharp") {
      counts.undecided++;
      return;
    }
  }
}

/**
 * Checks that a rule computes, at every step, what a reference does: a loop over plain numbers, written from the paper. Parameters are compared, and the
 * state slots whose names the reference uses too; in float64, so that an ε at the wrong place shows.
 *
 * @param rule What `rule(…)` returned, a spec, or `{ name, build, values }`.
 * @param reference One step of one variable.
 * @param options By default 60 cases with the seed 1.
 * @throws CheckFailure with the smallest case found, both numbers, and the call that reproduces it.
 */
export function checkAgainst<Names extends string>(
  rule: RuleFactory<Names> | Testable,
  reference: Reference<Names>,
  options: CheckOptions = {},
): AgainstReport {
  const check = "checkAgainst";
  if (typeof reference !== "function") {
    throw new Error(
      `${check}: the reference is ${String(reference)}; expected a function such as ({ p, g, h }) => { … }.`,
    );
  }
  const subject = subjectOf(check, rule, options.values);
  const counts: Counts = { compared: 0, undecided: 0, cases: 0 };
  const cases: fc.Arbitrary<Case> = fc.record({
    problem: problems({ maxVariables: 1, ...options.problems }),
    values: fc.record({ ...subject.values }),
  });
  checkEach({ check, of: subject.name, cases, options, runs: 60 }, (one) => {
    counts.cases++;
    for (const variable of one.problem.variables) {
      compareVariable(subject, reference as Reference, one, variable, counts);
    }
  });
  if (options.path === undefined && counts.compared === 0) {
    throw new Error(
      `${check}: ${subject.name}: nothing could be compared: rounding decides in every case. Give other values or problems.`,
    );
  }
  return counts;
}
