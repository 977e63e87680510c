/**
 * `checkExecutorsAgree`: a rule computes the same on every backend, on every executor.
 *
 * How far float32 may be off is not guessed: the float64 computation is repeated with every elementary operation disturbed by two roundings of
 * float32, of random sign, and the largest deviation of these runs, times a safety factor, is the tolerance.
 */
import * as tf from "@tensorflow/tfjs-core";
import fc from "fast-check";
import type { Scalars } from "../executors/tfjs-executor.js";
import { anyForm } from "./forms.js";
import { type DrawnSpec, specsOf } from "./learning.js";
import { atEach, type Place, placesOf } from "./places.js";
import { inTurn, type Problem, problems } from "./problems.js";
import { roundSpecs } from "./round.js";
import { compareRounded, disturbedRuns, type Outcome, operated, type Precision } from "./rounding.js";
import { type CheckOptions, checkEachAsync } from "./run.js";
import { drawnFor, subjectOf, type Testable, unchecked } from "./subject.js";
import { type Trace, traceFloat64, traceOn, traceTfjs } from "./traces.js";

/** How executors are compared. */
export interface ExecutorOptions extends CheckOptions {
  /** Names of backends; default: all that are registered. */
  readonly backends?: readonly string[];
}

/** How the comparisons went, each of one array after one step. */
export interface ExecutorReport {
  /** Where it ran: "wasm, fused kernels". */
  readonly places: readonly string[];
  /** Compared, with a tolerance of at most 10⁻⁴ of the largest value. */
  readonly sharp: number;
  /** Compared, with a tolerance of at most 5·10⁻³. */
  readonly loose: number;
  /** Where rounding decides, or float32 overflows; their runs were followed no further. */
  readonly undecided: number;
  /** Cases that were tried, each at every place. */
  readonly cases: number;
  /** What was not checked, and why: empty where all was. */
  readonly unchecked: readonly string[];
}

type Counts = { -readonly [K in "sharp" | "loose" | "undecided"]: number };

interface Case {
  readonly with: DrawnSpec;
  readonly problem: Problem;
}

const row = (trace: Trace, t: number, name: string): ArrayLike<number> => trace[t]?.[name] as ArrayLike<number>;

/** The run that all places are compared with, and what rounding may do to it. */
interface Wanted {
  readonly expected: Trace;
  readonly disturbed: (scalars: Scalars) => readonly Trace[];
}

function wantedOf({ with: { spec }, problem }: Case): Wanted {
  const known = new Map<Scalars, readonly Trace[]>();
  return {
    expected: traceFloat64(spec, problem),
    disturbed(scalars) {
      const runs = known.get(scalars) ?? disturbedRuns(scalars, (executor) => traceOn(executor, spec, problem));
      known.set(scalars, runs);
      return runs;
    },
  };
}

async function compareAt(
  place: Place,
  one: Case,
  { expected, disturbed }: Wanted,
  counts: Counts,
  precision: Precision | undefined,
): Promise<void> {
  const { name: where, options } = place;
  const before = tf.memory().numTensors;
  const actual = await traceTfjs(one.with.spec, one.problem, options);
  const left = tf.memory().numTensors - before;
  if (left !== 0) throw new Error(`on ${where}, ${left} tensors are left behind.`);
  const runs = disturbed(options.scalars ?? "host");
  for (const [t, snapshot] of expected.entries()) {
    let decided = true;
    for (const [name, values] of Object.entries(snapshot)) {
      if (precision && !Array.from(values).every(Number.isFinite)) {
        counts.undecided++;
        return;
      }
      const others = runs.map((trace) => row(trace, t, name));
      const what = `on ${where}, ${name} after step ${t + 1}, element `;
      const outcome: Outcome = compareRounded(what, row(actual, t, name), values, others, precision);
      counts[outcome === "sharp" || outcome === "loose" ? outcome : "undecided"]++;
      if (outcome === "chance" || outcome === "overflow") decided = false;
    }
    // Tolerances that are estimated from a few runs say nothing from here on.
    if (!decided) return;
  }
}

/**
 * Checks that a rule, with its hyperparameters as numbers, schedules and learned, gives the same on every backend that is registered: with tfjs operations,
 * scalars on the host and on the device, and with the fused executor where `@hypergrad/wasm` is imported. What is the same is
 * measured by random rounding of the float64 run; the number of tensors must be what it was.
 *
 * @param rule What `rule(…)` returned, a spec, or `{ name, build, values }`.
 * @param options By default 20 cases, each at every place, with the seed 1. About three seconds for a rule of five hyperparameters with two backends, on one core: more than a test runner allows by default on a busy machine; see `budget`.
 * @throws CheckFailure with the simplest case found, both numbers, and the call that reproduces it.
 * @throws Error where no backend is registered, and where so little was compared that the check means nothing.
 */
export async function checkExecutorsAgree(rule: Testable, options: ExecutorOptions = {}): Promise<ExecutorReport> {
  const check = "checkExecutorsAgree";
  const subject = subjectOf(check, rule, options.values);
  const places = placesOf(check, options.backends);
  const counts: Counts = { sharp: 0, loose: 0, undecided: 0 };
  const precision = subject.onTensors === undefined ? undefined : operated;
  const asked = drawnFor(check, subject, { forms: anyForm, ...options.problems });
  const { whole, ...progress } = await checkEachAsync<Case>(
    {
      check,
      of: subject.name,
      options,
      runs: 20,
      cases: (turn) =>
        fc.record({ with: specsOf(subject, { descents: false }), problem: problems(inTurn(turn, asked)) }),
      simpler: (failing) => [...roundSpecs(subject, failing, options.problems)],
    },
    async (one) => {
      const wanted = wantedOf(one);
      await atEach(places, (place) => compareAt(place, one, wanted, counts, precision));
    },
  );
  if (whole && counts.sharp + counts.loose < counts.undecided) {
    throw new Error(
      `${check}: ${subject.name}: rounding decides in more than half of the comparisons: ${JSON.stringify(counts)}. Give values and problems for which the rule is well-conditioned.`,
    );
  }
  return {
    places: places.map(({ name }) => name),
    ...counts,
    ...progress,
    unchecked: [...progress.unchecked, ...unchecked.empty(subject)],
  };
}
