/** The parts of the report that are charts: each with a caption that says what is seen and how to read it. */

import { type Chart, type Content, drawSvg, type Html, html, raw } from "@hypergrad/example-kit";
import type { MethodResult, StudyResult } from "../result.ts";
import { accuracyByDomain, accuracyByMethod } from "./charts/accuracy.ts";
import { methodColors } from "./charts/colors.ts";
import { learningRates, trainingCurve } from "./charts/curves.ts";
import { boundShares, distances, learnedRadii } from "./charts/layers.ts";
import { roleOf } from "./findings.ts";
import { methods as methodList } from "./sections.ts";
import { accuracyTable } from "./tables.ts";

/** Accuracy: the chart by method, the table, and the chart by domain. */
export async function accuracy(result: StudyResult): Promise<Html> {
  const { inside, outside } = accuracyByMethod(result);
  return html`<section><h2>Accuracy</h2>
<p class="note">Large dots are means over the seeds, bars reach one standard error to each side, small dots are the seeds. Both axes span equally many points.</p>
<div class="grid">${await figure("Out of distribution", outside)}${await figure("In distribution", inside)}</div>
<div class="card">${accuracyTable(result)}</div>
${await figure("Every domain", accuracyByDomain(result), { wide: true, above: legend(result, result.methods) })}
${methodList(result)}</section>`;
}

/** Training curves and learning rates; null where nothing was trained by steps. */
export async function training(result: StudyResult): Promise<Html | null> {
  const trained = result.methods.filter(({ runs }) => runs.some(({ curve }) => curve.length > 0));
  if (trained.length === 0) return null;
  const rates = learningRates(result);
  const key = legend(result, trained);
  return html`<section><h2>While it was trained</h2>
<p class="note">Bold lines are means over the seeds, thin lines the seeds. The accuracy out of distribution is shown here and was used to choose nothing.</p>
${key}
<div class="grid three">${await figure("Training loss", trainingCurve(result, "trainLoss"))}${await figure("In distribution", trainingCurve(result, "validation"))}${await figure("Out of distribution", trainingCurve(result, "shifted"))}</div>
${rates === null ? null : await figure("Learning rate, one line for each seed (rates below a thousandth of the largest are not drawn)", rates, { wide: true, above: key })}</section>`;
}

/** What happened layer by layer; null where no layer was traced. */
export async function layers(result: StudyResult): Promise<Html | null> {
  const moved = distances(result);
  const radii = await figuresBy(
    result.methods,
    learnedRadii,
    ({ label, runs }) => `${label} · seed ${runs[0]?.seed ?? ""}`,
  );
  const bound = await figuresBy(result.methods, boundShares, ({ label }) => label);
  if (moved === null && radii.length === 0 && bound.length === 0) return null;
  const trained = result.methods.filter((method) => roleOf(method) !== "frozen");
  return html`<section><h2>Layer by layer</h2>
${
  radii.length === 0
    ? null
    : html`<p class="note"><b>Learned radius.</b> How far a row of each layer may be from its pre-trained value. The colours go from the layer next to the
picture (blue) to the answer (red). A radius starts at almost nothing; what lies below the axis is drawn at its lower edge.</p><div class="grid">${radii}</div>`
}
${
  bound.length === 0
    ? null
    : html`<p class="note"><b>Share of rows bound.</b> The part of a layer’s rows that the radius holds back, mean over the seeds.</p>
<div class="ramp">0 % <i></i> 100 % of the rows</div><div class="grid">${bound}</div>`
}
${
  moved === null
    ? null
    : await figure("Distance from the pre-trained weights at the end of training, mean over the seeds", moved, {
        wide: true,
        above: legend(result, trained),
      })
}</section>`;
}

async function figuresBy(
  methods: readonly MethodResult[],
  draw: (method: MethodResult) => Chart | null,
  caption: (method: MethodResult) => string,
): Promise<Html[]> {
  const figures: Html[] = [];
  for (const method of methods) {
    const chart = draw(method);
    if (chart !== null) figures.push(await figure(caption(method), chart));
  }
  return figures;
}

async function figure(
  caption: string,
  chart: Chart,
  { wide = false, above = null }: { wide?: boolean; above?: Content } = {},
): Promise<Html> {
  return html`<figure class="card"><figcaption>${caption}</figcaption>${above}<div class="plot ${wide ? "wide" : ""}">${raw(await drawSvg(chart))}</div></figure>`;
}

function legend(result: StudyResult, methods: readonly MethodResult[]): Html {
  const colors = methodColors(result);
  return html`<ul class="legend">${methods.map(({ name, label }) => html`<li><i style="background:${colors[name] ?? ""}"></i>${label}</li>`)}</ul>`;
}
