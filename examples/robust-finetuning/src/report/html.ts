/** The report: one HTML file that holds everything it shows, and asks nobody for anything. */

import { html, raw, style } from "@hypergrad/example-kit";
import type { StudyResult } from "../result.ts";
import { accuracy, layers, training } from "./figures.ts";
import { findings } from "./findings.ts";
import { domains, facts, introduction, summary, tuning } from "./sections.ts";

/**
 * Draws the report of a study.
 *
 * @returns A whole HTML document: style and charts are inside, there is no script, and nothing is fetched when it is opened.
 */
export async function renderReport(result: StudyResult): Promise<string> {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Robust fine-tuning: a study with Hypergrad</title>
<meta name="description" content="${findings(result).headline}">
<style>${raw(style)}</style>
</head>
<body><main>
${introduction(result)}
${summary(result)}
${await accuracy(result)}
${domains(result)}
${await training(result)}
${await layers(result)}
${tuning(result)}
${facts(result)}
</main></body>
</html>
`.markup;
}
