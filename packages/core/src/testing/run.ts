/**
 * How a check is run: on cases drawn from a seed, and when one fails, on simpler ones; what is thrown says how to see the simplest again.
 */
import fc from "fast-check";
import { shown } from "../expression/shown.js";
import { casesOf, type Demands, VISIBLE } from "./cases.js";
import type { Values } from "./hyperparameters.js";
import { visibility } from "./mismatch.js";
import type { ProblemOptions } from "./problems.js";
import { random } from "./random.js";

/** What every check takes. */
export interface CheckOptions {
  /** Draws other cases; default 1: the same cases in every run. A failure prints it. */
  readonly seed?: number;
  /** Goes straight to one case, as a failure prints it. */
  readonly path?: string;
  /** How many cases; the default is stated at each check. */
  readonly runs?: number;
  /**
   * Milliseconds after which no case is begun any more; the first is always tried. Default: no limit. How far a check comes in a time depends on the machine: the report's `unchecked` says what was left out.
   * Cases come in an order in which the first few are of every kind, so that most mistakes show early.
   */
  readonly budget?: number;
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

/** What is run. */
interface Run<T> {
  /** The name of the check. */
  readonly check: string;
  /** The name of what is tested. */
  readonly of: string;
  /** Where cases are drawn from, by their number: the same number, the same arbitrary. */
  readonly cases: (turn: number) => fc.Arbitrary<T>;
  /** What is tried in place of a case that fails, before smaller ones of its kind. */
  readonly simpler: (failing: T) => readonly T[];
  /** A case as it stands in a failure. */
  readonly show?: (one: T, error: unknown) => string;
  readonly options: CheckOptions;
  /** Where `options.runs` is undefined. */
  readonly runs: number;
}

/** How far a check came. */
export interface Progress {
  /** Cases that were tried. */
  readonly cases: number;
  /** Sentences that say what was not checked, and why. */
  readonly unchecked: readonly string[];
  /** True where the whole of the cases was tried, so that it can be said of something that it never happens. */
  readonly whole: boolean;
}

/** The options of a run, with those that are not given. */
function checked<T>({ check, options, runs: standard }: Run<T>): { seed: number; runs: number; budget: number } {
  const { seed = 1, runs = standard, budget = Number.POSITIVE_INFINITY, path } = options;
  const refuse = (name: string, value: unknown, expected: string): never => {
    throw new Error(`${check}: ${name} is ${shown(value)}; expected ${expected}.`);
  };
  if (!Number.isInteger(seed)) refuse("seed", seed, "a whole number");
  if (!Number.isInteger(runs) || runs < 1) refuse("runs", runs, "a whole number ≥ 1");
  if (!(budget > 0)) refuse("budget", budget, "milliseconds, a number > 0");
  if (path !== undefined && !/^\d+(:\d+)*$/.test(path)) {
    refuse("path", path, 'what a failure printed, such as "4:0:1"');
  }
  return { seed, runs, budget };
}

/** The cases of a run, one after the other, until they or the time are over. */
class Turns<T extends object> {
  private readonly run: Run<T>;
  private readonly seed: number;
  private readonly runs: number;
  private readonly end: number;
  private readonly budget: number;
  private tried = 0;

  constructor(run: Run<T>) {
    const { seed, runs, budget } = checked(run);
    this.run = run;
    this.seed = seed;
    this.budget = budget;
    this.runs = run.options.path === undefined ? runs : 1;
    this.end = performance.now() + budget;
  }

  private get late(): boolean {
    return performance.now() > this.end;
  }

  /** What fast-check is called with, case by case. */
  *[Symbol.iterator](): Generator<Turn<T>> {
    const { run, seed } = this;
    const [first, ...rest] = run.options.path?.split(":") ?? [];
    for (; this.tried < this.runs && !(this.tried > 0 && this.late); this.tried++) {
      const turn = first === undefined ? this.tried : Number(first);
      const demands: Demands = new WeakMap();
      // One check for each case: its number alone says what it is drawn from.
      const parameters = {
        seed: Math.floor(random(seed, turn)() * 2 ** 31),
        numRuns: 1,
        ...(first === undefined ? {} : { path: ["0", ...rest].join(":"), endOnFailure: true }),
      };
      // How visible the mistake was in the case that was drawn, and in the one that has taken its place.
      let [drawn, best]: (number | undefined)[] = [];
      yield {
        cases: casesOf(run.cases(turn), run.simpler, demands),
        parameters,
        over: () => best !== undefined && this.late,
        passes: (one, error) => {
          const visible = visibility(error);
          if (first === undefined && drawn !== undefined && best !== undefined) {
            const wanted = best >= VISIBLE ? VISIBLE : drawn / 10;
            if (visible < Math.max(wanted, demands.get(one) ?? 0)) return true;
          }
          drawn ??= visible;
          best = visible;
          return false;
        },
        report: (details) => {
          if (details.failed) throw this.failure(turn, details);
        },
      };
    }
  }

  private failure(turn: number, details: fc.RunDetails<[T]>): CheckFailure {
    const { check, of, options, show = (one) => fc.stringify(one) } = this.run;
    const { counterexample, counterexamplePath, errorInstance } = details;
    // Replayed, fast-check counts on from where it was told to begin.
    const path = options.path ?? [turn, ...(counterexamplePath ?? "0").split(":").slice(1)].join(":");
    const others = Object.keys(options).some((name) => !["seed", "path", "runs", "budget"].includes(name));
    const call = `${check}(rule, { ${others ? "...options, " : ""}seed: ${this.seed}, path: ${JSON.stringify(path)} })`;
    const reason = errorInstance instanceof Error ? errorInstance.message : String(errorInstance);
    const one = counterexample?.[0] as T;
    const ended = this.late ? "\n  (the budget was spent before a simpler case was found)" : "";
    return new CheckFailure(
      `${check}: ${of}: ${reason}\n  in the case ${show(one, errorInstance)}\n  which ${call} reproduces${ended}`,
      this.seed,
      path,
      errorInstance,
    );
  }

  /** How far it came. */
  get progress(): Progress {
    const left = this.runs - this.tried;
    return {
      cases: this.tried,
      unchecked: left > 0 ? [`${left} of ${this.runs} cases: the budget of ${this.budget} ms was spent.`] : [],
      whole: left === 0 && this.run.options.path === undefined,
    };
  }
}

/** One drawn case. */
interface Turn<T> {
  readonly cases: fc.Arbitrary<T>;
  readonly parameters: fc.Parameters<[T]>;
  /** True where it has failed, and there is no time to look for a simpler one. */
  readonly over: () => boolean;
  /** True where a case that fails is passed over, because it would replace one whose mistake is plainer. */
  readonly passes: (one: T, error: unknown) => boolean;
  readonly report: (details: fc.RunDetails<[T]>) => void;
}

/**
 * Runs a property on every case.
 *
 * @throws CheckFailure for the simplest case in which the property throws.
 */
export function checkEach<T extends object>(run: Run<T>, property: (x: T) => void): Progress {
  const turns = new Turns(run);
  for (const { cases, parameters, over, passes, report } of turns) {
    const guarded = (one: T): void => {
      if (over()) return;
      try {
        property(one);
      } catch (error) {
        if (!passes(one, error)) throw error;
      }
    };
    report(fc.check(fc.property(cases, guarded), parameters) as fc.RunDetails<[T]>);
  }
  return turns.progress;
}

/**
 * Runs an asynchronous property on every case, one after the other.
 *
 * @throws CheckFailure for the simplest case in which the property throws.
 */
export async function checkEachAsync<T extends object>(
  run: Run<T>,
  property: (x: T) => Promise<void>,
): Promise<Progress> {
  const turns = new Turns(run);
  for (const { cases, parameters, over, passes, report } of turns) {
    const guarded = async (one: T): Promise<void> => {
      if (over()) return;
      try {
        await property(one);
      } catch (error) {
        if (!passes(one, error)) throw error;
      }
    };
    report((await fc.check(fc.asyncProperty(cases, guarded), parameters)) as fc.RunDetails<[T]>);
  }
  return turns.progress;
}
