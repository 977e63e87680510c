/**
 * `checkCheckpoint`: a run that is interrupted at any step and resumed from a checkpoint equals the uninterrupted run, bit for bit.
 */
import type * as tf from "@tensorflow/tfjs-core";
import fc from "fast-check";
import type { Checkpoint } from "../checkpoint/checkpoint.js";
import { decodeCheckpoint, encodeCheckpoint } from "../checkpoint/file.js";
import { anyForm } from "./forms.js";
import { type DrawnSpec, specsOf } from "./learning.js";
import { Mismatch, pair } from "./mismatch.js";
import { atEach, type Place, placesOf } from "./places.js";
import { areOrdinary, inTurn, type Problem, type ProblemOptions, problems } from "./problems.js";
import { roundSpecs } from "./round.js";
import { type CheckOptions, checkEachAsync } from "./run.js";
import { drawnFor, type Subject, subjectOf, type Testable, unchecked } from "./subject.js";
import { type Bench, bench, type Snapshot } from "./traces.js";

/** How checkpoints are checked. */
export interface CheckpointOptions extends CheckOptions {
  /** Names of backends; default: all that are registered. */
  readonly backends?: readonly string[];
}

/** What was checked. */
export interface CheckpointReport {
  /** Where it ran: "wasm, fused kernels". */
  readonly places: readonly string[];
  /** Runs that were interrupted and resumed, each at every place. */
  readonly cases: number;
  /** What was not checked, and why: empty where all was. */
  readonly unchecked: readonly string[];
}

interface Case {
  readonly with: DrawnSpec;
  readonly problem: Problem;
  /** How many steps are taken before the interruption. */
  readonly at: number;
  /** For every step, which variable has no gradient, if there is one of that number. */
  readonly gaps: readonly number[];
}

function gradientsOf({ problem, gaps }: Case, t: number): Record<string, ArrayLike<number>> {
  const gone = problem.variables.length > 1 ? problem.variables[gaps[t] ?? -1]?.name : undefined;
  return Object.fromEntries(Object.entries(problem.gradients(t)).filter(([name]) => name !== gone));
}

/** As after a restart of the process: nothing is left but the parameters' values and the bytes of the checkpoint. */
async function restarted(now: Bench, { with: { spec }, problem }: Case, { options }: Place): Promise<Bench> {
  let bytes: Uint8Array;
  let variables: Problem["variables"];
  try {
    bytes = encodeCheckpoint(await now.optimizer.checkpoint());
    variables = problem.variables.map((variable, i) => ({
      ...variable,
      values: Float32Array.from((now.variables[i] as tf.Variable).dataSync()),
    }));
  } finally {
    now.dispose();
  }
  const next = bench(spec, { ...problem, variables }, options);
  try {
    const checkpoint = decodeCheckpoint(bytes);
    // By name and on purpose: it may be others that have a gradient in the next step.
    const known = next.variables.filter(({ name }) => Object.hasOwn(checkpoint.variables, name));
    next.optimizer.restore(checkpoint, {
      variables: Object.fromEntries(known.map((variable) => [variable.name, variable])),
    });
  } catch (error) {
    next.dispose();
    throw error;
  }
  return next;
}

/** What there is to see in the steps from the interruption on, and the checkpoint at the end. */
async function run(one: Case, place: Place, interrupted: boolean): Promise<{ snapshots: Snapshot[]; end: Checkpoint }> {
  const { problem, at } = one;
  let now = bench(one.with.spec, problem, place.options);
  try {
    for (let t = 0; t < at; t++) now.step(gradientsOf(one, t));
    if (interrupted) now = await restarted(now, one, place);
    const snapshots: Snapshot[] = [];
    for (let t = at; t < problem.steps; t++) {
      now.step(gradientsOf(one, t));
      snapshots.push(await now.look());
    }
    return { snapshots, end: await now.optimizer.checkpoint() };
  } finally {
    now.dispose();
  }
}

function expectEqual(what: string, resumed: ArrayLike<number> | undefined, expected: ArrayLike<number>): void {
  for (let i = 0; i < Math.max(expected.length, resumed?.length ?? 0); i++) {
    if (Object.is(resumed?.[i], expected[i])) continue;
    const [x, y] = [resumed?.[i] ?? Number.NaN, expected[i] ?? Number.NaN];
    const [found, wanted] = pair(x, y);
    throw new Mismatch(
      `${what}, element ${i}, is ${found} in the resumed run and ${wanted} in the uninterrupted one`,
      x,
      y,
    );
  }
}

async function compareAt(place: Place, one: Case): Promise<void> {
  const expected = await run(one, place, false);
  const resumed = await run(one, place, true);
  const where = `on ${place.name}, interrupted after ${one.at} steps: `;
  for (const [t, snapshot] of expected.snapshots.entries()) {
    for (const [name, values] of Object.entries(snapshot)) {
      expectEqual(`${where}${name} after step ${one.at + t + 1}`, resumed.snapshots[t]?.[name], values);
    }
  }
  for (const [name, { values }] of Object.entries(expected.end.tensors)) {
    expectEqual(`${where}${name} of the checkpoint at the end`, resumed.end.tensors[name]?.values, values);
  }
}

function drawnCases(subject: Subject, asked: ProblemOptions): fc.Arbitrary<Case> {
  return fc
    .record({
      with: specsOf(subject, { descents: areOrdinary(asked) }),
      problem: problems(asked),
      at: fc.noBias(fc.nat()),
      gaps: fc.array(fc.nat({ max: 4 }), { minLength: 8, maxLength: 8 }),
    })
    .map(({ at, ...rest }) => ({ ...rest, at: at % rest.problem.steps }));
}

/**
 * Checks that a run which is resumed from the bytes of a checkpoint, at any step, equals the uninterrupted one bit for bit: with hyperparameters as
 * numbers, schedules and learned, and with variables that miss a gradient here and there.
 *
 * @param rule What `rule(…)` returned, a spec, or `{ name, build, values }`.
 * @param options By default 10 cases, each at every place, with the seed 1. About two seconds for a rule of five hyperparameters with two backends, on one core.
 * @throws CheckFailure with the simplest case found, both numbers, and the call that reproduces it.
 * @throws Error where no backend is registered.
 */
export async function checkCheckpoint(rule: Testable, options: CheckpointOptions = {}): Promise<CheckpointReport> {
  const check = "checkCheckpoint";
  const subject = subjectOf(check, rule, options.values);
  const places = placesOf(check, options.backends);
  const asked = drawnFor(check, subject, { forms: anyForm, maxSteps: 6, ...options.problems });
  const { whole: _, ...progress } = await checkEachAsync<Case>(
    {
      check,
      of: subject.name,
      options,
      runs: 10,
      cases: (turn) => drawnCases(subject, inTurn(turn, asked)),
      simpler: (failing) =>
        [...roundSpecs(subject, failing, { minSteps: 2, ...options.problems })].map((one) => ({
          ...one,
          at: Math.min(failing.at, one.problem.steps - 1),
          gaps: failing.gaps,
        })),
    },
    (one) => atEach(places, (place) => compareAt(place, one)),
  );
  return {
    places: places.map(({ name }) => name),
    ...progress,
    unchecked: [...progress.unchecked, ...unchecked.empty(subject)],
  };
}
