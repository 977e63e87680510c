/** The study: every method from every seed, put together as one result. */

import { readFileSync } from "node:fs";
import { cpus } from "node:os";
import type { SelectedBackend } from "@hypergrad/core";
import { createProgress } from "@hypergrad/example-kit";
import { computing } from "./computing.js";
import { CLASSES, DOMAINS, drawDomain, FINETUNED, PICTURE_LENGTH, PICTURE_SIZE, PRETRAINED } from "./data.js";
import { METHODS, type MethodName, type Settings } from "./methods.js";
import { MODELS, type ModelName } from "./models/index.js";
import { type Pace, paceOf } from "./pace.js";
import { runAll } from "./pool.js";
import { pretrainedWeights } from "./pretrained.js";
import { costsRobustness } from "./report/findings.js";
import { encodePng } from "./report/png.js";
import type { DomainResult, MethodResult, Run, StudyResult, TuningResult } from "./result.js";
import { estimate, mean } from "./statistics.js";
import { BATCH, PER_CLASS, type RunOptions } from "./train.js";

/** What is compared, and how long. */
export interface StudyOptions {
  readonly model: ModelName;
  readonly methods: readonly MethodName[];
  /** The first seed; the others follow it. */
  readonly seed: number;
  readonly seeds: number;
  readonly steps: number;
}

/** What `tune.ts` found: the settings of every method, and every candidate that was tried. */
export interface Tuning {
  readonly description: string;
  readonly seeds: number[];
  readonly methods: TuningResult[];
}

/** The model's tuning that ships with the project. */
function tuning(model: ModelName): Tuning {
  return JSON.parse(readFileSync(new URL(`../tuning/${model}.json`, import.meta.url), "utf8"));
}

/** The settings that were chosen for a method. */
function chosenSettings({ methods }: Tuning, name: MethodName): Settings {
  const chosen = methods.find(({ method }) => method === name)?.candidates.find((candidate) => candidate.chosen);
  if (!chosen) throw new Error(`The tuning has no chosen settings for "${name}"; run tune.js.`);
  return chosen.settings;
}

/** Pictures for the report: one of each of the first classes. */
function domainResult(domain: (typeof DOMAINS)[number], seed: number): DomainResult {
  const { images, labels } = drawDomain(domain.name, "test", { seed, perClass: 1 });
  const order = Array.from(labels, (label, i) => ({ label, i })).sort((a, b) => a.label - b.label);
  return {
    name: domain.name,
    description: domain.description,
    finetuned: domain.name === FINETUNED,
    samples: order.map(({ label, i }) => ({
      image: encodePng(images.subarray(i * PICTURE_LENGTH, (i + 1) * PICTURE_LENGTH), {
        height: PICTURE_SIZE,
        width: PICTURE_SIZE,
      }),
      label: CLASSES[label] as string,
    })),
  };
}

const shifted = DOMAINS.filter(({ name }) => name !== FINETUNED).map(({ name }) => name);
const shiftedOf = ({ accuracy }: Run): number => mean(shifted.map((name) => accuracy[name] as number));

function methodResult(name: MethodName, settings: Settings, runs: Run[], pace: Pace | undefined): MethodResult {
  const { label, description } = METHODS[name];
  return {
    name,
    label,
    description,
    settings: Object.fromEntries(Object.entries(settings).map(([key, value]) => [key, String(value)])),
    runs,
    accuracy: Object.fromEntries(
      DOMAINS.map((domain) => [domain.name, estimate(runs.map(({ accuracy }) => accuracy[domain.name] as number))]),
    ),
    shifted: estimate(runs.map(shiftedOf)),
    secondsPerStep: pace?.seconds ?? 0,
    overhead: pace?.overhead ?? null,
  };
}

/** Does plain fine-tuning cost accuracy on the other domains, compared with the linear probe? */
function precondition(methods: readonly MethodResult[]): StudyResult["precondition"] {
  const [probe, finetuned] = (["probe", "adamw"] as const).map((name) =>
    methods.find((method) => method.name === name),
  );
  if (!probe || !finetuned) return null;
  const means = ({ accuracy, shifted }: MethodResult) => ({
    inDistribution: accuracy[FINETUNED]?.mean as number,
    shifted: shifted.mean,
  });
  return { probe: means(probe), finetuned: means(finetuned), holds: costsRobustness(probe, finetuned, shifted) };
}

/** Every method with every seed. The probe, which is soon done, comes last: it fills what the others leave of the last worker's time. */
function* runsOf({ model, methods, seed, seeds, steps }: StudyOptions): Generator<RunOptions> {
  const tuned = tuning(model);
  for (let i = 0; i < seeds; i++) {
    for (const method of [...methods].reverse()) {
      yield {
        model,
        method,
        seed: seed + i,
        settings: chosenSettings(tuned, method),
        steps,
        purpose: "test",
        evaluateEvery: Math.ceil(steps / 8),
        traceEvery: Math.ceil(steps / 40),
      };
    }
  }
}

/** What a model is, for the record. */
function described(model: StudyOptions["model"]): StudyResult["model"] {
  const weights = Object.values(pretrainedWeights(model));
  return {
    description: MODELS[model].description,
    parameters: weights.reduce((sum, { values }) => sum + values.length, 0),
    pretraining: `Other classes, drawn in ${PRETRAINED.join(", ")}, under strong augmentation.`,
  };
}

/**
 * Runs the study.
 *
 * @param commandLine The options as given, for the record.
 */
export async function study(
  options: StudyOptions,
  backend: SelectedBackend,
  commandLine: StudyResult["options"],
): Promise<StudyResult> {
  const started = Date.now();
  const { model, methods, seed, steps } = options;
  const tuned = tuning(model);
  const runs = [...runsOf(options)];
  console.log(`Computing: ${computing(backend.name, runs.length)}.`);
  const trained = runs.filter(({ method }) => METHODS[method].spec);
  const progress = createProgress({ total: Math.max(1, trained.length * steps), label: "Training" });
  const results = await runAll(runs, backend.name, (taken, { method, seed }) =>
    progress.update(taken, `${METHODS[method].label}, seed ${seed}`),
  ).finally(() => progress.stop());

  const chosen = methods.map((name) => ({ name, settings: chosenSettings(tuned, name) }));
  const { pace, executors } = await paceOf(model, chosen, steps);
  const all = chosen.map(({ name, settings }) =>
    methodResult(
      name,
      settings,
      results.filter((_, i) => runs[i]?.method === name),
      pace[name],
    ),
  );
  return {
    format: "hypergrad-study/1",
    date: new Date(started).toISOString(),
    options: commandLine,
    seconds: (Date.now() - started) / 1000,
    machine: { node: process.version, cpu: cpus()[0]?.model ?? "unknown", cores: cpus().length },
    backend: { ...backend, computing: computing(backend.name, runs.length), executors },
    domains: DOMAINS.map((domain) => domainResult(domain, seed)),
    classes: [...CLASSES],
    data: {
      train: PER_CLASS.train * CLASSES.length,
      validation: PER_CLASS.validation * CLASSES.length,
      testPerDomain: PER_CLASS.test * CLASSES.length,
    },
    model: described(model),
    training: { steps, batchSize: BATCH, schedule: "5 % warm-up, then half a cosine, unless the rate is learned" },
    methods: all,
    precondition: precondition(all),
    tuning: {
      ...tuned,
      seeds: [...tuned.seeds],
      methods: tuned.methods.filter(({ method }) => methods.includes(method as MethodName)),
    },
  };
}
