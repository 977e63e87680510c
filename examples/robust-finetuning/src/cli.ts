/** The command line of the study. */
import type { BackendName } from "@hypergrad/core";
import { Command, InvalidArgumentError, Option } from "commander";
import { DOMAINS, FINETUNED } from "./data.js";
import { METHOD_NAMES, METHODS, type MethodName } from "./methods.js";
import { MODEL_NAMES, type ModelName } from "./models/index.js";

/** Steps and seeds of a full run and of a quick one. */
const FULL = { steps: 200, seeds: 3 };
const QUICK = { steps: 60, seeds: 1 };

/** What was asked for. */
export interface Options {
  quick: boolean;
  seed: number;
  seeds: number;
  steps: number;
  model: ModelName;
  methods: MethodName[];
  backend: BackendName | "auto";
  out: string;
}

function wholeNumber(least: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() === "" || !Number.isSafeInteger(value) || value < least) {
      throw new InvalidArgumentError(`Expected a whole number, at least ${least}.`);
    }
    return value;
  };
}

function methodList(text: string): MethodName[] {
  const names = text.split(",").map((name) => name.trim());
  for (const name of names) {
    if (!Object.hasOwn(METHODS, name)) {
      throw new InvalidArgumentError(
        `"${name}" is no method; expected some of ${METHOD_NAMES.join(", ")}, with commas between.`,
      );
    }
  }
  return METHOD_NAMES.filter((name) => names.includes(name));
}

/**
 * Reads the command line; with `--help`, and where something is wrong with it, says so and ends the program.
 *
 * @param argv As process.argv.
 * @param program What is set up here; a test gives one that does not end the program.
 */
export function parseOptions(argv: readonly string[], program: Command = new Command()): Options {
  const shifted = DOMAINS.filter(({ name }) => name !== FINETUNED).map(({ name }) => name);
  program
    .name("npm start --")
    .description(
      `Fine-tunes a pre-trained model on pictures of one domain (${FINETUNED}) and tests it on the others (${shifted.join(", ")}).`,
    )
    .option("--quick", `a first look: ${QUICK.steps} steps and ${QUICK.seeds} seed`, false)
    .option("--seed <n>", "the first seed", wholeNumber(0), 1)
    .option("--seeds <n>", `how many seeds (default: ${FULL.seeds})`, wholeNumber(1))
    .option("--steps <n>", `training steps (default: ${FULL.steps})`, wholeNumber(10))
    .addOption(new Option("--model <name>", "the model").choices([...MODEL_NAMES]).default(MODEL_NAMES[0]))
    .addOption(
      new Option("--methods <list>", "which methods, with commas between")
        .argParser(methodList)
        .default([...METHOD_NAMES], METHOD_NAMES.join(",")),
    )
    .addOption(
      new Option("--backend <name>", "the tfjs backend")
        .choices(["auto", "wasm", "cpu", "tensorflow", "webgpu"])
        .default("wasm"),
    )
    .option("--out <folder>", "where the JSON and the report go", "results")
    .showHelpAfterError("(npm start -- --help tells more)");
  const options = program.parse(argv).opts<Options>();
  return { ...(options.quick ? QUICK : FULL), ...options };
}
