/**
 * `npm run bench`: everything that is claimed about speed, as ratios to named peers.
 */
import { writeFileSync } from "node:fs";
import { resolve } from "node:path";
import * as tf from "@tensorflow/tfjs";
import "@hypergrad/wasm";
import { SingleBar } from "cli-progress";
import Table from "cli-table3";
import { Command } from "commander";
import { firstStep } from "./first-step.js";
import { type Benchmark, failed, type Row } from "./measure.js";
import { modelRows } from "./models.js";
import { optimizerRows } from "./optimizers.js";
import { trainingRows } from "./training.js";

const all: readonly Benchmark[] = [...optimizerRows, ...modelRows, firstStep, ...trainingRows];

interface Options {
  readonly json?: string;
  readonly only?: string;
  readonly list?: boolean;
}

/** Runs them one after the other; on a terminal, a bar shows how far that is. */
async function runAll(benchmarks: readonly Benchmark[]): Promise<Row[]> {
  const total = benchmarks.reduce((sum, { seconds }) => sum + seconds, 0);
  const bar = process.stderr.isTTY
    ? new SingleBar({
        stream: process.stderr,
        format: "{bar} {percentage} % · about {eta_formatted} left · {name}",
        clearOnComplete: true,
      })
    : undefined;
  bar?.start(total, 0, { name: "" });
  const rows: Row[] = [];
  for (const { name, seconds, run } of benchmarks) {
    bar?.update({ name });
    try {
      rows.push(...[await run()].flat());
    } catch (error) {
      rows.push(failed(name, error as Error));
      process.exitCode = 1;
    }
    bar?.increment(seconds);
  }
  bar?.stop();
  return rows;
}

const times = (ratio: number | null, target: string | null): string =>
  ratio === null ? "" : target?.includes("faster") ? `${(1 / ratio).toFixed(1)}× faster` : `${ratio.toFixed(2)}×`;
const ms = (value: number | null): string => (value === null ? "" : value < 10 ? value.toFixed(3) : value.toFixed(1));
/** By the clock and, in brackets, of the processor. */
const both = (wall: number | null, cpu: number | null): string => `${ms(wall)}${cpu === null ? "" : ` (${ms(cpu)})`}`;

function print(rows: readonly Row[]): void {
  const table = new Table({
    head: ["", "work", "peer", "ours, ms", "peer, ms", "ratio", "target", "met"],
    style: { head: [], border: [] },
    colWidths: [28, 34, 26],
    wordWrap: true,
  });
  for (const { row, work, peer, oursMs, peerMs, oursCpuMs, peerCpuMs, ratio, target, met } of rows) {
    table.push([
      row,
      work,
      peer,
      both(oursMs, oursCpuMs),
      both(peerMs, peerCpuMs),
      times(ratio, target),
      target ?? "",
      met === null ? "" : met ? "yes" : "NO",
    ]);
  }
  const judged = rows.filter(({ met }) => met !== null);
  console.log(table.toString());
  console.log(
    `Medians, measured in turns. In brackets: the processor's time. A ratio is our time by the peer's, of one thread that of the processor: below 1× is faster. ${judged.filter(({ met }) => met).length} of ${judged.length} targets met.`,
  );
}

async function main(): Promise<void> {
  const { json, only, list } = new Command("npm run bench --")
    .description(
      "Measures optimizer steps and training steps on the WASM backend against named peers, and prints a table of ratios.",
    )
    .option("--json <file>", "also write the rows as JSON")
    .option("--only <pattern>", "only rows whose name matches this regular expression; see --list")
    .option("--list", "list the rows and measure nothing")
    .parse()
    .opts<Options>();
  const chosen = all.filter(({ name }) => new RegExp(only ?? "", "i").test(name));
  if (list || chosen.length === 0) {
    console.log(all.map(({ name }) => name).join("\n"));
    if (!list) throw new Error(`--only: no row matches ${JSON.stringify(only)}; the rows are those above.`);
    return;
  }
  await tf.setBackend("wasm");
  const rows = await runAll(chosen);
  print(rows);
  // npm runs this from the repository's folder; a relative path is meant from where the user stands.
  if (json) writeFileSync(resolve(process.env.INIT_CWD ?? process.cwd(), json), `${JSON.stringify(rows, null, 2)}\n`);
}

main().catch((error: Error) => {
  console.error(error.message);
  process.exitCode = 1;
});
