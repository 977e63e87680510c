/** The report's tables: accuracy by method and domain, and how the hyperparameters were chosen. */

import { type Html, html, significant } from "@hypergrad/example-kit";
import type { Estimate, MethodResult, StudyResult, TuningResult } from "../result.ts";
import { methodColors } from "./charts/colors.ts";
import { finetunedDomain, shiftedDomains } from "./findings.ts";
import { percent, percentEstimate, settingName, stepCost } from "./format.ts";

/** Methods × domains in percent, the fine-tuned domain first, the best of every column in bold. */
export function accuracyTable(result: StudyResult): Html {
  const colors = methodColors(result);
  const [inside, outside] = [finetunedDomain(result), shiftedDomains(result)];
  const columns: ((method: MethodResult) => Estimate | undefined)[] = [
    ...[inside, ...outside].map((domain) => (method: MethodResult) => method.accuracy[domain]),
    (method) => method.shifted,
  ];
  const best = columns.map((column) => Math.max(...result.methods.map((method) => column(method)?.mean ?? 0)));
  const edge = (index: number) => (index === 1 || index === columns.length - 1 ? "edge" : "");
  return html`<div class="scroll"><table>
<thead><tr><th></th><th>${inside}<br>in distribution</th>${outside.map((domain, index) => html`<th class="${edge(index + 1)}">${domain}</th>`)}<th class="edge">mean of<br>the others</th><th class="edge">seconds<br>per step</th></tr></thead>
<tbody>${result.methods.map(
    (method) =>
      html`<tr><th scope="row"><span class="swatch" style="background:${colors[method.name] ?? ""}"></span>${method.label}</th>${columns.map(
        (column, index) => {
          const value = column(method);
          const winner = value?.mean === best[index] && result.methods.length > 1 ? "best" : "";
          return html`<td class="${edge(index)} ${winner}">${accuracyCell(value)}</td>`;
        },
      )}<td class="edge">${stepCost(method)}</td></tr>`,
  )}</tbody></table></div>`;
}

function accuracyCell(value: Estimate | undefined): Html {
  if (value === undefined) return html`–`;
  return html`${percent(value.mean)}${value.standardError === null ? null : html` <small>± ${percent(value.standardError)}</small>`}`;
}

/** Every candidate that was tried for one method, in the order of their validation accuracy, the chosen one marked. */
export function tuningTable(tuning: TuningResult, label: string): Html {
  const names = [...new Set(tuning.candidates.flatMap(({ settings }) => Object.keys(settings)))];
  const candidates = [...tuning.candidates].sort((a, b) => b.validation.mean - a.validation.mean);
  return html`<div class="card tuning"><h3>${label}</h3><div class="scroll"><table>
<thead><tr><th></th>${names.map((name) => html`<th>${settingName(name)}</th>`)}<th>validation<br>accuracy (%)</th><th>distance<br>moved</th></tr></thead>
<tbody>${candidates.map(
    ({ settings, validation, distance, chosen }) =>
      html`<tr class="${chosen ? "chosen" : ""}"><td>${chosen ? "✓" : ""}</td>${names.map((name) => html`<td>${settingText(settings[name])}</td>`)}<td>${percentEstimate(validation)}</td><td>${distance === 0 ? "0" : distance.toPrecision(2)}</td></tr>`,
  )}</tbody></table></div></div>`;
}

function settingText(value: number | undefined): string {
  return value === undefined ? "–" : significant(value);
}
