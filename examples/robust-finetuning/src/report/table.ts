/** The study's table for the terminal: one row a method, one column a domain, the best accuracy out of distribution in bold. */

import { stripVTControlCharacters } from "node:util";
import Table from "cli-table3";
import type { Estimate, StudyResult } from "../result.ts";
import { finetunedDomain, preconditionInWords, shiftedDomains } from "./findings.ts";
import { percentEstimate, stepCost } from "./format.ts";

/** How the terminal is drawn on. */
export interface TableOptions {
  /** Whether bold may be used. @defaultValue whether the standard output is a terminal with colours (NO_COLOR is respected) */
  colors?: boolean;
  /** Columns of text that fit; where the table would be wider, cells take two lines. @defaultValue the terminal's */
  width?: number;
}

/** The accuracy table as lines of text; percent, ± standard error over the seeds. */
export function renderTable(result: StudyResult, options: TableOptions = {}): string {
  const { colors = hasColors(), width = process.stdout.columns ?? Number.POSITIVE_INFINITY } = options;
  const bold = (text: string) => (colors ? `\u001b[1m${text}\u001b[22m` : text);
  const best = Math.max(...result.methods.map((method) => method.shifted.mean));
  const domains = [finetunedDomain(result), ...shiftedDomains(result)];

  const draw = (
    cell: (value: Estimate) => string,
    label: (text: string) => string,
    cost: (text: string) => string,
  ): string => {
    const [inside, ...outside] = domains;
    const table = new Table({
      head: ["accuracy in %", `${inside}\n(fine-tuned)`, ...outside, "mean of\nthe others", "s/step"],
      colAligns: ["left", ...domains.map(() => "right" as const), "right", "right"],
      style: { head: [], border: [], compact: true },
    });
    for (const method of result.methods) {
      const mean = cell(method.shifted);
      table.push([
        label(method.label),
        ...domains.map((domain) => cell(method.accuracy[domain] ?? { mean: Number.NaN, standardError: null })),
        method.shifted.mean === best ? mean.split("\n").map(bold).join("\n") : mean,
        cost(stepCost(method)),
      ]);
    }
    return table.toString();
  };

  const same = (text: string): string => text;
  const wide = draw(percentEstimate, same, same);
  return widthOf(wide) <= width
    ? wide
    : draw(
        (value) => percentEstimate(value).replace(" ± ", "\n± "),
        inLines,
        (text) => text.replace(/ \((.*)\)/, "\n$1"),
      );
}

/** Did plain fine-tuning lose accuracy out of distribution, so that there is something to measure? Two lines of text. */
export function renderPrecondition(result: StudyResult): string {
  const { title, text } = preconditionInWords(result);
  return `${title}\n${text}`;
}

function hasColors(): boolean {
  return process.stdout.isTTY === true && process.stdout.hasColors();
}

function widthOf(text: string): number {
  return Math.max(...text.split("\n").map((line) => stripVTControlCharacters(line).length));
}

/** Breaks a label between words into lines of about 18 characters. */
function inLines(label: string): string {
  return label.replace(/(.{12,18}) /g, "$1\n");
}
