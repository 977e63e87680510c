/**
 * The main job: a pre-trained model is fine-tuned on one domain and tested on the others, with and without FTP. Prints a table, and writes
 * everything as JSON and as an HTML report.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { useBackend } from "@hypergrad/core";
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
  mkdirSync(out, { recursive: true });

  const backend = await useBackend(options.backend);
  console.log(`Backend: ${backend.name} (${backend.reason}).`);
  console.log(`Model: ${MODELS[options.model].description}.`);
  for (const name of options.methods) console.log(`  ${METHODS[name].label.padEnd(28)} ${METHODS[name].description}`);

  const result = await study(options, backend, { ...options, methods: options.methods.join(",") });
  const [json, html] = [join(out, "study.json"), join(out, "report.html")];
  writeFileSync(json, `${JSON.stringify(result)}\n`);
  writeFileSync(html, await renderReport(result));
  console.log(
    `\n${renderPrecondition(result)}\n\n${renderTable(result)}\n\n${findings(result).headline}\n${overheadInWords(result) ?? ""}\n`,
  );
  console.log(`${Math.round(result.seconds)} s. Report: ${html}\nEverything as JSON: ${json}`);
}

main().catch((error: Error) => {
  console.error(error.message);
  process.exitCode = 1;
});
