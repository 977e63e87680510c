/** The command line of the study. */
import { Command, InvalidArgumentError } from "commander";

/** Seeds and steps of a full run and of a quick one. */
const FULL = { seeds: 5, steps: 500 };
const QUICK = { seeds: 1, steps: 200 };

/** What was asked for. */
export interface Options {
  quick: boolean;
  seeds: number;
  steps: number;
  json: string;
  report: string;
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

function file(extension: string): (text: string) => string {
  return (text) => {
    if (!text.endsWith(extension))
      throw new InvalidArgumentError(`Expected the name of a file that ends in ${extension}.`);
    return text;
  };
}

/**
 * Reads the command line; with `--help`, and where something is wrong with it, says so and ends the program.
 *
 * @param argv As process.argv.
 * @param program What is set up here; a test gives one that does not end the program.
 */
export function parseOptions(argv: readonly string[], program: Command = new Command()): Options {
  program
    .name("npm run learned-learning-rate --")
    .description(
      "Learned learning rates on drawn problems: towers against a bad start, one learned run against a grid search.",
    )
    .option("--quick", `a first look: ${QUICK.steps} steps, ${QUICK.seeds} seed and half of the rates`, false)
    .option("--seeds <n>", `how many seeds (default: ${FULL.seeds})`, wholeNumber(1))
    .option("--steps <n>", `training steps (default: ${FULL.steps})`, wholeNumber(10))
    .option("--json <file>", "where the numbers go", file(".json"), "results/learned-learning-rate.json")
    .option("--report <file>", "where the report goes", file(".html"), "results/learned-learning-rate.html")
    .allowExcessArguments(false)
    .showHelpAfterError("(npm run learned-learning-rate -- --help tells more)");
  const options = program.parse(argv).opts<Options>();
  return { ...(options.quick ? QUICK : FULL), ...options };
}
