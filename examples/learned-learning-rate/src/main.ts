/**
 * The main job: does a learned learning rate forgive a bad start, and what does it cost beside a grid search? Prints tables, and writes
 * everything as JSON and as an HTML report.
 */
import { resolve } from "node:path";
import { createProgress, type Output, tryOutputs, writeOutputs } from "@hypergrad/example-kit";
import { parseOptions } from "./cli.js";
import { createPool } from "./pool.js";
import { renderReport } from "./report/html.js";
import { renderTables } from "./report/terminal.js";
import { RATES, study } from "./study.js";

async function main(): Promise<void> {
  const options = parseOptions(process.argv);
  // npm runs this from the repository's folder; a relative path is meant from where the user stands.
  const [json, report] = (["json", "report"] as const).map((name) => ({
    option: `--${name}`,
    path: resolve(process.env.INIT_CWD ?? process.cwd(), options[name]),
  })) as [Output, Output];
  tryOutputs([json, report]);

  const pool = createPool();
  const rates = options.quick ? RATES.filter((_, i) => i % 2 === 0) : RATES;
  const result = await study({ ...options, rates }, pool, (total) =>
    createProgress({ total, label: "Training" }),
  ).finally(() => pool.close());
  // Before the files, so that a disk that is full costs the files alone.
  console.log(`\n${renderTables(result)}\n`);
  const page = await renderReport(result);
  writeOutputs([
    { ...json, text: `${JSON.stringify(result)}\n` },
    { ...report, text: page },
  ]);
  console.log(`${Math.round(result.seconds)} s. Report: ${report.path}\nEverything as JSON: ${json.path}`);
}

main().catch((error: Error) => {
  console.error(error.message);
  process.exitCode = 1;
});
