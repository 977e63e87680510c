/**
 * Learning: how the hyperparameters of a level move, before its variables do.
 *
 * Gradients are contracted with the held sensitivities, a hyper-gradient for every learned value; the levels above step with these, and what
 * they make of their variables becomes the hyperparameters again.
 */

import { free, replaced, type Value } from "../executors/executor.js";
import { countNonFinite, probe, refusal } from "../executors/finite.js";
import type { Transaction } from "../executors/transaction.js";
import { input } from "../expression/expression.js";
import { scalarLayout } from "../expression/layout.js";
import { compile, type Program } from "../expression/program.js";
import type { Spec } from "../rule/spec.js";
import type { Cell, Knob, Tower, Update } from "./cell.js";
import { gather } from "./gather.js";
import { added, sumProgram } from "./run-stages.js";

const spoilProgram = compile({ spoilt: input("g", "element").add(input("probed", "tensor")) }, "spoil");

/** The parts of a learned value's hyper-gradient; see `LearnedHyperparameter.parts`. */
type Parts<A> = Readonly<Record<string, Value<A>>>;

/** A level as learning sees it. */
interface Stepping<A> {
  /** The levels that learn this one's hyperparameters, by learner. */
  readonly above: ReadonlyMap<Spec, Stepping<A>>;
  readonly steps: number;
  readonly frozen: ReadonlySet<string>;
  contract(cell: Cell<A>, g: Value<A>, p: Value<A>): Record<string, Value<A>>;
  step(updates: readonly Update<A>[]): () => Value<A>[];
}

/** The levels above step, and what they learn is moved into its domain. */
export function learn<A>(tower: Tower<A>, level: Stepping<A>, updates: readonly Update<A>[]): void {
  const gradients = hyperGradients(tower, level, updates);
  const probes = probesOf(tower, updates);
  for (const [learner, above] of level.above) {
    const knobs: Knob<A>[] = [];
    const upper: Update<A>[] = [];
    const temporary: Value<A>[] = [];
    for (const [knob, parts] of gradients) {
      const { learned, name } = knob.hyperparameter;
      if (learned.by !== learner) continue;
      if (level.steps < learned.warmup || level.frozen.has(name)) continue;
      const update = updateOf(tower, knob, parts, probes.get(knob) ?? 0, temporary);
      if (!update) continue;
      knobs.push(knob);
      upper.push(update);
    }
    const moved = upper.length > 0 ? above.step(upper)() : [];
    moved.forEach((raw, i) => {
      const knob = knobs[i] as Knob<A>;
      settle(tower.executor, knob, knob.hyperparameter.lift, { raw, before: knob.raw, value: knob.value });
      free(tower.executor, raw);
    });
    for (const value of temporary) free(tower.executor, value);
  }
  for (const [{ hyperparameter }, parts] of gradients) {
    for (const [part] of hyperparameter.parts) free(tower.executor, parts[part]);
  }
  for (const value of probes.values()) free(tower.executor, value);
}

/** A learned value, and the number behind it, become what a program makes of them. */
export function settle<A>(
  executor: Transaction<A>,
  knob: Knob<A>,
  program: Program,
  inputs: Readonly<Record<string, Value<A>>>,
): void {
  const { raw, value } = executor.run(program, inputs, knob.cell.layout);
  executor.put(knob, "raw", replaced(executor, knob.raw, raw));
  executor.put(knob, "value", replaced(executor, knob.value, value));
}

/** Every learned value that these updates use, with the parts of its hyper-gradient. */
function hyperGradients<A>(
  tower: Tower<A>,
  level: Stepping<A>,
  updates: readonly Update<A>[],
): Map<Knob<A>, Record<string, Value<A>>> {
  const gradients = new Map<Knob<A>, Record<string, Value<A>>>();
  for (const { cell, p, g, contracted: known } of updates) {
    if (cell.knobs.size === 0) continue;
    const contracted = known ?? level.contract(cell, g, p);
    if (!known) free(tower.executor, contracted.probed);
    for (const knob of cell.knobs.values()) {
      const sums = gradients.get(knob) ?? {};
      gradients.set(knob, sums);
      for (const [part, output] of knob.hyperparameter.parts) {
        sums[part] = added(tower, sums[part], contracted[output] ?? 0);
      }
    }
  }
  return gradients;
}

/** For every learned value that such updates use: the sum of their probes, where they have any. Where one is not 0, that step is skipped, and the value stays too. */
function probesOf<A>({ executor }: Tower<A>, updates: readonly Update<A>[]): Map<Knob<A>, A> {
  const probes = new Map<Knob<A>, A>();
  for (const { cell, probed } of updates) {
    if (probed === undefined || typeof probed === "number") continue;
    for (const knob of cell.knobs.values()) {
      const before = probes.get(knob);
      probes.set(knob, executor.run(sumProgram, { a: before ?? 0, b: probed }, scalarLayout).sum as A);
      free(executor, before);
    }
  }
  return probes;
}

/**
 * The step of a learned value's learner; undefined where it takes none.
 *
 * @param below Where it is not 0, a step that the hyper-gradient comes from is skipped.
 * @param temporary Arrays to free when the step is taken are added to these.
 */
function updateOf<A>(
  tower: Tower<A>,
  { hyperparameter: { transform }, cell, raw }: Knob<A>,
  parts: Parts<A>,
  below: Value<A>,
  temporary: Value<A>[],
): Update<A> | undefined {
  const { executor } = tower;
  const d = parts.d as Value<A>;
  const g = transform ? (executor.run(transform, parts, cell.layout).d as Value<A>) : d;
  const own = probe(executor, d, cell.layout);
  const transformed = transform ? probe(executor, g, cell.layout) : 0;
  const { probed, refused } = refusal(executor, own, transformed, below);
  executor.put(tower, "refused", countNonFinite(executor, tower.refused, refused));
  for (const value of [own, transformed, refused, probed, transform ? g : 0]) {
    if (typeof value !== "number") temporary.push(value);
  }
  if (typeof probed === "number" && probed !== 0) return undefined;
  const onDevice = typeof probed !== "number";
  if (cell.steps === 1) return { cell, p: raw, g, probed: onDevice ? probed : undefined };
  // On the device nobody knows which gradients were refused: one of them spoils the mean, which then masks the step that it makes.
  const taken = onDevice ? (executor.run(spoilProgram, { g, probed }, cell.layout).spoilt as Value<A>) : g;
  if (taken !== g) temporary.push(taken);
  const mean = gather(tower, cell, taken);
  if (mean === undefined) return undefined;
  temporary.push(mean);
  if (!onDevice) return { cell, p: raw, g: mean };
  const finite = probe(executor, mean, cell.layout);
  temporary.push(finite);
  return { cell, p: raw, g: mean, probed: finite };
}
