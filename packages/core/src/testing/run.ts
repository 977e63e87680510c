/**
 * How a check is run: on cases drawn from a seed, and when one fails, on ever smaller ones; what is thrown says how to see the smallest again.
 */
import fc from "fast-check";
import type { Values } from "./hyperparameters.js";
import type { ProblemOptions } from "./problems.js";

/** What every check takes. */
export interface CheckOptions {
  /** Draws other cases; default 1: the same cases in every run. A failure prints it. */
  readonly seed?: number;
  /** Goes straight to one case, as a failure prints it. */
  readonly path?: string;
  /** How many cases; the default is stated at each check. */
  readonly runs?: number;
  /** Hyperparameters by name: a number, or an arbitrary to draw from, in place of values around the default. */
  readonly values?: Readonly<Record<string, Values>>;
  /** How problems are drawn. */
  readonly problems?: ProblemOptions;
}

/** What a check throws: a case in which the rule does not do what it should. */
export class CheckFailure extends Error {
  /** With `path`, what reproduces the case. */
  readonly seed: number;
  /** With `seed`, what reproduces the case. */
  readonly path: string;

  constructor(message: string, seed: number, path: string, cause: unknown) {
    super(message, { cause });
    this.name = "CheckFailure";
    this.seed = seed;
    this.path = path;
  }
}

/** How many smaller cases are tried when one fails: enough to see the reason, and soon over. */
const SHRINKS = 150;

/** What is run. */
interface Run<T> {
  /** The name of the check. */
  readonly check: string;
  /** The name of what is tested. */
  readonly of: string;
  readonly cases: fc.Arbitrary<T>;
  readonly options: CheckOptions;
  /** Where `options.runs` is undefined. */
  readonly runs: number;
}

const parametersOf = <T>({ options: { seed = 1, path, runs }, runs: standard }: Run<T>): fc.Parameters<[T]> => ({
  seed,
  numRuns: path === undefined ? (runs ?? standard) : 1,
  endOnFailure: path !== undefined,
  ...(path === undefined ? {} : { path }),
});

function report<T>({ check, of, options }: Run<T>, details: fc.RunDetails<[T]>): void {
  if (!details.failed) return;
  const { seed, counterexamplePath, counterexample, errorInstance } = details;
  // Replayed, fast-check counts on from where it was told to begin.
  const path = options.path ?? counterexamplePath ?? "0";
  const others = Object.keys(options).some((name) => name !== "seed" && name !== "path" && name !== "runs");
  const call = `${check}(rule, { ${others ? "...options, " : ""}seed: ${seed}, path: ${JSON.stringify(path)} })`;
  const reason = errorInstance instanceof Error ? errorInstance.message : String(errorInstance);
  throw new CheckFailure(
    `${check}: ${of}: ${reason}\n  in the case ${fc.stringify(counterexample?.[0])}\n  which ${call} reproduces`,
    seed,
    path,
    errorInstance,
  );
}

/**
 * Runs a property on every case.
 *
 * @throws CheckFailure for the smallest case in which the property throws.
 */
export function checkEach<T>(run: Run<T>, property: (x: T) => void): void {
  const cases = fc.limitShrink(run.cases, SHRINKS);
  report(run, fc.check(fc.property(cases, property), parametersOf(run)) as fc.RunDetails<[T]>);
}

/**
 * Runs an asynchronous property on every case, one after the other.
 *
 * @throws CheckFailure for the smallest case in which the property throws.
 */
export async function checkEachAsync<T>(run: Run<T>, property: (x: T) => Promise<void>): Promise<void> {
  const cases = fc.limitShrink(run.cases, SHRINKS);
  report(run, (await fc.check(fc.asyncProperty(cases, property), parametersOf(run))) as fc.RunDetails<[T]>);
}

/** A case with a text that says what it is, for a counterexample. */
export const shown = <T extends object>(it: T, text: string): T => Object.assign(it, { toString: () => text });
