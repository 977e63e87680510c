/**
 * The main job: a pre-trained model is fine-tuned on one domain and tested on the others, with and without FTP. Prints a table, and writes
 * everything as JSON and as an HTML report.
 */
import { join, resolve } from "node:path";
import { useBackend } from "@hypergrad/core";
import { tryOutputs, writeOutputs } from "@hypergrad/example-kit";
import { parseOptions } from "./cli.js";
import { METHODS } from "./methods.js";
import { MODELS } from "./models/index.js";
import { findings, overheadInWords } from "./report/findings.js";
import { renderReport } from "./report/html.js";
import { renderPrecondition, renderTable } from "./report/table.js";
import { study } from "./study.js";

async function main(): Promise<void> {
  const options = parseOptions(process.argv);
  // npm runs this from the repository's folder; a relative path is meant from where the user stands.
  const out = resolve(process.env.INIT_CWD ?? process.cwd(), options.out);
  const json = { option: "--out", path: join(out, "study.json") };
  const report = { option: "--out", path: join(out, "report.html") };
  tryOutputs([json, report]);

  const backend = await useBackend(options.backend);
  console.log(`Backend: ${backend.name} (${backend.reason}).`);
  console.log(`Model: ${MODELS[options.model].description}.`);
  for (const name of options.methods) console.log(`  ${METHODS[name].label.padEnd(28)} ${METHODS[name].description}`);

  const result = await study(options, backend, { ...options, methods: options.methods.join(",") });
  // Before the files, so that a disk that is full costs the files alone.
  console.log(
    `\n${renderPrecondition(result)}\n\n${renderTable(result)}\n\n${findings(result).headline}\n${overheadInWords(result) ?? ""}\n`,
  );
  console.log(`Optimizer steps were run by ${result.backend.executors}.`);
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
