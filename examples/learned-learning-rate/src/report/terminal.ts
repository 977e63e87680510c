/** The study's tables for the terminal: how much the start matters, and one run against a grid search. */
import Table from "cli-table3";
import { BASES } from "../methods.ts";
import type { StudyResult } from "../result.ts";
import { STARTS, TOWER_BASES } from "../study.ts";
import { comparisons, learnedRun } from "./comparisons.ts";
import { findings, forgivenessByHeight } from "./findings.ts";
import { lossText } from "./words.ts";

const STYLE = { head: [], border: [], compact: true };

function towersTable(study: StudyResult): string {
  const table = new Table({
    head: ["good starts · loss of the median start", "fixed", "height 1", "2", "3", "4"],
    colAligns: ["left", "right", "right", "right", "right", "right"],
    style: STYLE,
  });
  for (const base of TOWER_BASES) {
    for (const { name, label } of study.problems) {
      const rows = forgivenessByHeight(study, name, base, "adam");
      table.push([
        `${label}, ${BASES[base].label}`,
        ...rows.map(({ good, of, typical }) => `${good}/${of} · ${lossText(typical)}`),
      ]);
    }
  }
  return table.toString();
}

function gridTable(study: StudyResult): string {
  const start = (multiple: number) => (multiple < 1 ? `/${Math.round(1 / multiple)}` : `x${multiple}`);
  const table = new Table({
    head: [
      "final loss",
      `best of\n${study.rates.length} runs`,
      "fixed\n/100",
      ...STARTS.map((multiple) => `log\n${start(multiple)}`),
      ...STARTS.map((multiple) => `HD\n${start(multiple)}`),
    ],
    colAligns: ["left", ...Array.from({ length: 2 + 2 * STARTS.length }, () => "right" as const)],
    style: STYLE,
  });
  for (const comparison of comparisons(study)) {
    table.push([
      comparison.label,
      lossText(comparison.fixed.loss),
      lossText(comparison.blind.loss),
      ...(["log", "hd"] as const).flatMap((by) =>
        STARTS.map((multiple) => lossText(learnedRun(comparison, by, multiple).loss)),
      ),
    ]);
  }
  return table.toString();
}

/** Tables and findings as lines of text. */
export function renderTables(study: StudyResult): string {
  const { headline, details } = findings(study);
  return [
    towersTable(study),
    "Good: 90 % of the way from the loss before training to that of the best fixed rate.",
    "",
    gridTable(study),
    "One learned run from the best fixed rate /100, /10, x1, x10. log: Adam in log; HD: hypergradient descent.",
    "",
    headline,
    ...details.map(({ subject, text }) => `· ${subject}: ${text}`),
  ].join("\n");
}
