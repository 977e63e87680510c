/**
 * `checkInvariants`: what is true of every update rule, whatever it computes.
 */
import * as tf from "@tensorflow/tfjs-core";
import fc from "fast-check";
import type { Spec } from "../rule/spec.js";
import { type InvariantCase, type InvariantName, invariants, type Seen } from "./invariant-table.js";
import { type DrawnSpec, specsOf } from "./learning.js";
import { atEach, type Place, placesOf } from "./places.js";
import { areOrdinary, inTurn, type Problem, type ProblemOptions, problems } from "./problems.js";
import { roundCases, roundSpecs } from "./round.js";
import { type CheckOptions, checkEachAsync } from "./run.js";
import { drawnFor, unchecked as left, type Subject, subjectOf, type Testable } from "./subject.js";
import { bench } from "./traces.js";

/** How invariants are checked. */
export interface InvariantOptions extends CheckOptions {
  /** Which are left out, because the rule breaks them on purpose. */
  readonly except?: readonly InvariantName[];
  /** Backends on which memory is watched; default: all that are registered; [] for none. */
  readonly backends?: readonly string[];
}

/** What was checked. */
export interface InvariantReport {
  /** The invariants that hold. */
  readonly invariants: readonly InvariantName[];
  /** Cases that were tried. */
  readonly cases: number;
  /** What was not checked, and why: empty where all was. */
  readonly unchecked: readonly string[];
}

interface Case extends InvariantCase {
  /** What memory is watched in, where it is. */
  readonly memory?: { readonly with: DrawnSpec; readonly problem: Problem };
}

/** An invariant that does not hold. */
class Broken extends Error {
  readonly invariant: InvariantName;

  constructor(invariant: InvariantName, cause: unknown) {
    super(`${invariant}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
    this.invariant = invariant;
  }
}

/** After so many steps the number of tensors is what it remains. */
const SETTLED = 8;

/** Memory is watched in one case of so many. */
const WATCHED = 9;

/** What has no effect in any case, and what to do about it. */
function ineffective({ tried, moved, read, slots }: Seen): string | undefined {
  const idle = [...tried].find((of) => !moved.has(of));
  if (idle !== undefined) {
    return `the hyperparameter ${idle} changes nothing, in any case. Read it from the inputs of update, not from outside; or give values at which it counts: { values: { ${idle}: … } }.`;
  }
  const unread = [...slots].find((slot) => !read.has(slot));
  return unread && `the state slot ${unread} is written and never read. Use it, or remove it.`;
}

/** What of a case an invariant depends on. */
function shownFor({ problem, values, rotation, gone, memory }: Case, error: unknown): string {
  const invariant = error instanceof Broken ? error.invariant : undefined;
  if (invariant === "memory") return fc.stringify(memory);
  const rotated = invariant === "idle" || invariant === "tower" || invariant === "domain" ? { rotation } : {};
  const gaps = invariant === "apart" || invariant === "order" ? { rotation, gone } : {};
  return fc.stringify({ problem, values, ...rotated, ...gaps });
}

/** The number of tensors does not grow from step to step, and is what it was after `dispose()`. */
async function expectConstantMemory({ name: where, options }: Place, spec: Spec, problem: Problem): Promise<void> {
  const count = (): number => tf.memory().numTensors;
  const before = count();
  const { step, look, dispose } = bench(spec, problem, options);
  try {
    // What is one number at first may be one for each element later on: after the second step, or where a rule does something every few steps.
    const counts = Array.from({ length: 2 * SETTLED }, (_, t) => {
      step(problem.gradients(t % problem.steps));
      return count();
    });
    await look();
    const more = count() - (counts[SETTLED - 1] as number);
    if (more > 0) throw new Error(`on ${where}, ${SETTLED} steps leave ${more} tensors behind`);
  } finally {
    dispose();
  }
  if (count() !== before) throw new Error(`on ${where}, ${count() - before} tensors are left after dispose()`);
}

/**
 * Checks what is true of every update rule, whatever it computes:
 *
 * - "complete": update returns p and every state slot, of the right grain;
 * - "finite": parameters and state stay finite in float32, for huge, tiny and zero gradients, and for parameters that are 0;
 * - "pure": the same inputs give the same outputs; nothing is kept in JavaScript between two calls of update, or two runs;
 * - "written": what update writes to a hyperparameter is inside its domain;
 * - "idle": a hyperparameter that is learned by a learner that does nothing is a number, bit for bit, and so is one that follows a constant schedule;
 * - "tower": a tower whose top learner does nothing is the tower without it, bit for bit;
 * - "domain": a learned value never leaves its domain, whatever its hyper-gradient;
 * - "apart": a variable goes its own way, whatever the others do, in whatever order they come; without a gradient it keeps its value and its
 *   state (but for rules with totals over all variables);
 * - "order": what all variables learn together does not depend on their order, but for rounding;
 * - "empty": tensors without elements, and single numbers, take their steps;
 * - "effective": every hyperparameter changes something, and every state slot is read;
 * - "memory": on every backend that is registered, the number of tensors does not grow, and is what it was after `dispose()`.
 *
 * All but the last run in float64 and need no backend.
 *
 * @param rule What `rule(…)` returned, a spec, or `{ name, build, values }`.
 * @param options By default 40 cases with the seed 1. About three seconds for a rule of five hyperparameters with two backends, on one core: more than a test runner allows by default on a busy machine; see `budget`.
 * @throws CheckFailure that names the invariant, with the simplest case found and the call that reproduces it.
 */
export async function checkInvariants(rule: Testable, options: InvariantOptions = {}): Promise<InvariantReport> {
  const check = "checkInvariants";
  const { except = [], backends } = options;
  const subject = subjectOf(check, rule, options.values);
  const seen: Seen = { tried: new Set(), moved: new Set(), read: new Set(), slots: new Set() };
  const holds = (name: InvariantName): boolean => !except.includes(name);
  const table = (Object.keys(invariants) as (keyof typeof invariants)[]).filter(holds);
  const watched = holds("memory") && (backends ?? tf.engine().backendNames()).length > 0;
  const places = watched ? placesOf(check, backends) : [];
  const asked = drawnFor(check, subject, options.problems ?? {});
  const { whole, ...progress } = await checkEachAsync<Case>(
    {
      check,
      of: subject.name,
      options,
      runs: 40,
      cases: (turn) => drawnCases(subject, asked, turn, watched && turn % WATCHED === 0),
      simpler: (failing) => [...simplerCases(subject, failing, options)],
      show: shownFor,
    },
    async (one) => {
      for (const name of table) broken(name, () => invariants[name](subject, one, seen));
      const { memory } = one;
      if (!memory) return;
      await atEach(places, (place) =>
        expectConstantMemory(place, memory.with.spec, memory.problem).catch((error: unknown) => {
          throw new Broken("memory", error);
        }),
      );
    },
  );
  const unchecked = [...progress.unchecked, ...left.empty(subject)];
  if (holds("memory") && !watched) unchecked.push("memory: there is no backend on which to watch it.");
  const useless = holds("effective") ? ineffective(seen) : undefined;
  if (useless && whole) throw new Error(`${check}: ${subject.name}: effective: ${useless}`);
  if (useless) unchecked.push(`effective, in the cases that were tried: ${useless}`);
  const held: InvariantName[] = [...table, ...(holds("effective") && !useless ? ["effective" as const] : [])];
  return { invariants: watched ? [...held, "memory"] : held, cases: progress.cases, unchecked };
}

function broken(name: InvariantName, expectation: () => void): void {
  try {
    expectation();
  } catch (error) {
    throw new Broken(name, error);
  }
}

function drawnCases(subject: Subject, asked: ProblemOptions, turn: number, watched: boolean): fc.Arbitrary<Case> {
  const now = inTurn(turn, asked);
  const problem = problems(now);
  return fc.record({
    problem,
    values: fc.record({ ...subject.values }),
    other: fc.record({ ...subject.values }),
    rotation: fc.nat({ max: 59 }),
    gone: fc.array(fc.array(fc.boolean(), { minLength: 3, maxLength: 3 }), { minLength: 8, maxLength: 8 }),
    ...(watched && { memory: fc.record({ with: specsOf(subject, { descents: areOrdinary(now) }), problem }) }),
  }) as fc.Arbitrary<Case>;
}

function* simplerCases(subject: Subject, failing: Case, { problems: asked }: InvariantOptions): Iterable<Case> {
  // Where it is memory that fails, numbers are not what matters.
  const { memory, ...numeric } = failing;
  for (const { problem, values } of roundCases(subject, failing, asked)) yield { ...numeric, problem, values };
  if (!memory) return;
  for (const one of roundSpecs(subject, memory, asked)) yield { ...failing, memory: one };
}
