/**
 * Chooses the hyperparameters of every method: all combinations of a grid, every method's grid of the same size, by the accuracy on the
 * fine-tuning domain's validation pictures, over seeds that the study itself does not use, and by the one-standard-error rule. No
 * picture of another domain is looked at. Writes `tuning/mixer.json` or `tuning/conv.json`.
 *
 * Run it with `node dist/tune.js [--model mixer]`.
 */

import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { useBackend } from "@hypergrad/core";
import { createProgress } from "@hypergrad/example-kit";
import { METHOD_NAMES, METHODS, type MethodName, type Settings } from "./methods.js";
import { MODEL_NAMES, type ModelName } from "./models/index.js";
import { runAll } from "./pool.js";
import type { Candidate, TuningResult } from "./result.js";
import { estimate, mean } from "./statistics.js";
import type { Tuning } from "./study.js";
import type { RunOptions, RunResult } from "./train.js";

const STEPS = 200;
const SEEDS = [1001, 1002, 1003, 1004];

/** The candidates: every combination of the values listed. */
const GRIDS: Readonly<Record<MethodName, Readonly<Record<string, readonly number[]>>>> = {
  probe: { l2: [1e-3, 3e-3, 1e-2, 2e-2, 3e-2, 6e-2, 1e-1, 3e-1] },
  adamw: { lr: [3e-4, 1e-3, 3e-3, 1e-2], weightDecay: [0, 0.3] },
  ftp: { lr: [1e-3, 3e-3, 1e-2, 3e-2], radiusLr: [1e-2, 3e-2] },
  "ftp-lr": { lr: [1e-3, 3e-3], hyperLr: [0.01, 0.05], radiusLr: [1e-2, 3e-2] },
};

function combinations(grid: Readonly<Record<string, readonly number[]>>): Settings[] {
  return Object.entries(grid).reduce<Settings[]>(
    (all, [name, values]) => all.flatMap((settings) => values.map((value) => ({ ...settings, [name]: value }))),
    [{}],
  );
}

/** Mean distance of the rows of all pre-trained tensors from where they began, at the end of a run. */
function distanceMoved({ layers }: RunResult): number {
  const distances = Object.values(layers).map(({ distance }) => distance.at(-1) as number);
  return distances.length > 0 ? mean(distances) : 0;
}

/**
 * The one-standard-error rule (Breiman, Friedman, Olshen & Stone, "Classification and Regression Trees", 1984, section 3.4.3): of all candidates whose accuracy is within one standard
 * error of the best, the simplest one, which here is the one that moved the pre-trained weights least; among those that moved them equally, the most accurate.
 */
function choose<T extends Pick<Candidate, "validation" | "distance">>(candidates: readonly T[]): T {
  const byAccuracy = [...candidates].sort((a, b) => b.validation.mean - a.validation.mean);
  const best = byAccuracy[0] as T;
  const enough = best.validation.mean - (best.validation.standardError ?? 0);
  const good = byAccuracy.filter(({ validation }) => validation.mean >= enough);
  return good.reduce((least, candidate) => (candidate.distance < least.distance ? candidate : least));
}

/** A method with settings to try. */
type Tried = Pick<RunOptions, "method" | "settings">;

/** What became of a method's candidates, and which of them is chosen. */
function resultOf(method: MethodName, candidates: readonly Tried[], results: readonly RunResult[]): TuningResult {
  const tried = candidates.flatMap((candidate, i) => {
    if (candidate.method !== method) return [];
    const found = SEEDS.map((_, s) => results[s * candidates.length + i] as RunResult);
    return [
      {
        settings: { ...candidate.settings },
        validation: estimate(found.map(({ validation }) => validation as number)),
        distance: mean(found.map(distanceMoved)),
      },
    ];
  });
  const winner = choose(tried);
  return { method, candidates: tried.map((candidate) => ({ ...candidate, chosen: candidate === winner })) };
}

function print(methods: readonly TuningResult[]): void {
  for (const { method, candidates } of methods) {
    console.log(method);
    for (const { settings, validation, distance, chosen } of candidates) {
      const accuracy = `${(100 * validation.mean).toFixed(2)} ± ${(100 * (validation.standardError ?? 0)).toFixed(2)} %`;
      console.log(
        `  ${chosen ? "→" : " "} ${JSON.stringify(settings).padEnd(50)} ${accuracy}  moved ${distance.toFixed(3)}`,
      );
    }
  }
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { model: { type: "string", default: MODEL_NAMES[0] as string } } });
  const model = values.model as ModelName;
  if (!MODEL_NAMES.includes(model)) throw new Error(`--model is "${model}"; expected ${MODEL_NAMES.join(" or ")}.`);
  const backend = await useBackend("wasm");
  const candidates = METHOD_NAMES.flatMap((method) =>
    combinations(GRIDS[method]).map((settings) => ({ method, settings })),
  );
  const runs: RunOptions[] = SEEDS.flatMap((seed) =>
    candidates.map((candidate) => ({
      ...candidate,
      model,
      seed,
      steps: STEPS,
      purpose: "choose" as const,
      evaluateEvery: STEPS,
      traceEvery: STEPS,
    })),
  );
  const trained = runs.filter(({ method }) => METHODS[method].spec);
  const progress = createProgress({ total: trained.length * STEPS, label: "Tuning" });
  const results = await runAll(runs, backend.name, (taken) => progress.update(taken));
  progress.stop();

  const methods = METHOD_NAMES.map((method) => resultOf(method, candidates, results));
  const tuning: Tuning = {
    description: `Every method was given ${combinations(GRIDS.adamw).length} candidates; each was trained for ${STEPS} steps from ${SEEDS.length} seeds that the study does not use, and judged by its accuracy on the fine-tuning domain's validation pictures alone; no picture of another domain was looked at. As this accuracy hardly tells the better candidates apart, the one-standard-error rule decides for every method alike: of all within one standard error of the best, the one that moved the pre-trained weights least.`,
    seeds: SEEDS,
    methods,
  };
  writeFileSync(new URL(`../tuning/${model}.json`, import.meta.url), `${JSON.stringify(tuning, null, 2)}\n`);
  print(methods);
}

await main();
