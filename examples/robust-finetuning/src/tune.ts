/**
 * Chooses the hyperparameters of every method: all combinations of a grid, every method's grid of the same size, by the accuracy on the
 * fine-tuning domain's validation pictures, over seeds that the study itself does not use. No picture of another domain is looked
 * at. Writes `tuning.json`.
 *
 * Run it with `node dist/tune.js`.
 */
import { writeFileSync } from "node:fs";
import { useBackend } from "@hypergrad/core";
import { METHOD_NAMES, METHODS, type MethodName, type Settings } from "./methods.js";
import { runAll } from "./pool.js";
import { createProgress } from "./report/progress.js";
import type { TuningResult } from "./result.js";
import { mean } from "./statistics.js";
import type { Tuning } from "./study.js";
import type { RunOptions } from "./train.js";

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

async function main(): Promise<void> {
  const backend = await useBackend();
  const candidates = METHOD_NAMES.flatMap((method) =>
    combinations(GRIDS[method]).map((settings) => ({ method, settings })),
  );
  const runs: RunOptions[] = SEEDS.flatMap((seed) =>
    candidates.map((candidate) => ({
      ...candidate,
      seed,
      steps: STEPS,
      domains: [],
      evaluateEvery: STEPS,
      traceEvery: STEPS,
    })),
  );
  const trained = runs.filter(({ method }) => METHODS[method].spec);
  const progress = createProgress({ total: trained.length * STEPS, label: "Tuning" });
  const results = await runAll(runs, backend.name, (taken) => progress.update(taken));
  progress.stop();

  const methods = METHOD_NAMES.map((method): TuningResult => {
    const tried = candidates.flatMap((candidate, i) =>
      candidate.method === method
        ? [
            {
              settings: { ...candidate.settings },
              validation: mean(SEEDS.map((_, s) => results[s * candidates.length + i]?.validation as number)),
            },
          ]
        : [],
    );
    const best = Math.max(...tried.map(({ validation }) => validation));
    const winner = tried.findIndex(({ validation }) => validation === best);
    return { method, candidates: tried.map((candidate, i) => ({ ...candidate, chosen: i === winner })) };
  });
  const tuning: Tuning = {
    description: `Every method was given ${combinations(GRIDS.adamw).length} candidates; each was trained for ${STEPS} steps from ${SEEDS.length} seeds that the study does not use, and the one with the highest mean accuracy on the fine-tuning domain's validation pictures was taken. No picture of another domain was looked at.`,
    seeds: SEEDS,
    methods,
  };
  writeFileSync(new URL("../tuning.json", import.meta.url), `${JSON.stringify(tuning, null, 2)}\n`);
  for (const { method, candidates } of methods) {
    console.log(method);
    for (const { settings, validation, chosen } of candidates) {
      console.log(`  ${chosen ? "→" : " "} ${JSON.stringify(settings).padEnd(50)} ${(100 * validation).toFixed(1)} %`);
    }
  }
}

await main();
