/**
 * `checkInvariants`: what is true of every update rule, whatever it computes.
 */
import * as tf from "@tensorflow/tfjs-core";
import fc from "fast-check";
import type { Spec } from "../rule/spec.js";
import { type InvariantCase, type InvariantName, invariants, type Seen } from "./invariant-table.js";
import { type DrawnSpec, specsOf } from "./learning.js";
import { atEach, type Place, placesOf } from "./places.js";
import { type Problem, problems } from "./problems.js";
import { type CheckOptions, checkEachAsync } from "./run.js";
import { type Subject, subjectOf, type Testable } from "./subject.js";
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
  /** Cases that were drawn. */
  readonly cases: number;
}

interface Case extends InvariantCase {
  readonly memory: { readonly with: DrawnSpec; readonly problem: Problem };
}

/** After so many steps the number of tensors is what it remains. */
const SETTLED = 8;

/** Memory is watched in one case of so many. */
const WATCHED = 4;

/** Every hyperparameter changed something, and every slot is read. */
function expectEffective({ name }: Subject, { tried, moved, read, slots }: Seen): void {
  const idle = [...tried].find((of) => !moved.has(of));
  if (idle !== undefined) {
    throw new Error(
      `checkInvariants: ${name}: effective: the hyperparameter ${idle} changes nothing, in any case. Read it from the inputs of update, not from outside; or give values at which it counts: { values: { ${idle}: … } }.`,
    );
  }
  const unread = [...slots].find((slot) => !read.has(slot));
  if (unread !== undefined) {
    throw new Error(
      `checkInvariants: ${name}: effective: the state slot ${unread} is written and never read. Use it, or remove it.`,
    );
  }
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
    if (more > 0) throw new Error(`memory: on ${where}, ${SETTLED} steps leave ${more} tensors behind`);
  } finally {
    dispose();
  }
  if (count() !== before) throw new Error(`memory: on ${where}, ${count() - before} tensors are left after dispose()`);
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
 * @param options By default 40 cases with the seed 1.
 * @throws CheckFailure that names the invariant, with the smallest case found and the call that reproduces it.
 */
export async function checkInvariants(rule: Testable, options: InvariantOptions = {}): Promise<InvariantReport> {
  const check = "checkInvariants";
  const { except = [], backends } = options;
  const subject = subjectOf(check, rule, options.values);
  const seen: Seen = { tried: new Set(), moved: new Set(), read: new Set(), slots: new Set() };
  const holds = (name: InvariantName): boolean => !except.includes(name);
  const table = Object.entries(invariants).filter(([name]) => holds(name as InvariantName));
  const registered = tf.engine().backendNames();
  const watched = holds("memory") && (backends ?? registered).length > 0;
  const places = watched ? placesOf(check, backends) : [];
  let count = 0;
  const cases: fc.Arbitrary<Case> = fc.record({
    problem: problems(options.problems),
    values: fc.record({ ...subject.values }),
    other: fc.record({ ...subject.values }),
    rotation: fc.nat({ max: 59 }),
    gone: fc.array(fc.array(fc.boolean(), { minLength: 3, maxLength: 3 }), { minLength: 8, maxLength: 8 }),
    memory: fc.record({
      with: specsOf(subject),
      problem: problems(options.problems),
    }),
  });
  await checkEachAsync({ check, of: subject.name, cases, options, runs: 40 }, async (one) => {
    count++;
    for (const [name, invariant] of table) {
      try {
        invariant(subject, one, seen);
      } catch (error) {
        throw new Error(`${name}: ${(error as Error).message}`, { cause: error });
      }
    }
    if (one.rotation % WATCHED !== 0) return;
    await atEach(places, (place) => expectConstantMemory(place, one.memory.with.spec, one.memory.problem));
  });
  if (options.path === undefined && holds("effective")) expectEffective(subject, seen);
  const held = [...table.map(([name]) => name as InvariantName), "effective" as const, "memory" as const];
  return { invariants: held.filter((name) => holds(name) && (name !== "memory" || watched)), cases: count };
}
