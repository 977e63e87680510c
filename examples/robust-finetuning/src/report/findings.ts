/**
 * What the numbers say, in words. A difference between two methods is taken seed by seed (both saw the same pictures in the same
 * order from the same seed), so that what a seed does to both of them cancels; it is called clear only where it is larger than
 * twice its standard error.
 */

import type { Estimate, MethodResult, Run, StudyResult } from "../result.ts";
import { estimate, mean } from "../statistics.ts";
import { percent, percentEstimate, points, stepSeconds } from "./format.ts";

/** How a method trains, read off from what it measured: `frozen` takes no steps, `projected` learns a radius, `free` does neither. */
export type Role = "frozen" | "free" | "projected";

/** See {@link Role}. */
export function roleOf(method: MethodResult): Role {
  if (method.runs.some((run) => Object.values(run.layers).some((layer) => layer.radius.length > 0))) return "projected";
  return method.secondsPerStep > 0 ? "free" : "frozen";
}

/** The name of the domain that is fine-tuned on. */
export function finetunedDomain(result: StudyResult): string {
  return result.domains.find((domain) => domain.finetuned)?.name ?? "";
}

/** The names of the domains that are not fine-tuned on. */
export function shiftedDomains(result: StudyResult): string[] {
  return result.domains.filter((domain) => !domain.finetuned).map((domain) => domain.name);
}

/** One run's accuracy, averaged over some domains. */
export function accuracyOn(run: Run, domains: readonly string[]): number {
  return mean(domains.map((domain) => run.accuracy[domain] ?? Number.NaN));
}

/** How much more accurate one method is than another, seed by seed. */
export interface Difference extends Estimate {
  /** In how many seeds the first was more accurate. */
  wins: number;
  /** How many seeds both were trained from. */
  seeds: number;
  /** The sign of the difference if it exceeds two standard errors; 0 where it doesn't, and with one seed, which tells nothing of the error. */
  clear: -1 | 0 | 1;
}

/** Compares two methods on some domains. */
export function difference(a: MethodResult, b: MethodResult, domains: readonly string[]): Difference {
  const differences = a.runs.flatMap((run) => {
    const other = b.runs.find((candidate) => candidate.seed === run.seed);
    return other === undefined ? [] : [accuracyOn(run, domains) - accuracyOn(other, domains)];
  });
  const measured = estimate(differences);
  const isClear = measured.standardError !== null && Math.abs(measured.mean) > 2 * measured.standardError;
  return {
    ...measured,
    wins: differences.filter((value) => value > 0).length,
    seeds: differences.length,
    clear: isClear ? (measured.mean > 0 ? 1 : -1) : 0,
  };
}

/** Whether every method ran from one seed only: then there is nothing to say of seeds, and no error to compare with. */
export function ranOnce({ methods }: StudyResult): boolean {
  return methods.every(({ runs }) => runs.length < 2);
}

/** What the study found. */
export interface Findings {
  /** The one sentence to take away. */
  headline: string;
  /** What else is to be known before that sentence is repeated: the ranking, every comparison with plain fine-tuning, what it costs. */
  details: { subject: string; text: string }[];
}

/** Puts the study's result into words, from its numbers alone. */
export function findings(result: StudyResult): Findings {
  const ranked = [...result.methods].sort((a, b) => b.shifted.mean - a.shifted.mean);
  const [best, second] = ranked;
  if (best === undefined) return { headline: "No method was run.", details: [] };
  const projected = ranked.filter((method) => roleOf(method) === "projected");
  const plain = ranked.find((method) => roleOf(method) === "free");
  const frozen = ranked.find((method) => roleOf(method) === "frozen");
  const [champion] = projected;

  const details: Findings["details"] = [];
  if (second !== undefined) details.push(ranking(best, second, result));
  if (plain !== undefined) details.push(...projected.map((method) => comparison(method, plain, result)));
  if (frozen !== undefined && champion !== undefined) details.push(comparison(champion, frozen, result));
  const cost = overheadInWords(result);
  if (cost !== undefined) details.push({ subject: "What a step costs", text: cost });
  if (second !== undefined) details.push(howToRead(best.runs.length));
  return {
    headline:
      champion !== undefined && plain !== undefined
        ? verdict(champion, plain, result) + (best === plain ? "" : reservation(champion, best, result))
        : `${best.label}: ${percentEstimate(best.shifted)} % out of distribution${second === undefined ? "" : ", the highest here"}.`,
    details,
  };
}

function verdict(a: MethodResult, b: MethodResult, result: StudyResult): string {
  const shifted = difference(a, b, shiftedDomains(result));
  const size = percentEstimate({ mean: Math.abs(shifted.mean), standardError: shifted.standardError });
  const sentence = `${a.label} is ${size} points ${shifted.mean < 0 ? "worse" : "better"} than ${b.label}`;
  if (shifted.standardError === null)
    return `In one run each, which can’t tell chance from effect: out of distribution, ${sentence}.`;
  if (shifted.clear !== 0) return `Out of distribution, ${sentence}.`;
  return `No clear difference out of distribution: ${a.label} against ${b.label} is ${points(shifted)} points, within the error.`;
}

/** The headline is about FTP and plain fine-tuning: where something else is clearly better than both, it has to say so. */
function reservation(champion: MethodResult, best: MethodResult, result: StudyResult): string {
  const ahead = difference(best, champion, shiftedDomains(result));
  return ahead.clear > 0 ? ` Still better, by ${percentEstimate(ahead)} points: ${inSentence(best)}.` : "";
}

function ranking(best: MethodResult, second: MethodResult, result: StudyResult): Findings["details"][number] {
  const domains = shiftedDomains(result);
  const gap = difference(best, second, domains);
  return {
    subject: `Highest mean accuracy on the ${domains.length} other domains`,
    text:
      `${best.label} with ${percentEstimate(best.shifted)} %, before ${inSentence(second)} with ${percentEstimate(second.shifted)} % ` +
      `(${points(gap)} points${clarity(gap, ", ")}).`,
  };
}

function comparison(a: MethodResult, b: MethodResult, result: StudyResult): Findings["details"][number] {
  const shifted = difference(a, b, shiftedDomains(result));
  const inside = difference(a, b, [finetunedDomain(result)]);
  const worse = shiftedDomains(result).flatMap((domain) => {
    const here = difference(a, b, [domain]);
    return here.clear < 0 ? [`${domain} (${points(here)})`] : [];
  });
  const wins = shifted.seeds > 1 ? `; higher in ${shifted.wins} of ${shifted.seeds} seeds` : "";
  return {
    subject: `${a.label} against ${inSentence(b)}`,
    text:
      `${points(shifted)} points out of distribution${clarity(shifted, " (", `${wins})`)}, ` +
      `${points(inside)} in distribution${clarity(inside, " (", ")")}.` +
      (worse.length === 0 ? "" : ` Clearly worse on ${worse.join(", ")}.`),
  };
}

/** What a training step costs with each method, compared with plain fine-tuning; undefined where there is nothing to compare. */
export function overheadInWords(result: StudyResult): string | undefined {
  const plain = result.methods.find((method) => roleOf(method) === "free");
  const compared = result.methods.filter(({ overhead }) => overhead !== null);
  if (!plain || compared.length === 0) return undefined;
  const each = compared.map((method) => `${inSentence(method)} ${costs(method.overhead as number)}`);
  return `A training step with ${plain.label} takes ${stepSeconds(plain.secondsPerStep)} s; with ${each.join(", with ")}.`;
}

/** By how much longer a step takes, in words. */
function costs(overhead: number): string {
  const percent = Math.round(1000 * overhead) / 10;
  return `${Math.abs(percent).toFixed(1)} % ${percent < 0 ? "less" : "more"} time`;
}

/** How sure a difference is, between what is put around it; nothing where no error is known. */
function clarity({ clear, standardError }: Difference, before: string, after = ""): string {
  if (standardError === null) return "";
  const words = clear === 0 ? "within the error" : clear > 0 ? "clearly higher" : "clearly lower";
  return `${before}${words}${after}`;
}

function howToRead(seeds: number): Findings["details"][number] {
  const caution = seeds < 5 ? ", which with so few seeds is itself only roughly known" : "";
  return {
    subject: "How to read this",
    text:
      seeds < 2
        ? "Every method ran once, so it is not known what chance alone does: run each several times before believing a difference."
        : `± is one standard error over ${seeds} seeds. Differences are taken seed by seed; clear means more than two standard errors${caution}.`,
  };
}

/** A method's label within a sentence: what is not an optimizer's name begins small. */
function inSentence(method: MethodResult): string {
  return roleOf(method) === "frozen" ? method.label.charAt(0).toLowerCase() + method.label.slice(1) : method.label;
}

/** Is there anything to measure? */
export interface PreconditionInWords {
  state: "holds" | "fails" | "unknown";
  title: string;
  text: string;
}

/** What plain fine-tuning has to cost out of distribution, as a share, for robustness to be worth comparing. */
const LEAST_COST = 0.01;

/** Does plain fine-tuning cost accuracy out of distribution, by a point at least and, where that is known, by more than chance does? */
export function costsRobustness(probe: MethodResult, finetuned: MethodResult, domains: readonly string[]): boolean {
  const cost = difference(probe, finetuned, domains);
  return cost.mean >= LEAST_COST && (cost.standardError === null || cost.clear > 0);
}

/** Puts into words whether plain fine-tuning cost accuracy out of distribution, without which robustness can't be compared. */
export function preconditionInWords({ precondition }: StudyResult): PreconditionInWords {
  if (precondition === null) {
    return {
      state: "unknown",
      title: "Not checked: is there anything to measure?",
      text: "To know what fine-tuning costs, the linear probe and plain fine-tuning must both be among the methods.",
    };
  }
  const { probe, finetuned, holds } = precondition;
  const change = (key: "inDistribution" | "shifted") =>
    `from ${percent(probe[key])} to ${percent(finetuned[key])} % (${points({ mean: finetuned[key] - probe[key], standardError: null })} points)`;
  const cost = finetuned.shifted < probe.shifted ? "costs too little accuracy" : "costs no accuracy";
  return {
    state: holds ? "holds" : "fails",
    title: holds
      ? "There is something to measure: plain fine-tuning costs accuracy out of distribution."
      : `This run does not test robustness: plain fine-tuning ${cost} out of distribution.`,
    text:
      `From the linear probe to plain fine-tuning, accuracy goes ${change("shifted")} out of distribution ` +
      `and ${change("inDistribution")} in distribution.`,
  };
}
