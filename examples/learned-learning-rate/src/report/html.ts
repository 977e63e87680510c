/** The report: one HTML file that holds everything it shows, and asks nobody for anything. */
import { duration, type Html, html, raw, style } from "@hypergrad/example-kit";
import type { StudyResult } from "../result.ts";
import { grainFigures, grid, shortSight, towers } from "./figures.ts";
import { findings } from "./findings.ts";
import { look } from "./look.ts";

/**
 * Draws the report of a study.
 *
 * @returns A whole HTML document: style and charts are inside, there is no script, and nothing is fetched when it is opened.
 */
export async function renderReport(study: StudyResult): Promise<string> {
  const { headline, details } = findings(study);
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Learned learning rates: a study with Hypergrad</title>
<meta name="description" content="${headline}">
<style>${raw(style)}${raw(look)}</style>
</head>
<body><main>
<header>
<p class="eyebrow">Hypergrad · learned learning rates · ${study.date.slice(0, 10)}</p>
<h1>What if the learning rate is wrong?</h1>
<p>A learning rate can be searched for, scheduled, or learned while the model trains, by its one-step hyper-gradient. Three small problems, all drawn from a seed, show what learning it does and
does not do. Every loss is the training loss over all data after ${study.options.steps} steps.</p>
</header>
<section class="card headline"><p>${headline}</p>
<ul>${details.map(({ subject, text }) => html`<li><b>${subject}:</b> ${text}</li>`)}</ul></section>
${await towers(study)}
${await grid(study)}
${await shortSight(study)}
${await grainFigures(study)}
${facts(study)}
</main></body>
</html>
`.markup;
}

function facts({ problems, seeds, rates, options, machine, date, seconds, outcomes }: StudyResult): Html {
  const runs = outcomes.reduce((sum, { loss }) => sum + loss.length, 0);
  const rows: [name: string, value: string][] = [
    ...problems.map(({ label, description }): [string, string] => [label, description]),
    ["Rates", `${rates.length}, from ${rates[0]} to ${rates.at(-1)}`],
    [seeds.length === 1 ? "Seed" : "Seeds", seeds.join(", ")],
    ["Runs", `${runs} of ${options.steps} steps`],
    ["Optimizers", "Hypergrad’s, on TensorFlow.js’s WASM backend; the problems’ gradients in plain JavaScript"],
    ["Machine", `${machine.cpu}, ${machine.cores} core${machine.cores === 1 ? "" : "s"}, Node ${machine.node}`],
    ["Started", date],
    ["Took", duration(seconds)],
    [
      "Sources",
      "Chandra, Xie, Ragan-Kelley & Meijer, Gradient Descent: The Ultimate Optimizer, NeurIPS 2022, arXiv 1909.13371 (1). Baydin, Cornish, Martínez Rubio, Schmidt & Wood, Online Learning Rate Adaptation with Hypergradient Descent, ICLR 2018, arXiv 1703.04782 (2). Wu, Ren, Liao & Grosse, Understanding Short-Horizon Bias in Stochastic Meta-Optimization, ICLR 2018, arXiv 1803.02021 (3).",
    ],
  ];
  return html`<footer><h2>Facts</h2><div class="card"><dl>${rows.map(([name, value]) => html`<dt>${name}</dt><dd>${value}</dd>`)}</dl></div></footer>`;
}
