/**
 * What is read off a study's numbers. The middle of the seeds is their median, in which a run that diverged counts as worse than any
 * other: a mean would not have a value then.
 */
import type { Base, Rate } from "./methods.ts";
import type { ProblemName } from "./problems/index.ts";
import type { Outcome, StudyResult } from "./result.ts";

/** The middle one of the values, of an even number the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const [low, high] = [sorted[Math.floor((sorted.length - 1) / 2)], sorted[Math.floor(sorted.length / 2)]];
  return low === high ? (low ?? Number.NaN) : ((low as number) + (high as number)) / 2;
}

const orInfinite = (loss: number | null): number => loss ?? Number.POSITIVE_INFINITY;

/** The final loss of a method: median, least and most over the seeds; infinite: diverged. */
export function finalLoss({ loss }: Outcome): { middle: number; least: number; most: number } {
  const values = loss.map(orInfinite);
  return { middle: median(values), least: Math.min(...values), most: Math.max(...values) };
}

/** The outcomes of one problem and base optimizer whose rate is as asked. */
export function select(
  outcomes: readonly Outcome[],
  problem: ProblemName,
  base: Base,
  matches: (rate: Rate) => boolean,
): Outcome[] {
  return outcomes.filter((o) => o.problem === problem && o.method.base === base && matches(o.method.rate));
}

/** What a grid search over the rate would choose: the least median loss, of those that were run over the whole grid. */
export function best(
  outcomes: readonly Outcome[],
  problem: ProblemName,
  base: Base,
  kind: "fixed" | "cosine",
): Outcome {
  const all = select(outcomes, problem, base, (rate) => rate.kind === kind);
  return all.reduce((a, b) => (finalLoss(b).middle < finalLoss(a).middle ? b : a));
}

/** The sweep over initial rates of a tower of some height, or at height 0 of the fixed rates. */
export function sweep(
  { outcomes, rates }: StudyResult,
  problem: ProblemName,
  base: Base,
  { tower, height }: { tower: string; height: number },
): Outcome[] {
  const found = select(outcomes, problem, base, (rate) =>
    height === 0 ? rate.kind === "fixed" : rate.kind === "tower" && rate.tower === tower && rate.height === height,
  );
  return rates.flatMap((lr) => found.find(({ method }) => method.rate.lr === lr) ?? []);
}

/** The share of the way that a start must go to count as good. */
const GOOD = 0.9;

/** How much the initial rate matters to a sweep. */
export interface Forgiveness {
  /** From how many of the starts it goes 90 % of the way from the loss before training to that of the best fixed rate. */
  readonly good: number;
  readonly of: number;
  /** Median loss over the starts: what a blind guess gets. */
  readonly typical: number;
  /** Loss from the best start. */
  readonly best: number;
}

/** How much the initial rate matters to a sweep. */
export function forgiveness(
  study: StudyResult,
  problem: ProblemName,
  base: Base,
  swept: readonly Outcome[],
): Forgiveness {
  const start = startOf(study, problem);
  const least = finalLoss(best(study.outcomes, problem, base, "fixed")).middle;
  const losses = swept.map((outcome) => finalLoss(outcome).middle);
  return {
    good: losses.filter((loss) => loss <= start - GOOD * (start - least)).length,
    of: losses.length,
    typical: median(losses),
    best: Math.min(...losses),
  };
}

/** The loss before training. */
export function startOf({ problems }: StudyResult, problem: ProblemName): number {
  return problems.find(({ name }) => name === problem)?.start ?? Number.NaN;
}

/** How many of the rates of the grid end with a larger loss than this. */
export function beats(study: StudyResult, { problem, method, ...rest }: Outcome): number {
  const own = finalLoss({ problem, method, ...rest }).middle;
  const grid = sweep(study, problem, method.base, { tower: "", height: 0 });
  return grid.filter((outcome) => finalLoss(outcome).middle > own).length;
}
