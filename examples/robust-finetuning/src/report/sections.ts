/** The parts of the report that are words, pictures and facts; the parts that are charts are in figures.ts. */

import { count, duration, type Html, html } from "@hypergrad/example-kit";
import type { DomainResult, StudyResult } from "../result.ts";
import { findings, finetunedDomain, preconditionInWords, shiftedDomains } from "./findings.ts";
import { settingName } from "./format.ts";
import { tuningTable } from "./tables.ts";

/** Title and what this is. */
export function introduction(result: StudyResult): Html {
  const others = shiftedDomains(result);
  return html`<header>
<p class="eyebrow">Hypergrad · robust fine-tuning study · ${result.date.slice(0, 10)}</p>
<h1>Fine-tune on one kind of picture, test on the others</h1>
<p>A small image model (${result.model.description}), pre-trained on a broad mixture of pictures, is fine-tuned on one domain (<b>${finetunedDomain(result)}</b>). It is then
tested on new pictures of that domain, <em>in distribution</em>, and on ${others.length === 1 ? "another domain" : `${others.length} other domains`},
<em>out of distribution</em>: ${others.join(", ")}. Fine-tuning tends to pay for the first with the second. <b>FTP</b> (Fast Trainable
Projection) lets no row of weights move further from its pre-trained value than a radius, and learns that radius, one for each layer, during the
same training run.</p>
</header>`;
}

/** What was found, computed from the numbers, and whether there was anything to find. */
export function summary(result: StudyResult): Html {
  const { headline, details } = findings(result);
  const { state, title, text } = preconditionInWords(result);
  return html`<section class="card headline"><p>${headline}</p>
<ul>${details.map(({ subject, text: sentence }) => html`<li><b>${subject}:</b> ${sentence}</li>`)}</ul></section>
<section class="card precondition ${state}"><p><strong>${title}</strong> ${text}</p></section>`;
}

/** Sample pictures of every domain. */
export function domains(result: StudyResult): Html {
  return html`<section><h2>The pictures</h2>
<p class="note">${result.classes.length} classes: ${result.classes.join(", ")}. Test pictures, none of which was seen in training.</p>
<div class="domains">${result.domains.map(domainCard)}</div></section>`;
}

function domainCard({ name, description, finetuned, samples }: DomainResult): Html {
  return html`<div class="card"><h3>${name}${finetuned ? html`<span class="badge">fine-tuned on</span>` : null}</h3><p>${description}</p>
<div class="pictures">${samples.map(
    ({ image, label }) =>
      html`<figure><img src="${image}" alt="${label}, ${name}"><figcaption>${label}</figcaption></figure>`,
  )}</div></div>`;
}

/** What each method does, and with which hyperparameters. */
export function methods(result: StudyResult): Html {
  return html`<div class="methods">${result.methods.map(
    ({ label, description, settings }) =>
      html`<p><b>${label}.</b> ${description} <span class="note">${Object.entries(settings)
        .map(([name, value]) => `${settingName(name)}\u00a0${value}`)
        .join(", ")}</span></p>`,
  )}</div>`;
}

/** How the hyperparameters were chosen. */
export function tuning(result: StudyResult): Html | null {
  const { description, seeds, methods: tuned } = result.tuning;
  if (tuned.length === 0) return null;
  const label = (name: string) => result.methods.find((method) => method.name === name)?.label ?? name;
  return html`<section><h2>How the hyperparameters were chosen</h2>
<p class="note">${description} ✓ marks the candidate that was chosen.${seeds.length === 0 ? null : ` Tuning seeds: ${seeds.join(", ")}.`}</p>
<div class="grid">${tuned.map((one) => tuningTable(one, label(one.method)))}</div></section>`;
}

/** Everything that is needed to run the same again. */
export function facts(result: StudyResult): Html {
  const { machine, backend, data, model, training, options } = result;
  const seeds = [...new Set(result.methods.flatMap(({ runs }) => runs.map(({ seed }) => seed)))];
  const rows: [name: string, value: string][] = [
    ["Model", `${model.description}; ${count(model.parameters)} parameters`],
    ["Pre-training", model.pretraining],
    ["Fine-tuning", `${count(training.steps)} steps of ${training.batchSize} pictures; ${training.schedule}`],
    [
      "Pictures",
      `${count(data.train)} for training, ${count(data.validation)} for validation, ${count(data.testPerDomain)} of each domain for testing`,
    ],
    [seeds.length === 1 ? "Seed" : "Seeds", seeds.join(", ")],
    ["Backend", `${backend.name}: ${backend.reason}`],
    ["Computing", backend.computing],
    ["Optimizer steps", `run by ${backend.executors}`],
    ["Machine", `${machine.cpu}, ${machine.cores} core${machine.cores === 1 ? "" : "s"}, Node ${machine.node}`],
    [
      "Options",
      Object.entries(options)
        .map(([name, value]) => `${name} = ${value}`)
        .join(", "),
    ],
    ["Started", result.date],
    ["Took", duration(result.seconds)],
  ];
  return html`<footer><h2>Facts</h2><div class="card"><dl>${rows.map(([name, value]) => html`<dt>${name}</dt><dd>${value}</dd>`)}</dl></div></footer>`;
}
