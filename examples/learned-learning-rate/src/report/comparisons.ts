/** One learned run beside a grid search, for every problem and optimizer: the numbers of the second part, which tables, captions and words share. */
import { beats, best, finalLoss, select } from "../analysis.ts";
import { BASES, type Base, type LearnerName } from "../methods.ts";
import type { ProblemName } from "../problems/index.ts";
import type { Outcome, StudyResult } from "../result.ts";
import { BAD_START, STARTS } from "../study.ts";

/** A learned run from a multiple of the best fixed rate. */
export interface LearnedRun {
  readonly by: LearnerName;
  readonly multiple: number;
  readonly outcome: Outcome;
  readonly loss: number;
  /** How many rates of the grid end with a larger loss. */
  readonly beats: number;
}

/** One problem and base optimizer. */
export interface Comparison {
  readonly problem: ProblemName;
  readonly base: Base;
  readonly label: string;
  /** Runs of the grid search. */
  readonly runs: number;
  readonly fixed: { readonly outcome: Outcome; readonly lr: number; readonly loss: number };
  /** The same bad start, without learning. */
  readonly blind: { readonly outcome: Outcome; readonly loss: number };
  readonly cosine: { readonly outcome: Outcome; readonly lr: number; readonly loss: number } | null;
  readonly learned: readonly LearnedRun[];
}

/** The same outcome, in the version that has its trajectories. */
function traced(study: StudyResult, { problem, method }: Outcome): Outcome {
  const { base, rate } = method;
  const same = select(study.outcomes, problem, base, (other) => JSON.stringify(other) === JSON.stringify(rate));
  const found = same.find(({ trajectories }) => trajectories !== null);
  if (!found) throw new Error(`${problem}, ${base}: no trajectory of ${JSON.stringify(rate)}.`);
  return found;
}

/** A rate as the study writes it. */
const rounded = (lr: number): number => Number(lr.toPrecision(4));

function compare(study: StudyResult, problem: ProblemName, base: Base): Comparison {
  const fixed = traced(study, best(study.outcomes, problem, base, "fixed"));
  const { lr } = fixed.method.rate;
  const find = (matches: Parameters<typeof select>[3]): Outcome | undefined =>
    select(study.outcomes, problem, base, matches).find(({ trajectories }) => trajectories !== null);
  const blind = find((rate) => rate.kind === "fixed" && rate.lr === rounded(lr * BAD_START)) as Outcome;
  const tuned = find((rate) => rate.kind === "cosine");
  return {
    problem,
    base,
    label: `${study.problems.find(({ name }) => name === problem)?.label}, ${BASES[base].label}`,
    runs: study.rates.length,
    fixed: { outcome: fixed, lr, loss: finalLoss(fixed).middle },
    blind: { outcome: blind, loss: finalLoss(blind).middle },
    cosine: tuned ? { outcome: tuned, lr: tuned.method.rate.lr, loss: finalLoss(tuned).middle } : null,
    learned: (["hd", "log"] as const).flatMap((by) =>
      STARTS.flatMap((multiple): LearnedRun[] => {
        const outcome = find(
          (rate) =>
            rate.kind === "learned" && rate.per === "model" && rate.by === by && rate.lr === rounded(lr * multiple),
        );
        if (!outcome) return [];
        return [{ by, multiple, outcome, loss: finalLoss(outcome).middle, beats: beats(study, outcome) }];
      }),
    ),
  };
}

/** Every problem with every base optimizer. */
export function comparisons(study: StudyResult): Comparison[] {
  return study.problems.flatMap(({ name }) =>
    (["sgd", "momentum", "adam"] as const).map((base) => compare(study, name, base)),
  );
}

/** The learned run of a comparison. */
export function learnedRun({ learned }: Comparison, by: LearnerName, multiple: number): LearnedRun {
  const found = learned.find((run) => run.by === by && run.multiple === multiple);
  if (!found) throw new Error(`There is no run learned by ${by} from ${multiple} of the best fixed rate.`);
  return found;
}

/** The last learning rate of an outcome's first parameter, by seed. */
export function lastRates({ trajectories }: Outcome): number[] {
  return (trajectories ?? []).map(({ lr }) => Object.values(lr)[0]?.at(-1) ?? Number.NaN);
}
