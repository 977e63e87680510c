/**
 * Levels: the tower.
 *
 * A level is an optimizer at work on some variables. At the bottom these are the model's tensors; above, they are the hyperparameters
 * of the level below, so that a tower is levels all the way up and every level is this one class.
 *
 * One step of a level: contract the incoming gradients with the held sensitivities → the levels above step with the result, moving the
 * hyperparameters → each variable takes its step with the fresh hyperparameters → the new sensitivities are held. At the first step
 * nothing is held and every hyper-gradient is 0, but all levels step, and count that step.
 */

import { type Cell, initialState, type Knob, type Reading, type Tower, type Update } from "./cell.js";
import { inDomain } from "./domain.js";
import type { Value } from "./executor.js";
import { constant, input } from "./expression.js";
import { countNonFinite, masked, probe, refusal } from "./finite.js";
import { layoutOf, scalarLayout, shapeOf } from "./layout.js";
import type { Learned } from "./learned.js";
import { type LearnedHyperparameter, type Plan, planOf } from "./plan.js";
import { compile, type Program } from "./program.js";
import type { Propose, Rule } from "./rule.js";
import type { Schedule } from "./schedule.js";
import { type RuleSpec, resolve, ruleSpecsOf, type Spec } from "./spec.js";

/** The path of the bottom level. */
const ROOT = "0";

const sumProgram = compile({ sum: input("a", "element").add(input("b", "element")) });

/** An optimizer at work on the variables of one level. */
export class Level<A> {
  readonly spec: Spec;
  readonly cells: Map<string, Cell<A>> = new Map();
  private readonly tower: Tower<A>;
  /** Where in the tower it stands: the start of its keys in a checkpoint. */
  readonly path: string;
  /** The levels that learn this one's hyperparameters, by learner. */
  readonly above: Map<Spec, Level<A>> = new Map();
  private readonly plans = new Map<RuleSpec, Plan>();
  private readonly modelKnobs = new Map<Learned, Map<string, Knob<A>>>();
  /** Values of the schedules for the coming step, and in the last one; nothing before the first. */
  private coming = new Map<RuleSpec, Map<string, number>>();
  private scheduled = new Map<RuleSpec, Map<string, number>>();
  /** Steps that this level has taken. */
  steps = 0;

  /**
   * Plans the level and every level above it; touches no tensor.
   *
   * @throws Error where a rule cannot be differentiated as asked.
   */
  constructor(tower: Tower<A>, spec: Spec, path: string = ROOT) {
    this.tower = tower;
    this.spec = spec;
    this.path = path;
    for (const ruleSpec of ruleSpecsOf(spec)) {
      if (this.plans.has(ruleSpec)) continue;
      if (ruleSpec.rule.propose && !(tower.executor.name === "tfjs" && path === ROOT)) {
        throw new Error(
          `${ruleSpec.rule.name}: it works on tf.Variables, so it can neither learn a hyperparameter nor run in float64. Use a rule made of expressions, such as adam().`,
        );
      }
      const plan = planOf(ruleSpec);
      this.plans.set(ruleSpec, plan);
      for (const { learned } of plan.learned) {
        if (this.above.has(learned.by)) continue;
        this.above.set(learned.by, new Level(tower, learned.by, `${path}.${this.above.size}`));
      }
    }
    this.schedule();
    for (const plan of this.plans.values()) {
      for (const hyperparameter of plan.learned) {
        if (hyperparameter.per === "model") this.createModelKnob(hyperparameter);
      }
    }
  }

  /**
   * Evaluates the schedules of this level and those above for the coming step.
   *
   * @throws Error where a schedule leaves the domain of its hyperparameter.
   */
  schedule(): void {
    this.coming = new Map();
    for (const ruleSpec of this.plans.keys()) {
      const { rule, settings } = ruleSpec;
      const values = new Map<string, number>();
      for (const [name, setting] of Object.entries(settings)) {
        if (typeof setting !== "function") continue;
        const value = setting(this.steps);
        const { domain } = rule.hyperparameters[name] as Rule["hyperparameters"][string];
        if (!inDomain(value, domain)) {
          throw new Error(
            `${rule.name}: the schedule of ${name} gives ${value} at step ${this.steps}; expected ${domain.description}.`,
          );
        }
        values.set(name, value);
      }
      this.coming.set(ruleSpec, values);
    }
    for (const level of this.above.values()) level.schedule();
  }

  private createModelKnob(hyperparameter: LearnedHyperparameter): void {
    const { learned, name } = hyperparameter;
    const byName = this.modelKnobs.get(learned) ?? new Map<string, Knob<A>>();
    this.modelKnobs.set(learned, byName);
    if (byName.has(name)) return;
    const twins = [...this.modelKnobs.values()].filter((other) => other.has(name)).length;
    const knob = this.createKnob(hyperparameter, `*:${name}${twins ? `~${twins + 1}` : ""}`, []);
    byName.set(name, knob);
    knob.above.adopt(knob.cell);
  }

  private createKnob(hyperparameter: LearnedHyperparameter, name: string, shape: readonly number[]): Knob<A> {
    const { learned, coordinate } = hyperparameter;
    const above = this.above.get(learned.by) as Level<A>;
    const raw = this.number(compile({ raw: coordinate.inverse(constant(learned.init)) }), "raw");
    return { hyperparameter, above, cell: above.createCell(name, shape, raw), raw, value: learned.init };
  }

  private number(program: Program, output: string): number {
    return this.tower.executor.run(program, {}, scalarLayout)[output] as number;
  }

  /**
   * What the level needs to know of a variable; `adopt` makes it part of the level.
   *
   * @param name Its name.
   * @param shape Its shape.
   * @param p Its value now.
   * @throws Error where a tensor that the rule was given from outside is missing for it or has another shape.
   */
  createCell(name: string, shape: readonly number[], p: Value<A>): Cell<A> {
    const { spec, channelAxes } = resolve(this.spec, { name, shape });
    const plan = this.plans.get(spec) as Plan;
    const layout = layoutOf(shape, channelAxes, name);
    const knobs = new Map<string, Knob<A>>();
    for (const hyperparameter of plan.learned) {
      const { name: of, learned, per } = hyperparameter;
      const knob =
        per === "model"
          ? this.modelKnobs.get(learned)?.get(of)
          : this.createKnob(hyperparameter, `${name}:${of}`, shapeOf(layout, per));
      knobs.set(of, knob as Knob<A>);
    }
    const inputs = { ...this.hyperparameters({ plan, knobs }), p, t: 0 };
    const state = initialState(this.tower, plan, name, layout, inputs);
    return { name, layout, plan, knobs, state, held: new Map(), t: 0 };
  }

  /** Makes a new cell, and what learns its hyperparameters, part of the level. */
  adopt(cell: Cell<A>): void {
    this.cells.set(cell.name, cell);
    for (const { hyperparameter, above, cell: upper } of cell.knobs.values()) {
      if (hyperparameter.per !== "model") above.adopt(upper);
    }
  }

  /** The inputs of the cell's programs that are hyperparameters. */
  private hyperparameters({ plan, knobs }: Pick<Cell<A>, "plan" | "knobs">): Record<string, Value<A>> {
    const inputs: Record<string, Value<A>> = {};
    for (const [name, value] of this.coming.get(plan.spec) ?? []) inputs[name] = value;
    for (const [name, knob] of knobs) {
      inputs[name] = knob.value;
      inputs[knob.hyperparameter.inputs.raw] = knob.raw;
    }
    return inputs;
  }

  /**
   * One step of this level and of all above it. Call `schedule` before.
   *
   * @returns The new values of p, in the order of the updates: p itself where it was written over, else new arrays, which belong to the caller.
   */
  step(updates: readonly Update<A>[]): Value<A>[] {
    this.learn(this.hyperGradients(updates), this.probes(updates));
    const proposals = propose(updates);
    const moved = updates.map((update) => this.move(update, proposals.get(update)));
    for (const proposed of proposals.values()) this.release(proposed);
    this.scheduled = this.coming;
    this.steps++;
    return moved;
  }

  /**
   * One pass over a gradient: its contractions with the held sensitivities, `<h>.gradient`, where there are any, and its probe,
   * `probed`. It changes nothing.
   */
  contract(cell: Cell<A>, g: Value<A>): Record<string, Value<A>> {
    const { plan, held, layout } = cell;
    const { executor } = this.tower;
    if (!plan.contract || held.size === 0) return { probed: probe(executor, g, layout) };
    const inputs: Record<string, Value<A>> = { g };
    for (const { name, inputs: own } of plan.learned) inputs[own.sensitivity] = held.get(name) as Value<A>;
    return executor.run(plan.contract, inputs, layout);
  }

  /** Every learned hyperparameter that these updates use, with its hyper-gradient. */
  private hyperGradients(updates: readonly Update<A>[]): Map<Knob<A>, Value<A>> {
    const { executor } = this.tower;
    const gradients = new Map<Knob<A>, Value<A>>();
    for (const { cell, g, contracted: known } of updates) {
      const { knobs } = cell;
      if (knobs.size === 0) continue;
      const contracted = known ?? this.contract(cell, g);
      if (!known) this.release(contracted.probed);
      for (const knob of knobs.values()) {
        const d = contracted[knob.hyperparameter.outputs.gradient] ?? 0;
        const before = gradients.get(knob);
        if (before === undefined) gradients.set(knob, d);
        else {
          gradients.set(knob, executor.run(sumProgram, { a: before, b: d }, scalarLayout).sum as Value<A>);
          this.release(before);
          this.release(d);
        }
      }
    }
    return gradients;
  }

  /** For every learned hyperparameter that such updates use: the sum of their probes, where they have any. */
  private probes(updates: readonly Update<A>[]): Map<Knob<A>, A> {
    const { executor } = this.tower;
    const probes = new Map<Knob<A>, A>();
    for (const { cell, probed } of updates) {
      if (probed === undefined || typeof probed === "number") continue;
      for (const knob of cell.knobs.values()) {
        const before = probes.get(knob);
        probes.set(knob, executor.run(sumProgram, { a: before ?? 0, b: probed }, scalarLayout).sum as A);
        this.release(before);
      }
    }
    return probes;
  }

  /**
   * The levels above step, and the hyperparameters are moved into their domains.
   *
   * @param probes Where one is not 0, a step that the hyper-gradient comes from is skipped, and the hyperparameter stays too.
   */
  private learn(gradients: ReadonlyMap<Knob<A>, Value<A>>, probes: ReadonlyMap<Knob<A>, A>): void {
    const { executor } = this.tower;
    for (const level of this.above.values()) {
      const knobs: Knob<A>[] = [];
      const updates: Update<A>[] = [];
      const temporary: (Value<A> | undefined)[] = [];
      for (const [knob, d] of gradients) {
        if (knob.above !== level) continue;
        const { cell, hyperparameter } = knob;
        const { transform } = hyperparameter;
        const g = transform ? (executor.run(transform, { d }, cell.layout).d as Value<A>) : d;
        const own = probe(executor, d, cell.layout);
        const transformed = transform ? probe(executor, g, cell.layout) : 0;
        const below = probes.get(knob) ?? 0;
        const { probed, refused } = refusal(executor, own, transformed, below);
        this.tower.refused = countNonFinite(executor, this.tower.refused, refused);
        temporary.push(own, transformed, refused, probed, transform && g);
        if (typeof probed === "number" && probed !== 0) continue;
        knobs.push(knob);
        updates.push({ cell, p: knob.raw, g, probed: typeof probed === "number" ? undefined : probed });
      }
      const moved = knobs.length > 0 ? level.step(updates) : [];
      moved.forEach((raw, i) => {
        const knob = knobs[i] as Knob<A>;
        const { lift } = knob.hyperparameter;
        const lifted = executor.run(lift, { raw, before: knob.raw, value: knob.value }, knob.cell.layout);
        this.release(raw);
        knob.raw = this.replaced(knob.raw, lifted.raw);
        knob.value = this.replaced(knob.value, lifted.value);
      });
      for (const value of temporary) this.release(value);
    }
    for (const value of [...gradients.values(), ...probes.values()]) this.release(value);
  }

  /** One variable's own step: the rule, with the fresh hyperparameters. */
  private move({ cell, p, g, probed, inPlace }: Update<A>, proposed: A | undefined): Value<A> {
    const { executor } = this.tower;
    const { plan, layout, state, held, knobs } = cell;
    const inputs = this.hyperparameters(cell);
    for (const [slot, value] of state) inputs[slot] = value;
    inputs.p = p;
    inputs.g = g;
    inputs.t = cell.t + 1;
    if (proposed) inputs.proposed = proposed;
    // What the step replaces, the executor may write over. A masked step selects between the old and the new: it needs both.
    let into: Record<string, Value<A>> | undefined;
    if (probed === undefined) {
      into = {};
      if (inPlace) into.p = p;
      for (const slot of plan.changing) into[slot] = state.get(slot) as Value<A>;
      for (const { name, outputs } of plan.learned) into[outputs.sensitivity] = held.get(name) ?? 0;
    }
    const result = executor.run(plan.update, inputs, layout, into);
    cell.t++;
    const settle = (fresh: Value<A>, old: Value<A>): Value<A> => {
      if (probed === undefined) return fresh;
      const kept = masked(executor, probed, fresh, old, layout);
      this.release(fresh);
      return kept;
    };
    for (const slot of plan.changing) {
      const old = state.get(slot) as Value<A>;
      state.set(slot, this.replaced(old, settle(result[slot] as Value<A>, old)));
    }
    for (const [name, knob] of knobs) {
      const old = held.get(name) ?? 0;
      const { outputs, writeBack } = knob.hyperparameter;
      held.set(name, this.replaced(old, settle(result[outputs.sensitivity] as Value<A>, old)));
      const written = result[outputs.written];
      if (written === undefined) continue;
      const settled = settle(written, knob.value);
      const moved = executor.run(
        writeBack as Program,
        { raw: knob.raw, value: knob.value, written: settled },
        knob.cell.layout,
      );
      this.release(settled);
      knob.raw = this.replaced(knob.raw, moved.raw);
      knob.value = this.replaced(knob.value, moved.value);
    }
    return settle(result.p as Value<A>, p);
  }

  /** The learned values of grain "model". */
  sharedKnobs(): Knob<A>[] {
    return [...this.modelKnobs.values()].flatMap((byName) => [...byName.values()]);
  }

  /** `fresh`, after `old` is freed; they are one where the step was taken in place. */
  replaced(old: Value<A>, fresh: Value<A> | undefined): Value<A> {
    if (old !== fresh) this.release(old);
    return fresh as Value<A>;
  }

  private release(value: Value<A> | undefined): void {
    if (value !== undefined && typeof value !== "number") this.tower.executor.release(value);
  }

  /**
   * Every hyperparameter of a variable as it was in its last step, by name; those of the levels above with a dot: `lr`, `lr.lr`, …
   * Arrays are the level's own.
   */
  values(cell: Cell<A>): Map<string, Reading<A>> {
    const { settings } = cell.plan.spec;
    const values = new Map<string, Reading<A>>();
    for (const [name, setting] of Object.entries(settings)) {
      const knob = cell.knobs.get(name);
      if (!knob) {
        // After a restore no step was taken yet: the schedule says what its value was.
        const inLastStep = (schedule: Schedule): number =>
          this.scheduled.get(cell.plan.spec)?.get(name) ?? schedule(Math.max(0, this.steps - 1));
        values.set(name, {
          value: typeof setting === "function" ? inLastStep(setting) : (setting as number),
          shape: [],
        });
        continue;
      }
      values.set(name, { value: knob.value, shape: knob.cell.layout.shape });
      for (const [upper, value] of knob.above.values(knob.cell)) values.set(`${name}.${upper}`, value);
    }
    return values;
  }

  /** Frees a cell that was created but not adopted. */
  discard(cell: Cell<A>): void {
    for (const value of cell.state.values()) this.release(value);
    for (const { hyperparameter, above, cell: upper, raw, value } of cell.knobs.values()) {
      if (hyperparameter.per === "model") continue;
      this.release(raw);
      this.release(value);
      above.discard(upper);
    }
  }

  /** Frees everything that this level and those above hold. */
  dispose(): void {
    for (const { state, held } of this.cells.values()) {
      for (const value of [...state.values(), ...held.values()]) this.release(value);
    }
    const knobs = [...this.cells.values()].flatMap((cell) => [...cell.knobs.values()]);
    for (const knob of new Set(knobs)) {
      this.release(knob.raw);
      this.release(knob.value);
    }
    this.cells.clear();
    for (const level of this.above.values()) level.dispose();
  }
}

/** What the rules that work outside the expressions propose: each is asked once, for all of its variables. */
function propose<A>(updates: readonly Update<A>[]): Map<Update<A>, A> {
  const groups = new Map<Propose, Update<A>[]>();
  for (const update of updates) {
    const { propose } = update.cell.plan.spec.rule;
    if (propose) groups.set(propose, [...(groups.get(propose) ?? []), update]);
  }
  const proposals = new Map<Update<A>, A>();
  for (const [propose, group] of groups) {
    const proposed = propose(group.map(({ cell, g }) => ({ name: cell.name, g })));
    group.forEach((update, i) => {
      proposals.set(update, proposed[i] as A);
    });
  }
  return proposals;
}
