/** The report's tables. */
import { type Html, html, significant } from "@hypergrad/example-kit";
import { BASES, LEARNERS } from "../methods.ts";
import type { StudyResult } from "../result.ts";
import { STARTS, TOWER_BASES } from "../study.ts";
import { type Comparison, comparisons, learnedRun } from "./comparisons.ts";
import { forgivenessByHeight, grained } from "./findings.ts";
import { lossText } from "./words.ts";

/** Good starts, median and best loss by height of the tower. */
export function towersTable(study: StudyResult): Html {
  const rows = TOWER_BASES.flatMap((base) =>
    study.problems.map(({ name, label }) => ({
      label: `${label}, ${BASES[base].label}`,
      cells: forgivenessByHeight(study, name, base, "adam"),
    })),
  );
  return html`<div class="card scroll"><table>
<thead><tr><th></th><th>fixed rate</th>${[1, 2, 3, 4].map((height) => html`<th>height ${height}</th>`)}</tr></thead>
<tbody>${rows.map(({ label, cells }) => {
    const most = Math.max(...cells.map(({ good }) => good));
    return html`<tr><th scope="row">${label}</th>${cells.map(
      ({ good, of, typical, best }) =>
        html`<td class="${good === most && most > 0 ? "best" : ""}">${good} of ${of}<br><small>${lossText(typical)} · ${lossText(best)}</small></td>`,
    )}</tr>`;
  })}</tbody></table></div>`;
}

const startText = (multiple: number): string =>
  multiple === 1 ? "from the best" : multiple < 1 ? `÷ ${Math.round(1 / multiple)}` : `× ${multiple}`;

/** Final losses of the grid search and of the learned runs, with how many of the grid's rates each one beats. */
export function gridTable(study: StudyResult): Html {
  const learners = ["log", "hd"] as const;
  const edge = (i: number) => (i === 0 ? "edge" : "");
  const head = learners.flatMap(() =>
    STARTS.map((multiple, i) => html`<th class="${edge(i)}">${startText(multiple)}</th>`),
  );
  const row = (comparison: Comparison): Html => {
    const cells = learners.flatMap((by) =>
      STARTS.map((multiple, i) => {
        const run = learnedRun(comparison, by, multiple);
        const better = run.loss < comparison.fixed.loss ? "best" : "";
        return html`<td class="${edge(i)} ${better}">${lossText(run.loss)}<br><small>${run.beats}</small></td>`;
      }),
    );
    return html`<tr><th scope="row">${comparison.label}</th><td>${lossText(comparison.fixed.loss)}<br><small>rate ${significant(comparison.fixed.lr)}</small></td><td>${lossText(comparison.blind.loss)}</td>${cells}</tr>`;
  };
  return html`<div class="card scroll"><table class="dense">
<thead><tr><th></th><th colspan="2">fixed</th>${learners.map((by) => html`<th class="edge" colspan="${STARTS.length}">${LEARNERS[by].label}</th>`)}</tr>
<tr><th></th><th>best of ${study.rates.length}</th><th>÷ 100</th>${head}</tr></thead>
<tbody>${comparisons(study).map(row)}</tbody></table></div>`;
}

/** Final loss by grain. */
export function grainsTable(study: StudyResult): Html {
  return html`<div class="card scroll"><table>
<thead><tr><th></th><th>one for the model</th><th>one for each tensor</th><th>for each channel</th><th>for each element</th></tr></thead>
<tbody>${grained(study).map(({ label, rows }) => {
    const least = Math.min(...rows.map(({ loss }) => loss));
    return html`<tr><th scope="row">${label}</th>${rows.map(
      ({ loss }) => html`<td class="${loss === least ? "best" : ""}">${lossText(loss)}</td>`,
    )}</tr>`;
  })}</tbody></table></div>`;
}
