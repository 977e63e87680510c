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

import { gather } from "./accumulate.js";
import { type Cell, initialState, type Knob, type Reading, type Tower, type Update } from "./cell.js";
import { inDomain } from "./domain.js";
import type { Value } from "./executor.js";
import { constant, input } from "./expression.js";
import { countNonFinite, masked, probe, refusal } from "./finite.js";
import type { LearnedHyperparameter } from "./knob-plan.js";
import { layoutOf, scalarLayout, shapeOf } from "./layout.js";
import type { Learned } from "./learned.js";
import { type Plan, planOf } from "./plan.js";
import { compile, type Program } from "./program.js";
import type { Rule } from "./rule.js";
import { added, runStages } from "./run-stages.js";
import type { Schedule } from "./schedule.js";
import { type RuleSpec, resolve, ruleSpecsOf, type Spec, type VariableInfo } from "./spec.js";

/** The path of the bottom level. */
const ROOT = "0";

const probeSum = compile({ sum: input("a", "element").add(input("b", "element")) });
const spoilProgram = compile({ spoilt: input("g", "element").add(input("probed", "tensor")) });

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
  /** Learned hyperparameters that stay as they are for now, by name. */
  readonly frozen: Set<string> = new Set();
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
      const plan = planOf(ruleSpec);
      if (plan.operators.size > 0 && !(tower.operate && path === ROOT)) {
        throw new Error(
          `${ruleSpec.rule.name}: it works on tf.Tensors, so it can neither learn a hyperparameter nor run in float64. Use a rule made of expressions, such as adam().`,
        );
      }
      this.plans.set(ruleSpec, plan);
      for (const { learned } of plan.learned) {
        if (this.above.has(learned.by)) continue;
        this.above.set(learned.by, new Level(tower, learned.by, `${path}.${this.above.size}`));
      }
    }
    checkTotals([...this.plans.values()]);
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
    const { spec, channelAxes, steps } = resolve(this.spec, { name, shape });
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
    const memory = initialMemory(this.tower, plan, { name, shape });
    const state = initialState(this.tower, plan, name, layout, inputs);
    const held = new Map<string, Value<A>>();
    if (plan.initHeld) {
      const carried = this.tower.executor.run(plan.initHeld, inputs, layout);
      for (const { key, name: of } of plan.learned.flatMap(({ held }) => held)) {
        if (carried[of] !== undefined) held.set(key, carried[of]);
      }
    }
    return { name, layout, plan, knobs, state, memory, held, steps, gathered: undefined, t: 0 };
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
    const ready = updates.map((update) => ({ ...update, inputs: this.inputsOf(update) }));
    // Above the bottom every variable is masked by itself.
    const temporary = runStages(this.tower, ready, this.path !== ROOT);
    const moved = ready.map((update) => this.move(update));
    for (const value of temporary) this.release(value);
    this.scheduled = this.coming;
    this.steps++;
    return moved;
  }

  /**
   * One pass over a gradient: its contractions with the held sensitivities, the parts of hyper-gradients, where there are any, and its probe,
   * `probed`. It changes nothing.
   *
   * @param p The variable's value now.
   * @param heldOut The gradient of the loss that hyperparameters are learned from, where that is another one.
   */
  contract(cell: Cell<A>, g: Value<A>, p: Value<A>, heldOut?: Value<A>): Record<string, Value<A>> {
    const { plan, held, layout } = cell;
    const { executor } = this.tower;
    const program = heldOut === undefined ? plan.contract : plan.contractHeldOut;
    if (!program || cell.t === 0) return { probed: probe(executor, g, layout) };
    const inputs: Record<string, Value<A>> = { ...this.stateOf(cell), p, g: heldOut ?? g, t: cell.t };
    for (const { held: all } of plan.learned) inputs[all[0].name] = held.get(all[0].key) as Value<A>;
    const contracted = executor.run(program, inputs, layout);
    if (heldOut === undefined) return contracted;
    return { ...contracted, probed: added(this.tower, contracted.probed, probe(executor, g, layout)) };
  }

  /** Every learned hyperparameter that these updates use, with the parts of its hyper-gradient. */
  private hyperGradients(updates: readonly Update<A>[]): Map<Knob<A>, Record<string, Value<A>>> {
    const gradients = new Map<Knob<A>, Record<string, Value<A>>>();
    for (const { cell, p, g, contracted: known } of updates) {
      const { knobs } = cell;
      if (knobs.size === 0) continue;
      const contracted = known ?? this.contract(cell, g, p);
      if (!known) this.release(contracted.probed);
      for (const knob of knobs.values()) {
        const sums = gradients.get(knob) ?? {};
        gradients.set(knob, sums);
        for (const [part, name] of Object.entries(knob.hyperparameter.parts)) {
          sums[part] = added(this.tower, sums[part], contracted[name] ?? 0);
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
        const sum = executor.run(probeSum, { a: before ?? 0, b: probed }, scalarLayout).sum as A;
        this.release(before);
        probes.set(knob, sum);
      }
    }
    return probes;
  }

  /**
   * The levels above step, and the hyperparameters are moved into their domains.
   *
   * @param probes Where one is not 0, a step that the hyper-gradient comes from is skipped, and the hyperparameter stays too.
   */
  private learn(gradients: ReadonlyMap<Knob<A>, Record<string, Value<A>>>, probes: ReadonlyMap<Knob<A>, A>): void {
    for (const level of this.above.values()) {
      const updates: (Update<A> & { readonly knob: Knob<A> })[] = [];
      const temporary: Value<A>[] = [];
      for (const [knob, parts] of gradients) {
        if (knob.above !== level) continue;
        const { learned, name } = knob.hyperparameter;
        if (this.steps < learned.warmup || this.frozen.has(name)) continue;
        const update = this.learning(knob, parts, probes.get(knob) ?? 0, temporary);
        if (update) updates.push({ ...update, knob });
      }
      const moved = updates.length > 0 ? level.step(updates) : [];
      moved.forEach((raw, i) => {
        const { knob } = updates[i] as (typeof updates)[number];
        this.settle(knob, knob.hyperparameter.lift, { raw, before: knob.raw, value: knob.value });
        this.release(raw);
      });
      for (const value of temporary) this.release(value);
    }
    for (const parts of gradients.values()) for (const value of Object.values(parts)) this.release(value);
    for (const value of probes.values()) this.release(value);
  }

  /** What one learned value's learner is given; undefined where it takes no step. */
  private learning(
    { hyperparameter: { transform }, cell, raw }: Knob<A>,
    parts: Readonly<Record<string, Value<A>>>,
    below: Value<A>,
    temporary: Value<A>[],
  ): Update<A> | undefined {
    const { executor } = this.tower;
    const d = parts.d as Value<A>;
    const g = transform ? (executor.run(transform, parts, cell.layout).d as Value<A>) : d;
    const own = probe(executor, d, cell.layout);
    const transformed = transform ? probe(executor, g, cell.layout) : 0;
    const { probed, refused } = refusal(executor, own, transformed, below);
    this.tower.refused = countNonFinite(executor, this.tower.refused, refused);
    temporary.push(own, transformed, refused, probed);
    if (transform) temporary.push(g);
    if (typeof probed === "number" && probed !== 0) return undefined;
    const onDevice = typeof probed !== "number";
    if (cell.steps === 1) return { cell, p: raw, g, probed: onDevice ? probed : undefined };
    // On the device nobody knows which gradients were refused: one of them spoils the mean, which then masks the step that it makes.
    const taken = onDevice ? (executor.run(spoilProgram, { g, probed }, cell.layout).spoilt as Value<A>) : g;
    if (taken !== g) temporary.push(taken);
    const mean = gather(this.tower, cell, taken);
    if (mean === undefined) return undefined;
    temporary.push(mean);
    if (!onDevice) return { cell, p: raw, g: mean };
    const finite = probe(executor, mean, cell.layout);
    temporary.push(finite);
    return { cell, p: raw, g: mean, probed: finite };
  }

  /** A learned value, and the number behind it, become what a program makes of them. */
  private settle(knob: Knob<A>, program: Program, inputs: Readonly<Record<string, Value<A>>>): void {
    const { raw, value } = this.tower.executor.run(program, inputs, knob.cell.layout);
    knob.raw = this.replaced(knob.raw, raw);
    knob.value = this.replaced(knob.value, value);
  }

  /** Hyperparameters and state slots, as programs read them. */
  private stateOf(cell: Cell<A>): Record<string, Value<A>> {
    const inputs = this.hyperparameters(cell);
    for (const [slot, value] of cell.state) inputs[slot] = value;
    return inputs;
  }

  /** Everything that the programs of one variable's step read, but for the stages. */
  private inputsOf({ cell, p, g }: Update<A>): Record<string, Value<A>> {
    const inputs: Record<string, Value<A>> = { ...this.stateOf(cell), p, g, t: cell.t + 1 };
    for (const { learned, held, inputs: own } of cell.plan.learned) {
      if (learned.horizon === 1) continue;
      for (const { key, name } of held) inputs[name] = cell.held.get(key) ?? 0;
      // Before the first step it is how initial values depend on the hyperparameter.
      inputs[own.carry] = cell.t > 0 && cell.t % learned.horizon === 0 ? 0 : learned.decay;
    }
    return inputs;
  }

  /** One variable's own step: the rule, with the fresh hyperparameters. */
  private move(update: Update<A> & { readonly inputs: Readonly<Record<string, Value<A>>> }): Value<A> {
    const { cell, p, probed, inPlace, inputs } = update;
    const { executor } = this.tower;
    const { plan, layout, state, held, knobs } = cell;
    cell.t++;
    if (plan.still && inPlace) return p;
    // What the step replaces, the executor may write over. A masked step selects between the old and the new: it needs both.
    let into: Record<string, Value<A>> | undefined;
    if (probed === undefined) {
      into = {};
      if (inPlace) into.p = p;
      for (const slot of plan.changing) into[slot] = state.get(slot) as Value<A>;
      for (const { held: all } of plan.learned) for (const { key, name } of all) into[name] = held.get(key) ?? 0;
    }
    const result = executor.run(plan.update, inputs, layout, into);
    const settled = (fresh: Value<A>, old: Value<A>): Value<A> => {
      if (probed === undefined) return fresh;
      const kept = masked(executor, probed, fresh, old, layout);
      this.release(fresh);
      return kept;
    };
    for (const slot of plan.changing) {
      const old = state.get(slot) as Value<A>;
      state.set(slot, this.replaced(old, settled(result[slot] as Value<A>, old)));
    }
    for (const knob of knobs.values()) {
      const { outputs, writeBack, held: all } = knob.hyperparameter;
      for (const { key, name } of all) {
        const old = held.get(key) ?? 0;
        held.set(key, this.replaced(old, settled(result[name] as Value<A>, old)));
      }
      const fresh = result[outputs.written];
      if (fresh === undefined) continue;
      const written = settled(fresh, knob.value);
      this.settle(knob, writeBack as Program, { raw: knob.raw, value: knob.value, written });
      this.release(written);
    }
    return settled(result.p as Value<A>, p);
  }

  /**
   * What to evaluate the model with, in place of the variable's value p; undefined where that is p.
   *
   * @returns A new array.
   */
  evaluation(cell: Cell<A>, p: Value<A>): Value<A> | undefined {
    const { plan, layout, t } = cell;
    if (!plan.evaluation || t === 0) return undefined;
    const inputs: Record<string, Value<A>> = { ...this.stateOf(cell), p, t };
    for (const [name, setting] of Object.entries(plan.spec.settings)) {
      if (typeof setting === "function") inputs[name] = this.inLastStep(plan.spec, name, setting);
    }
    return this.tower.executor.run(plan.evaluation, inputs, layout).p;
  }

  /**
   * Freezes or frees a learned hyperparameter.
   *
   * @param path Its name; those of learners with a dot: `lr`, `lr.lr`.
   * @returns True where there is such a one.
   */
  freeze(path: string, frozen: boolean): boolean {
    const [name = "", ...above] = path.split(".");
    const rest = above.join(".");
    let found = false;
    for (const { learned } of this.plans.values()) {
      for (const { name: own, learned: by } of learned) {
        if (own !== name) continue;
        if (rest) found = (this.above.get(by.by) as Level<A>).freeze(rest, frozen) || found;
        else found = true;
      }
    }
    if (!rest && found) this.frozen[frozen ? "add" : "delete"](name);
    return found;
  }

  /** The names of everything that is learned here and above. */
  learnedPaths(): string[] {
    const paths = [...this.plans.values()].flatMap(({ learned }) =>
      learned.flatMap(({ name, learned: { by } }) => [
        name,
        ...(this.above.get(by) as Level<A>).learnedPaths().map((path) => `${name}.${path}`),
      ]),
    );
    return [...new Set(paths)];
  }

  /** The names of the hyperparameters that this level learns. */
  learnedNames(): string[] {
    return this.learnedPaths().filter((path) => !path.includes("."));
  }

  /** The learned values of grain "model". */
  sharedKnobs(): Knob<A>[] {
    return [...this.modelKnobs.values()].flatMap((byName) => [...byName.values()]);
  }

  /** The shape of an array. */
  shapeOf(array: A): readonly number[] {
    return this.tower.executor.shapeOf(array);
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
        values.set(name, {
          value: typeof setting === "function" ? this.inLastStep(cell.plan.spec, name, setting) : (setting as number),
          shape: [],
        });
        continue;
      }
      values.set(name, { value: knob.value, shape: knob.cell.layout.shape });
      for (const [upper, value] of knob.above.values(knob.cell)) values.set(`${name}.${upper}`, value);
    }
    return values;
  }

  /** A schedule's value in the last step. */
  private inLastStep(spec: RuleSpec, name: string, schedule: Schedule): number {
    // After a restore no step was taken yet: the schedule says what its value was.
    return this.scheduled.get(spec)?.get(name) ?? schedule(Math.max(0, this.steps - 1));
  }

  /** Frees a cell that was created but not adopted. */
  discard(cell: Cell<A>): void {
    this.releaseCell(cell);
    for (const { hyperparameter, above, cell: upper, raw, value } of cell.knobs.values()) {
      if (hyperparameter.per === "model") continue;
      this.release(raw);
      this.release(value);
      above.discard(upper);
    }
  }

  private releaseCell({ state, held, memory, gathered }: Cell<A>): void {
    for (const value of [...state.values(), ...held.values()]) this.release(value);
    for (const remembered of memory.values()) for (const array of Object.values(remembered)) this.release(array);
    this.release(gathered?.sum);
  }

  /** Frees everything that this level and those above hold. */
  dispose(): void {
    for (const cell of this.cells.values()) this.releaseCell(cell);
    const knobs = [...this.cells.values()].flatMap((cell) => [...cell.knobs.values()]);
    for (const knob of new Set(knobs)) {
      this.release(knob.raw);
      this.release(knob.value);
    }
    this.cells.clear();
    for (const level of this.above.values()) level.dispose();
  }
}

/** What the operators of a plan remember before the first step. */
function initialMemory<A>({ loadGiven }: Tower<A>, { operators }: Plan, variable: VariableInfo): Cell<A>["memory"] {
  const memory: Cell<A>["memory"] = new Map();
  for (const operator of operators.values()) operator.accepts?.(variable);
  for (const [stage, operator] of operators) {
    const arrays = Object.entries(operator.memory?.(variable.shape) ?? {}).map(([name, made]): [string, A] => {
      const array = loadGiven(made);
      made.dispose();
      return [name, array];
    });
    memory.set(stage, Object.fromEntries(arrays));
  }
  return memory;
}

/**
 * A total that several rules have in common passes on to each how it changes with what is learned in one: they must all learn it.
 *
 * @throws Error where one does not.
 */
function checkTotals(plans: readonly Plan[]): void {
  const stagesOf = (plan: Plan) => plan.rounds.flatMap(({ stages }) => stages);
  for (const plan of plans) {
    for (const { name, over, tangents } of stagesOf(plan)) {
      for (const { name: hyperparameter, learned } of plan.learned) {
        if (!tangents.has(hyperparameter)) continue;
        const other = plans.find(
          (each) =>
            stagesOf(each).some((stage) => stage.over === over) &&
            !each.learned.some((its) => its.name === hyperparameter && its.learned === learned),
        );
        if (!other) continue;
        throw new Error(
          `${plan.spec.rule.name}: ${hyperparameter} cannot be learned with a horizon above 1 here. "${name}" adds up over the variables of ${other.spec.rule.name} as well, which come to depend on it but do not learn it. Give both the same learned object, or leave horizon out.`,
        );
      }
    }
  }
}
