/**
 * `checkAgainst`: a rule against a loop over plain numbers.
 *
 * A rule that computes the wrong thing has exact derivatives of the wrong thing: only something that was written a second time, from the paper, finds a
 * missing bias correction or a norm over the wrong axis.
 */
import fc from "fast-check";
import type { Executor, Value } from "../executors/executor.js";
import { type Array64, float64Executor } from "../executors/float64-executor.js";
import type { RuleFactory } from "../rule/define.js";
import type { Spec } from "../rule/spec.js";
import { about, Mismatch, pair } from "./mismatch.js";
import { plainRun, ruleFor, slotNumbers } from "./plain.js";
import { inTurn, type Problem, type ProblemVariable, problems } from "./problems.js";
import { channelsOf } from "./reveal.js";
import { roundCases } from "./round.js";
import { disturbedRuns, double, type Outcome, operated, type Precision, toleranceOf } from "./rounding.js";
import { type CheckOptions, checkEach } from "./run.js";
import { drawnFor, type Subject, subjectOf, type Testable, unchecked } from "./subject.js";

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
  /** Cases that were tried. */
  readonly cases: number;
  /** What was not checked, and why: empty where all was. */
  readonly unchecked: readonly string[];
}

type Counts = { -readonly [K in "compared" | "undecided"]: number };

interface Case {
  readonly problem: Problem;
  readonly values: Readonly<Record<string, number>>;
}

/** The numbers of p and every slot, after every step. */
type Rows = readonly Readonly<Record<string, ArrayLike<number>>>[];

/** What the rule makes of one variable: the steps of the same run in float64, as they are and with every operation rounded at random. */
function runsOf(
  spec: Spec,
  problem: Problem,
  variable: ProblemVariable,
  precision: Precision,
): { exact: Rows; disturbed: readonly Rows[] } {
  const { spec: own, layout } = ruleFor(spec, variable);
  const rows = (executor: Executor<Array64>): Rows => {
    const run = plainRun(executor, spec, variable);
    return Array.from({ length: problem.steps }, (_, step) => {
      run.step(problem.gradients(step)[variable.name] as Float32Array);
      const values = Object.keys({ ...own.rule.state, p: 0 }).map((slot) => [
        slot,
        slotNumbers(own.rule, slot, run.values[slot] as Value<Array64>, layout),
      ]);
      return Object.fromEntries(values);
    });
  };
  return { exact: rows(float64Executor), disturbed: disturbedRuns("host", rows, precision) };
}

/** The steps of the reference on one variable; only the slots that it has. */
function* referenceRows(
  reference: Reference,
  { problem, values }: Case,
  { name, shape, channelAxes, values: start }: ProblemVariable,
  channels: number,
): Generator<Readonly<Record<string, Float64Array>>> {
  const p = Float64Array.from(start);
  const memory = new Map<string, Float64Array>();
  const state: ReferenceStep["state"] = (slot, init = 0, size = p.length) => {
    const known = memory.get(slot) ?? new Float64Array(size).fill(init);
    memory.set(slot, known);
    return known;
  };
  const channelOf = channelsOf(shape, channelAxes);
  for (let step = 0; step < problem.steps; step++) {
    const g = Float64Array.from(problem.gradients(step)[name] as Float32Array);
    reference({ p, g, t: step + 1, h: values, state, shape, channelOf, channels });
    yield { ...Object.fromEntries(memory), p };
  }
}

/** Compares one slot after one step. */
function compareSlot(
  what: string,
  mine: ArrayLike<number>,
  wanted: ArrayLike<number>,
  disturbed: readonly ArrayLike<number>[],
  precision: Precision,
): Outcome {
  const { tolerance, outcome } = toleranceOf(mine, disturbed, mine.length, precision);
  const finite = (row: ArrayLike<number>): boolean => Array.from(row).every(Number.isFinite);
  // Where the rule alone is not finite, nothing is left to chance.
  if ((outcome === "overflow" || outcome === "chance") && (finite(mine) || !finite(wanted))) return outcome;
  for (let i = 0; i < mine.length; i++) {
    const [x, y] = [mine[i] as number, wanted[i] as number];
    if (Math.abs(x - y) <= tolerance && Number.isFinite(x)) continue;
    const [found, expected] = pair(x, y);
    throw new Mismatch(
      `${what}, element ${i}, is wrong:\n  the rule gives ${found},\n  the reference ${expected} ${about(tolerance)}`,
      x,
      y,
    );
  }
  return outcome;
}

function compareVariable(
  subject: Subject,
  reference: Reference,
  one: Case,
  variable: ProblemVariable,
  counts: Counts,
): void {
  const { name } = variable;
  const spec = subject.build(one.values);
  const precision = subject.onTensors === undefined ? double : operated;
  const { spec: own, layout } = ruleFor(spec, variable);
  const { exact, disturbed } = runsOf(spec, one.problem, variable, precision);
  let step = 0;
  for (const wanted of referenceRows(reference, one, variable, layout.channels)) {
    let decided = true;
    for (const [slot, mine] of Object.entries(exact[step] as Rows[number])) {
      const expected = wanted[slot];
      if (!expected) continue;
      const what = slot === "p" ? "the new p" : `the state slot ${slot}`;
      if (mine.length !== expected.length) {
        throw new Error(
          `${what} of ${name} has ${mine.length} values, one per ${own.rule.state[slot]?.grain}; the reference has ${expected.length}. Ask for state("${slot}", init, ${mine.length}).`,
        );
      }
      const others = disturbed.map((run) => (run[step] as Rows[number])[slot] as ArrayLike<number>);
      const outcome = compareSlot(`${what} of ${name} after step ${step + 1}`, mine, expected, others, precision);
      if (outcome === "overflow" || outcome === "chance") decided = false;
      else counts.compared++;
    }
    step++;
    if (!decided) {
      counts.undecided++;
      return;
    }
  }
}

/**
 * Checks that a rule computes, at every step, what a reference does: a loop over plain numbers, written from the paper. Parameters are compared, and the
 * state slots whose names the reference uses too; in float64, so that an ε at the wrong place shows (a rule that works on tensors in float32, on the backend that is active).
 *
 * @param rule What `rule(…)` returned, a spec, or `{ name, build, values }`.
 * @param reference One step of one variable.
 * @param options By default 60 cases with the seed 1. About half a second for a rule of five hyperparameters, on one core.
 * @throws CheckFailure with the simplest case found, both numbers, and the call that reproduces it.
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
  const counts: Counts = { compared: 0, undecided: 0 };
  const asked = { maxVariables: 1, ...options.problems };
  const drawn = drawnFor(check, subject, asked);
  const { whole, ...progress } = checkEach<Case>(
    {
      check,
      of: subject.name,
      options,
      runs: 60,
      cases: (turn) => fc.record({ problem: problems(inTurn(turn, drawn)), values: fc.record({ ...subject.values }) }),
      simpler: (failing) => [...roundCases(subject, failing, asked)],
    },
    (one) => {
      for (const variable of one.problem.variables) {
        compareVariable(subject, reference as Reference, one, variable, counts);
      }
    },
  );
  if (whole && counts.compared === 0) {
    throw new Error(
      `${check}: ${subject.name}: nothing could be compared: rounding decides in every case. Give other values or problems.`,
    );
  }
  return { ...counts, ...progress, unchecked: [...progress.unchecked, ...unchecked.small(subject)] };
}
