/** What the numbers say, in words: nothing here is known before the study has run. */
import type { Grain } from "@hypergrad/core";
import { type Forgiveness, finalLoss, forgiveness, median, select, sweep } from "../analysis.ts";
import { BASES, type Base, LEARNERS, type TowerName } from "../methods.ts";
import type { ProblemName } from "../problems/index.ts";
import type { Outcome, StudyResult } from "../result.ts";
import { BAD_START, TOWER_BASES } from "../study.ts";
import { ALL_HEIGHTS } from "./charts/sweep.ts";
import { type Comparison, comparisons, lastRates, learnedRun } from "./comparisons.ts";
import { counted, listed, lossText, times } from "./words.ts";

/** A subject and what was found of it. */
export interface Finding {
  readonly subject: string;
  readonly text: string;
}

/** Whether every run was made from one seed only: then there is nothing to say of seeds. */
export function ranOnce({ seeds }: StudyResult): boolean {
  return seeds.length < 2;
}

/** How much the start matters, by height. */
export function forgivenessByHeight(
  study: StudyResult,
  problem: ProblemName,
  base: Base,
  tower: TowerName,
): ({ readonly height: number } & Forgiveness)[] {
  return ALL_HEIGHTS.map((height) => ({
    height,
    ...forgiveness(study, problem, base, sweep(study, problem, base, { tower, height })),
  }));
}

const TALLEST = 4;

/** Good starts of fixed rates and of the tallest tower, over all problems. */
function goodStarts(study: StudyResult, base: Base): { plain: number; tall: number; of: number } {
  const good = goodByHeight(study, base, "adam");
  return { plain: good[0] ?? 0, tall: good[TALLEST] ?? 0, of: study.problems.length * study.rates.length };
}

/** Good starts by height, over all problems. */
function goodByHeight(study: StudyResult, base: Base, tower: TowerName): number[] {
  const byProblem = study.problems.map(({ name }) => forgivenessByHeight(study, name, base, tower));
  return ALL_HEIGHTS.map((height) => byProblem.reduce((sum, rows) => sum + (rows[height]?.good ?? 0), 0));
}

/** What a way to build towers comes to on Adam, over all problems. */
export function towerInWords(study: StudyResult, tower: TowerName): string {
  const [plain, ...higher] = goodByHeight(study, "adam", tower);
  return `Good starts of ${study.problems.length * study.rates.length}: ${plain} fixed, and ${higher.join(", ")} with heights 1 to 4.`;
}

/** What one chart of a sweep shows. */
export function sweepInWords(study: StudyResult, problem: ProblemName, base: Base, tower: TowerName): string {
  const rows = forgivenessByHeight(study, problem, base, tower);
  const [plain, tall] = [rows[0], rows[TALLEST]];
  if (!plain || !tall) return "";
  const price =
    tall.best <= 1.05 * plain.best
      ? `at its best start the tower of four ends at ${lossText(tall.best)}, the best fixed rate at ${lossText(plain.best)}`
      : `the price: at its best start the tower of four ends at ${lossText(tall.best)}, ${times(tall.best / plain.best)} the ${lossText(plain.best)} of the best fixed rate`;
  return `Good starts of ${plain.of}: ${plain.good} fixed, and ${rows
    .slice(1)
    .map(({ good }) => good)
    .join(
      ", ",
    )} with heights 1 to 4. A start in the middle ends at ${lossText(plain.typical)} fixed, ${lossText(tall.typical)} with height four; ${price}.`;
}

function towersFinding(study: StudyResult, base: Base): Finding {
  const { plain, tall, of } = goodStarts(study, base);
  const worse = study.problems.filter(({ name }) => {
    const rows = forgivenessByHeight(study, name, base, "adam");
    return (rows[TALLEST]?.best ?? 0) > 1.05 * (rows[0]?.best ?? 0);
  });
  const text = `of ${of} starts, ${plain} are good with a fixed rate and ${tall} with a tower of four.`;
  const price =
    worse.length === 0
      ? "Nowhere is its best loss more than 5 % above that of the best fixed rate."
      : `A well-chosen fixed rate is still better by more than 5 % on ${listed(worse.map(({ label }) => label.toLowerCase()))}.`;
  return { subject: `Towers on ${BASES[base].label}`, text: `${text} ${price}` };
}

function oneLevelFinding(study: StudyResult): Finding {
  const good = goodByHeight(study, "adam", "log");
  return {
    subject: "One level on Adam",
    text: `with the learner that the guide recommends, Adam in log from a rate of 0.05, ${ranOnce(study) ? "" : "from the first seed "}${good[1]} of ${study.problems.length * study.rates.length} starts are good with one level, and ${good[TALLEST]} with four.`,
  };
}

function gridFinding(all: readonly Comparison[]): Finding {
  const runs = all.map((comparison) => ({ comparison, run: learnedRun(comparison, "log", BAD_START) }));
  const improved = runs.filter(({ comparison, run }) => run.loss < comparison.blind.loss).length;
  const matched = runs.filter(({ comparison, run }) => run.loss <= 1.05 * comparison.fixed.loss).length;
  const middle = median(runs.map(({ run }) => run.beats));
  const grid = all[0]?.runs ?? 0;
  return {
    subject: "One run against a grid",
    text: `started a hundred times below the best rate, one run learned by Adam in log ends below the same rate left alone in ${improved} of ${all.length} cases, below ${middle} of the grid’s ${grid} rates in the median case, and within 5 % of the best of ${grid} runs in ${matched} of ${all.length}.`,
  };
}

function highStartFinding(all: readonly Comparison[]): Finding {
  const ends = (by: "hd" | "log"): string => {
    const runs = all.map((comparison) => ({ comparison, run: learnedRun(comparison, by, 10) }));
    const worse = runs.filter(({ run }) => run.loss > (run.outcome.trajectories?.[0]?.loss[0] ?? 0)).length;
    const better = runs.filter(({ comparison, run }) => run.loss < comparison.fixed.loss).length;
    return `${LEARNERS[by].label} ends above the loss before training in ${worse} of ${all.length} cases and below the best of the grid in ${better}`;
  };
  return {
    subject: "Starts that are too large",
    text: `started ten times above the best rate, ${ends("log")}; ${ends("hd")}.`,
  };
}

function shortSightFinding(all: readonly Comparison[]): Finding {
  const runs = all.map((comparison) => ({ comparison, run: learnedRun(comparison, "log", 1) }));
  const worse = runs.filter(({ comparison, run }) => run.loss > 1.05 * comparison.fixed.loss).length;
  const lowered = runs.filter(({ comparison, run }) => median(lastRates(run.outcome)) < comparison.fixed.lr).length;
  const tuned = all.filter(({ cosine }) => cosine);
  const beaten = tuned.filter(
    (comparison) => (comparison.cosine?.loss ?? 0) < learnedRun(comparison, "log", 1).loss,
  ).length;
  return {
    subject: "Short sight",
    text: `started at the best rate itself, learning ends with a rate below it in ${lowered} of ${all.length} cases and with a loss more than 5 % higher than leaving it alone in ${worse}. A cosine schedule, tuned by ${counted(all[0]?.runs ?? 0, "run")}, ends lower than it in ${beaten} of ${tuned.length}.`,
  };
}

/** One grain of learned rates, and how it ended. */
interface GrainRow {
  readonly per: Grain;
  readonly outcome: Outcome;
  readonly loss: number;
}

/** A problem and an optimizer of which finer grains were run. */
export interface Grained {
  readonly problem: ProblemName;
  readonly base: Base;
  readonly label: string;
  readonly rows: GrainRow[];
}

/** Loss by grain of what Adam in log learned from the bad start; only of problems that have several tensors. */
function grains(study: StudyResult, problem: ProblemName, base: Base): GrainRow[] {
  return (["model", "tensor", "channel", "element"] as const).flatMap((per) => {
    const found = select(
      study.outcomes,
      problem,
      base,
      (rate) => rate.kind === "learned" && rate.by === "log" && rate.per === per,
    );
    // Of one rate for the model there are several starts; the least is the bad one.
    const outcome = found.sort((a, b) => a.method.rate.lr - b.method.rate.lr)[0];
    return outcome ? [{ per, outcome, loss: finalLoss(outcome).middle }] : [];
  });
}

/** The problems and optimizers of which finer grains were run. */
export function grained(study: StudyResult): Grained[] {
  return study.problems.flatMap(({ name, label }) =>
    TOWER_BASES.flatMap((base) => {
      const rows = grains(study, name, base);
      return rows.length > 1 ? [{ problem: name, base, label: `${label}, ${BASES[base].label}`, rows }] : [];
    }),
  );
}

function grainsFinding(study: StudyResult): Finding {
  const cases = grained(study);
  const winners = cases.map(({ label, rows }) => {
    const least = rows.reduce((a, b) => (b.loss < a.loss ? b : a));
    return `${least.per} (${label})`;
  });
  const tensor = cases.filter(({ rows }) => {
    const [model, perTensor] = [rows[0], rows[1]];
    return (perTensor?.loss ?? 0) < (model?.loss ?? 0);
  }).length;
  return {
    subject: "Grains",
    text: `one learned rate for each tensor ends lower than one for the model in ${tensor} of ${cases.length} cases. The grain with the least loss: ${listed(winners)}.`,
  };
}

/** The study in one sentence, and in some more. */
export function findings(study: StudyResult): { headline: string; details: Finding[] } {
  const all = comparisons(study);
  const { plain, tall, of } = goodStarts(study, "adam");
  return {
    headline: `Of ${of} initial learning rates for Adam from 1e-6 to 10, ${plain} end well when they stay as they are, and ${tall} when a tower of four learners moves them.`,
    details: [
      ...TOWER_BASES.map((base) => towersFinding(study, base)),
      oneLevelFinding(study),
      gridFinding(all),
      highStartFinding(all),
      shortSightFinding(all),
      grainsFinding(study),
    ],
  };
}
