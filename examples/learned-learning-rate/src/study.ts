/**
 * The study: which method is run on which problem. In two rounds, because the second starts from what the first finds: the best fixed rate
 * of every problem and optimizer, and multiples of it.
 */
import { cpus } from "node:os";
import type { Progress } from "@hypergrad/example-kit";
import { best, median } from "./analysis.js";
import type { Base, LearnerName, Method, TowerName } from "./methods.js";
import type { Pool } from "./pool.js";
import { PROBLEM_NAMES, PROBLEMS, type ProblemName } from "./problems/index.js";
import type { Outcome, StudyResult } from "./result.js";
import type { Trajectory } from "./train.js";
import type { Job } from "./worker.js";

/** How much is done. */
export interface StudyOptions {
  readonly quick: boolean;
  readonly seeds: number;
  readonly steps: number;
  /** The initial learning rates. */
  readonly rates: readonly number[];
}

/** The initial learning rates of a full study: half decades from 1e-6 to 10. */
export const RATES: readonly number[] = Array.from({ length: 15 }, (_, i) =>
  Number((10 ** (-6 + i / 2)).toPrecision(4)),
);

/** Heights of the towers; height 0 is a fixed rate. */
const HEIGHTS = [1, 2, 3, 4] as const;
/** Base optimizers that towers are built on, and that a schedule is tuned for. */
export const TOWER_BASES: readonly Base[] = ["adam", "sgd"];
/** Where a learned run starts, as multiples of the best fixed rate. */
export const STARTS: readonly number[] = [0.01, 0.1, 1, 10];
/** The start that the curves are shown of. */
export const BAD_START = 0.01;

const ALL_BASES: readonly Base[] = ["sgd", "momentum", "adam"];
const ALL_LEARNERS: readonly LearnerName[] = ["hd", "log"];
/** Towers that are built in other ways, on Adam, from the first seed only: what else was tried. */
const OTHER_TOWERS: readonly TowerName[] = ["sgd", "adam-log", "log"];
/** The problems that have more than one tensor. */
const LAYERED: readonly ProblemName[] = ["digits", "spirals"];
/** Grains of learned rates beyond one for the model. */
const FINER = ["tensor", "channel", "element"] as const;

interface Planned {
  readonly problem: ProblemName;
  readonly method: Method;
  /** Whether the first seed is enough. */
  readonly once?: boolean;
  readonly traced?: boolean;
}

/** Everything that can be run without knowing how anything else ended. */
function firstRound(rates: readonly number[]): Planned[] {
  return PROBLEM_NAMES.flatMap((problem) =>
    rates.flatMap((lr): Planned[] => [
      ...ALL_BASES.map((base) => ({ problem, method: { base, rate: { kind: "fixed", lr } } as const })),
      ...TOWER_BASES.map((base) => ({ problem, method: { base, rate: { kind: "cosine", lr } } as const })),
      ...TOWER_BASES.flatMap((base) =>
        HEIGHTS.map((height) => ({
          problem,
          method: { base, rate: { kind: "tower", lr, tower: "adam", height } } as const,
        })),
      ),
      ...OTHER_TOWERS.flatMap((tower) =>
        HEIGHTS.map((height) => ({
          problem,
          method: { base: "adam", rate: { kind: "tower", lr, tower, height } } as const,
          once: true,
        })),
      ),
    ]),
  );
}

/** What starts from multiples of the best fixed rate, and the fixed runs from there to compare with. */
function secondRound(first: readonly Outcome[]): Planned[] {
  return PROBLEM_NAMES.flatMap((problem) =>
    ALL_BASES.flatMap((base): Planned[] => {
      const fixed = best(first, problem, base, "fixed").method.rate.lr;
      const start = (multiple: number) => Number((fixed * multiple).toPrecision(4));
      const learnedRuns = ALL_LEARNERS.flatMap((by) =>
        STARTS.map((multiple): Planned => {
          const rate = { kind: "learned", lr: start(multiple), by, per: "model" } as const;
          return { problem, method: { base, rate }, traced: true };
        }),
      );
      const finer = FINER.map((per): Planned => {
        const rate = { kind: "learned", lr: start(BAD_START), by: "log", per } as const;
        return { problem, method: { base, rate }, traced: true };
      });
      return [
        { problem, method: { base, rate: { kind: "fixed", lr: fixed } }, traced: true },
        { problem, method: { base, rate: { kind: "fixed", lr: start(BAD_START) } }, traced: true },
        ...(TOWER_BASES.includes(base) ? [{ ...best(first, problem, base, "cosine"), traced: true }] : []),
        ...learnedRuns,
        ...(LAYERED.includes(problem) && TOWER_BASES.includes(base) ? finer : []),
      ];
    }),
  );
}

/** About how long a step of each problem takes, to one another: the time that is left is told by it. */
const COST: Readonly<Record<ProblemName, number>> = { digits: 11, spirals: 9, "least-squares": 1 };

/** Of how many runs what the second round takes, before it is planned. */
function secondRoundCost(problem: ProblemName): number {
  const learnedRuns = ALL_BASES.length * (2 + ALL_LEARNERS.length * STARTS.length);
  return learnedRuns + TOWER_BASES.length * (LAYERED.includes(problem) ? 1 + FINER.length : 1);
}

/** What came of the plans of a round, and their runs. */
type Round = readonly { readonly outcome: Outcome; readonly runs: readonly Trajectory[] }[];

/** The loss of a problem before the first step. */
function startOf(name: ProblemName, round: Round): number {
  const runs = round.find(({ outcome }) => outcome.problem === name)?.runs ?? [];
  return median(runs.map(({ loss }) => loss[0] as number));
}

/**
 * Runs the study.
 *
 * @param pool Does the runs.
 * @param progressOf Starts to display progress towards a total.
 */
export async function study(
  { quick, seeds: count, steps, rates }: StudyOptions,
  pool: Pool,
  progressOf: (total: number) => Progress,
): Promise<StudyResult> {
  const started = Date.now();
  const seeds = Array.from({ length: count }, (_, i) => i + 1);
  const first = firstRound(rates);
  const jobsOf = ({ problem, method, once = false, traced = false }: Planned): Job[] =>
    (once ? seeds.slice(0, 1) : seeds).map((seed) => ({ problem, method, seed, steps, traced }));
  const costOf = (jobs: readonly Job[]) => jobs.reduce((sum, { problem }) => sum + COST[problem], 0);
  const later = count * PROBLEM_NAMES.reduce((sum, problem) => sum + COST[problem] * secondRoundCost(problem), 0);
  const progress = progressOf(costOf(first.flatMap(jobsOf)) + later);
  let done = 0;
  const round = async (planned: readonly Planned[]): Promise<Round> => {
    const jobs = planned.map(jobsOf);
    const results = await pool.runAll(jobs.flat(), ({ problem, method, seed }) => {
      done += COST[problem];
      progress.update(done, `${PROBLEMS[problem].label}, ${method.rate.kind}, seed ${seed}`);
    });
    let at = 0;
    return planned.map(({ problem, method, traced = false }, i) => {
      const runs = results.slice(at, at + (jobs[i]?.length ?? 0));
      at += runs.length;
      const loss = runs.map((run) => (run.diverged ? null : (run.loss.at(-1) ?? null)));
      return { outcome: { problem, method, loss, trajectories: traced ? runs : null }, runs };
    });
  };
  try {
    const one = await round(first);
    const outcomes = one.map(({ outcome }) => outcome);
    const two = await round(secondRound(outcomes));
    return {
      format: "hypergrad-learned-learning-rate/1",
      date: new Date(started).toISOString(),
      options: { quick, seeds: count, steps },
      seconds: (Date.now() - started) / 1000,
      machine: { node: process.version, cpu: cpus()[0]?.model ?? "unknown", cores: cpus().length },
      problems: PROBLEM_NAMES.map((name) => {
        const { label, description } = PROBLEMS[name];
        return { name, label, description, start: startOf(name, one) };
      }),
      rates,
      seeds,
      outcomes: [...outcomes, ...two.map(({ outcome }) => outcome)],
    };
  } finally {
    progress.stop();
  }
}
