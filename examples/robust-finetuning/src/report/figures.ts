/** The parts of the report that are charts: each with a caption that says what is seen and how to read it. */

import { type Chart, type Content, type Html, html, plot, significant } from "@hypergrad/example-kit";
import type { MethodResult, StudyResult } from "../result.ts";
import { accuracyByDomain, accuracyByMethod } from "./charts/accuracy.ts";
import { methodColors } from "./charts/colors.ts";
import { learningRates, trainingCurve } from "./charts/curves.ts";
import { boundShares, distances, largestRadius, learnedRadii } from "./charts/layers.ts";
import { ranOnce, roleOf } from "./findings.ts";
import { methods as methodList } from "./sections.ts";
import { accuracyTable } from "./tables.ts";

/** Accuracy: the chart by method, the table, and the chart by domain. */
export async function accuracy(result: StudyResult): Promise<Html> {
  const dots = ranOnce(result)
    ? ""
    : "Large dots are means over the seeds, bars reach one standard error to each side, small dots are the seeds. ";
  return html`<section><h2>Accuracy</h2>
<p class="note">${dots}Both axes span equally many points.</p>
<div class="grid">${await figure("Out of distribution", (room) => accuracyByMethod(result, room).outside)}${await figure("In distribution", (room) => accuracyByMethod(result, room).inside)}</div>
<div class="card">${accuracyTable(result)}</div>
${await figure("Every domain", (room) => accuracyByDomain(result, room), legend(result, result.methods))}
${methodList(result)}</section>`;
}

/** Training curves and learning rates; null where nothing was trained by steps. */
export async function training(result: StudyResult): Promise<Html | null> {
  const trained = result.methods.filter(({ runs }) => runs.some(({ curve }) => curve.length > 0));
  if (trained.length === 0) return null;
  const key = legend(result, trained);
  const lines = ranOnce(result) ? "" : "Bold lines are means over the seeds, thin lines the seeds. ";
  const each = ranOnce(result) ? "" : ", one line for each seed";
  return html`<section><h2>While it was trained</h2>
<p class="note">${lines}The accuracy out of distribution is shown here and was used to choose nothing.</p>
${key}
<div class="grid three">${await figure("Training loss", () => trainingCurve(result, "trainLoss"))}${await figure("In distribution", () => trainingCurve(result, "validation"))}${await figure("Out of distribution", () => trainingCurve(result, "shifted"))}</div>
${await figure(`Learning rate${each} (rates below a thousandth of the largest are not drawn)`, (room) => learningRates(result, room), key)}</section>`;
}

/** What happened layer by layer; null where no layer was traced. */
export async function layers(result: StudyResult): Promise<Html | null> {
  const seeds = ranOnce(result) ? "" : ", mean over the seeds";
  const trained = result.methods.filter((method) => roleOf(method) !== "frozen");
  const moved = await figure(
    `Distance from the pre-trained weights at the end of training${seeds}: how far a layer’s rows are from their pre-trained values, mean over its rows`,
    (room) => distances(result, room),
    legend(result, trained),
  );
  const radii = await figuresBy(result.methods, learnedRadii, (method) => {
    const seed = ranOnce(result) ? "" : ` · seed ${method.runs[0]?.seed ?? ""}`;
    return `${method.label}${seed} · full height: radius ${significant(largestRadius(method))}`;
  });
  const bound = await figuresBy(result.methods, boundShares, ({ label }) => label);
  if (moved === null && radii.length === 0 && bound.length === 0) return null;
  return html`<section><h2>Layer by layer</h2>
${
  radii.length === 0
    ? null
    : html`<p class="note"><b>Learned radius.</b> How far a row of each layer may be from its pre-trained value, from the layer next to the picture down to the answer: filled up to the radius, and at the right
the radius at the end. A radius starts at almost nothing.</p><div class="grid">${radii}</div>`
}
${
  bound.length === 0
    ? null
    : html`<p class="note"><b>Share of rows bound.</b> The part of a layer’s rows that the radius holds back${seeds}.</p>
<div class="ramp">0 % <i></i> 100 % of the rows</div><div class="grid">${bound}</div>`
}
${moved}</section>`;
}

async function figuresBy(
  methods: readonly MethodResult[],
  draw: (method: MethodResult, room?: number) => Chart | null,
  caption: (method: MethodResult) => string,
): Promise<Html[]> {
  const figures: Html[] = [];
  for (const method of methods) {
    const drawn = await figure(caption(method), (room) => draw(method, room));
    if (drawn !== null) figures.push(drawn);
  }
  return figures;
}

/** A chart with its caption; null where there is nothing to draw. */
async function figure(
  caption: string,
  draw: (room?: number) => Chart | null,
  above: Content = null,
): Promise<Html | null> {
  if (draw() === null) return null;
  return html`<figure class="card"><figcaption>${caption}</figcaption>${above}${await plot((room) => draw(room) as Chart)}</figure>`;
}

function legend(result: StudyResult, methods: readonly MethodResult[]): Html {
  const colors = methodColors(result);
  return html`<ul class="legend">${methods.map(({ name, label }) => html`<li><i style="background:${colors[name] ?? ""}"></i>${label}</li>`)}</ul>`;
}
