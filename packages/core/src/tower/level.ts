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

import { free, type Value } from "../executors/executor.js";
import { probe } from "../executors/finite.js";
import { constant } from "../expression/expression.js";
import { layoutOf, scalarLayout, shapeOf } from "../expression/layout.js";
import { compile } from "../expression/program.js";
import type { LearnedHyperparameter } from "../plan/knob-plan.js";
import { type Plan, planOf } from "../plan/plan.js";
import { Timetable } from "../plan/timetable.js";
import { checkTotals } from "../plan/totals.js";
import { axesByRole } from "../rule/channel-axes.js";
import { resolve } from "../rule/resolve.js";
import type { Learned } from "../rule/spec.js";
import { type RuleSpec, ruleSpecsOf, type Spec } from "../rule/spec.js";
import { type Cell, type Knob, learnedName, type Tower, type Update } from "./cell.js";
import { initialMemory, initialState } from "./initial.js";
import { hyperparameterInputs, stateInputs, stepInputs } from "./inputs.js";
import { learn } from "./learn.js";
import { move } from "./move.js";
import { added, runStages } from "./run-stages.js";

/** The path of the bottom level. */
const ROOT = "0";

/** An optimizer at work on the variables of one level. */
export class Level<A> {
  readonly spec: Spec;
  readonly cells: Map<string, Cell<A>> = new Map();
  readonly tower: Tower<A>;
  /** Where in the tower it stands: the start of its keys in a checkpoint. */
  readonly path: string;
  /** The levels that learn this one's hyperparameters, by learner. */
  readonly above: Map<Spec, Level<A>> = new Map();
  private readonly plans = new Map<RuleSpec, Plan>();
  private readonly modelKnobs = new Map<Learned, Map<string, Knob<A>>>();
  /** What the schedules of this level say. */
  readonly timetable: Timetable = new Timetable();
  /** Whether a rule has stages. */
  private readonly staged: boolean;
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
    this.staged = [...this.plans.values()].some(({ rounds }) => rounds.length > 0);
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
    this.timetable.prepare(this.plans.keys(), this.steps);
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
    this.learnerOf(knob).adopt(knob.cell);
  }

  private createKnob(hyperparameter: LearnedHyperparameter, name: string, shape: readonly number[]): Knob<A> {
    const { learned, coordinate } = hyperparameter;
    const inverse = compile({ raw: coordinate.inverse(constant(learned.init)) });
    const raw = this.tower.executor.run(inverse, {}, scalarLayout).raw as number;
    const cell = this.learnerOf({ hyperparameter }).createCell(name, shape, raw);
    return { hyperparameter, cell, raw, value: learned.init };
  }

  /** The level whose variable the learned value is. */
  learnerOf({ hyperparameter: { learned } }: Pick<Knob<A>, "hyperparameter">): Level<A> {
    return this.above.get(learned.by) as Level<A>;
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
    const layout = layoutOf(shape, channelAxes ?? axesByRole({ name, shape }), name);
    const knobs = new Map<string, Knob<A>>();
    for (const hyperparameter of plan.learned) {
      const { name: of, learned, per } = hyperparameter;
      const knob =
        per === "model"
          ? this.modelKnobs.get(learned)?.get(of)
          : this.createKnob(hyperparameter, learnedName(name, of), shapeOf(layout, per));
      knobs.set(of, knob as Knob<A>);
    }
    const inputs = { ...hyperparameterInputs(this.timetable, { plan, knobs }), p, t: 0 };
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
    this.tower.executor.set(this.cells, cell.name, cell);
    for (const knob of cell.knobs.values()) {
      if (knob.hyperparameter.per !== "model") this.learnerOf(knob).adopt(knob.cell);
    }
  }

  /**
   * One step of this level and of all above it. Call `schedule` before.
   *
   * @returns What does the rest, which cannot fail, and returns the new values of p, in the order of the updates: p itself where it was written over, else new arrays, which belong to the caller.
   */
  step(updates: readonly Update<A>[]): () => Value<A>[] {
    const { executor } = this.tower;
    learn(this.tower, this, updates);
    const inputs = updates.map((update) => stepInputs(this.timetable, update));
    const temporary = this.staged ? this.stages(updates, inputs) : [];
    const moves = updates.map((update, i) => move(this.tower, update, inputs[i] as Record<string, Value<A>>));
    executor.put(this.timetable, "last", this.timetable.next);
    executor.put(this, "steps", this.steps + 1);
    return () => {
      const moved = moves.map((finish) => finish());
      for (const value of temporary) free(executor, value);
      return moved;
    };
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
    const inputs: Record<string, Value<A>> = plan.penalised
      ? { ...stateInputs(this.timetable, cell), p, t: cell.t }
      : {};
    inputs.g = heldOut ?? g;
    for (const { held: all } of plan.learned) inputs[all[0].name] = held.get(all[0].key) as Value<A>;
    const contracted = executor.run(program, inputs, layout);
    if (heldOut === undefined) return contracted;
    return { ...contracted, probed: added(this.tower, contracted.probed, probe(executor, g, layout)) };
  }

  /** Adds the results of the stages to the inputs; returns the arrays to free after the step. */
  private stages(updates: readonly Update<A>[], inputs: readonly Record<string, Value<A>>[]): Value<A>[] {
    const staged = updates.map(({ cell, probed }, i) => ({
      cell,
      probed,
      inputs: inputs[i] as Record<string, Value<A>>,
    }));
    // Above the bottom every variable is masked by itself.
    return runStages(this.tower, staged, this.path !== ROOT);
  }

  /** Everything that this level learns. */
  get learned(): readonly LearnedHyperparameter[] {
    return [...this.plans.values()].flatMap(({ learned }) => learned);
  }

  /** The learned values of grain "model". */
  sharedKnobs(): Knob<A>[] {
    return [...this.modelKnobs.values()].flatMap((byName) => [...byName.values()]);
  }

  private releaseCell({ state, held, memory, gathered }: Cell<A>): void {
    for (const value of [...state.values(), ...held.values()]) free(this.tower.executor, value);
    for (const remembered of memory.values())
      for (const array of Object.values(remembered)) free(this.tower.executor, array);
    free(this.tower.executor, gathered?.sum);
  }

  /** Frees everything that this level and those above hold. */
  dispose(): void {
    for (const cell of this.cells.values()) this.releaseCell(cell);
    const knobs = [...this.cells.values()].flatMap((cell) => [...cell.knobs.values()]);
    for (const knob of new Set(knobs)) {
      free(this.tower.executor, knob.raw);
      free(this.tower.executor, knob.value);
    }
    this.cells.clear();
    for (const level of this.above.values()) level.dispose();
  }
}
