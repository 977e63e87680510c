/**
 * The main job: does a learned learning rate forgive a bad start, and what does it cost beside a grid search? Prints tables, and writes
 * everything as JSON and as an HTML report.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { createProgress } from "@hypergrad/example-kit";
import { parseOptions } from "./cli.js";
import { createPool } from "./pool.js";
import { renderReport } from "./report/html.js";
import { renderTables } from "./report/terminal.js";
import { RATES, study } from "./study.js";

async function main(): Promise<void> {
  const options = parseOptions(process.argv);
  // npm runs this from the repository's folder; a relative path is meant from where the user stands.
  const [json, report] = [options.json, options.report].map((path) =>
    resolve(process.env.INIT_CWD ?? process.cwd(), path),
  ) as [string, string];
  // Before the work: a folder that cannot be made should not cost the run.
  for (const path of [json, report]) mkdirSync(dirname(path), { recursive: true });

  const pool = createPool();
  const rates = options.quick ? RATES.filter((_, i) => i % 2 === 0) : RATES;
  const result = await study({ ...options, rates }, pool, (total) =>
    createProgress({ total, label: "Training" }),
  ).finally(() => pool.close());
  writeFileSync(json, `${JSON.stringify(result)}\n`);
  writeFileSync(report, await renderReport(result));
  console.log(`\n${renderTables(result)}\n`);
  console.log(`${Math.round(result.seconds)} s. Report: ${report}\nEverything as JSON: ${json}`);
}

main().catch((error: Error) => {
  console.error(error.message);
  process.exitCode = 1;
});
