/**
 * Comparing an executor with a recording: every parameter, radius and hyperparameter, after every step.
 */
import type { Spec } from "@hypergrad/core";
import type { Executor, State } from "./executors.js";
import { expectedHyperparameters } from "./gdtuo.js";
import { toTorch } from "./layouts.js";
import {
  type Precision,
  type RecordedCase,
  type RecordedState,
  type Spread,
  type Tolerance,
  toleranceOf,
} from "./recorded.js";
import { specOf, tensorsByName } from "./specs.js";

/** How one case went. */
export interface Comparison {
  readonly name: string;
  /** How many numbers were compared. */
  readonly numbers: number;
  /** The largest error as a share of its tolerance: more than 1 is a failure. */
  readonly worst: number;
  /** What went wrong first, in words: the case, the step, the number, what was expected, what came. */
  readonly failure: string | undefined;
}

/** Holds numbers against the recorded ones. */
class Gauge {
  numbers = 0;
  worst = 0;
  failure: string | undefined;
  private readonly tolerance: Tolerance;

  constructor(tolerance: Tolerance) {
    this.tolerance = tolerance;
  }

  /** Compares one number. What is no number, or not there, is further off than any number. */
  compare(kind: keyof Spread, where: string, expected: number | undefined, got: unknown): void {
    this.numbers++;
    const allowed = this.tolerance(kind, expected ?? 0);
    const error = typeof got === "number" && expected !== undefined ? Math.abs(got - expected) : Number.NaN;
    const share = Number.isNaN(error) ? Number.POSITIVE_INFINITY : error / allowed;
    this.worst = Math.max(this.worst, share);
    if (share > 1)
      this.fail(`${where}: expected ${expected}, got ${got}, which is off by ${error}; allowed is ${allowed}`);
  }

  /** Notes what went wrong, unless something did before. */
  fail(what: string): void {
    this.failure ??= what;
    this.worst = Math.max(this.worst, Number.POSITIVE_INFINITY);
  }
}

function compareState(
  gauge: Gauge,
  recorded: RecordedCase,
  step: number,
  { parameters, hyperparameters }: State,
): void {
  const { params, gamma, hypers: recordedHypers } = recorded.trajectory[step] as RecordedState;
  const learnedOf = (name: string): Record<string, number> => {
    if ("tower" in recorded.options) return expectedHyperparameters(recorded, step, name);
    return recordedHypers.lr === undefined ? {} : { lr: recordedHypers.lr };
  };
  recorded.names.forEach((name, i) => {
    const where = `step ${step + 1}, ${name}`;
    const expected = params[i] as readonly number[];
    const got = toTorch(parameters[name] as State["parameters"][string]).values;
    gauge.compare("params", `${where}, number of entries`, expected.length, got.length);
    expected.forEach((value, entry) => {
      gauge.compare("params", `${where}[${entry}]`, value, got[entry]);
    });

    const hypers = hyperparameters[name] ?? {};
    // An excluded parameter has no radius, neither there nor here.
    const radius = gamma[i] ?? undefined;
    if (radius !== undefined || hypers.radius !== undefined)
      gauge.compare("gamma", `${where}, radius`, radius, hypers.radius);
    for (const [hyper, value] of Object.entries(learnedOf(name)))
      gauge.compare("hypers", `${where}, ${hyper}`, value, hypers[hyper]);
  });
}

/**
 * Runs a case and compares the state after every step.
 *
 * @param dtype The element type of the recording.
 * @param spec The optimizer; default: the recorded one's equal.
 */
export async function compareCase(
  recorded: RecordedCase,
  dtype: Precision,
  { run, precision }: Executor,
  spec?: Spec,
): Promise<Comparison> {
  const { name, grads, trajectory, params0 } = recorded;
  const gauge = new Gauge(toleranceOf(recorded, dtype, precision));
  let step = 0;
  try {
    const gradients = grads.map((tensors) => tensorsByName(recorded, tensors));
    for await (const state of run(spec ?? specOf(recorded), tensorsByName(recorded, params0), gradients)) {
      compareState(gauge, recorded, step, state);
      step++;
    }
    if (step === 0 || step !== trajectory.length) gauge.fail(`took ${step} steps of ${trajectory.length}`);
  } catch (error) {
    gauge.fail(`step ${step + 1}: ${error instanceof Error ? error.stack : error}`);
  }
  const { numbers, worst, failure } = gauge;
  return { name, numbers, worst, failure: failure && `${name}, ${failure}` };
}

/** The failures of several cases as one message, each case with the first thing that went wrong; empty where none failed. */
export function failuresOf(comparisons: readonly Comparison[]): string {
  const failures = comparisons.flatMap(({ failure }) => failure ?? []);
  return failures.length === 0
    ? ""
    : `${failures.length} of ${comparisons.length} cases failed:\n${failures.join("\n")}`;
}
