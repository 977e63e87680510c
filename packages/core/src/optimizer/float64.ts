/**
 * The oracle: a whole optimizer, tower included, in float64 on plain numbers.
 *
 * It needs no backend. Tests hold every other executor against it, and finite differences are taken through it.
 */

import type { Numbers, Value } from "../executors/executor.js";
import { type Array64, float64Executor } from "../executors/float64-executor.js";
import { Transaction } from "../executors/transaction.js";
import { listed } from "../expression/shown.js";
import { checkPatterns } from "../rule/resolve.js";
import type { GivenTensor } from "../rule/rule.js";
import { type Spec, withChannelAxis } from "../rule/spec.js";
import type { Cell, Tower } from "../tower/cell.js";
import { setFrozen } from "../tower/freeze.js";
import { gather } from "../tower/gather.js";
import { Level } from "../tower/level.js";
import type { Reading } from "../tower/readings.js";
import { evaluationOf, readingsOf } from "../tower/readings.js";
import type { HyperOptions } from "./hyper-options.js";

/** Parameters by name: shape, and values in row-major order. */
export type Parameters64 = Readonly<Record<string, Numbers>>;

/** Gradients by parameter name. */
export type Gradients64 = Readonly<Record<string, ArrayLike<number> | null | undefined>>;

/** An optimizer with its own parameters, in float64. */
export interface Float64Optimizer {
  /** The parameters as they are now; a new object after every step. */
  readonly parameters: Readonly<Record<string, Array64>>;
  /**
   * One step. A parameter without a gradient keeps its value and its state.
   *
   * @param hyperGradients Gradients of the loss that hyperparameters are learned from, where that is another one.
   */
  step(gradients: Gradients64, hyperGradients?: Gradients64): void;
  /** What to evaluate the model with: averages where the optimizer keeps some, else the parameters. */
  evaluation(): Readonly<Record<string, Array64>>;
  /** Freezes or frees a learned hyperparameter; see `HyperOptimizer.freeze`. */
  freeze(path: string, frozen: boolean): boolean;
  /** Every hyperparameter as it was in the last step, by parameter name and hyperparameter name (`lr`, `lr.lr`, …). */
  hyperparameters(): Record<string, Record<string, number | Float64Array>>;
  /** Hyper-gradients that were not applied because they were not finite. */
  readonly refusedHyperGradients: number;
}

/**
 * Runs a spec in float64.
 *
 * @param spec The optimizer.
 * @param parameters The parameters at the start; they are copied.
 * @throws Error as `hyper` and its steps do, those with a gradient that is not finite included: nothing is changed by such a step.
 */
export function float64(
  spec: Spec,
  parameters: Parameters64,
  options: Pick<HyperOptions, "channelAxis"> = {},
): Float64Optimizer {
  const executor = new Transaction(float64Executor);
  return float64In({ executor, loadGiven, refused: 0 }, spec, parameters, options);
}

/** The same in a tower that is given, which may know how to run operators. */
export const float64In = (
  tower: Tower<Array64>,
  spec: Spec,
  parameters: Parameters64,
  { channelAxis }: Pick<HyperOptions, "channelAxis"> = {},
): Float64Optimizer => new PlainLevel(tower, spec, parameters, channelAxis);

/** A parameter and a gradient of its. */
interface Given {
  readonly name: string;
  readonly p: Array64;
  readonly g: Array64;
}

/** The bottom level, whose variables are plain numbers: what `VariableLevel` is for tf.Variables. */
class PlainLevel implements Float64Optimizer {
  private readonly tower: Tower<Array64>;
  private readonly level: Level<Array64>;
  parameters: Readonly<Record<string, Array64>>;

  constructor(tower: Tower<Array64>, spec: Spec, parameters: Parameters64, channelAxis: HyperOptions["channelAxis"]) {
    this.tower = tower;
    this.level = new Level(this.tower, channelAxis ? withChannelAxis(spec, channelAxis) : spec);
    checkPatterns(
      spec,
      Object.entries(parameters).map(([name, { shape }]) => ({ name, shape })),
    );
    this.parameters = Object.fromEntries(
      Object.entries(parameters).map(([name, numbers]) => [name, float64Executor.load(numbers)]),
    );
  }

  get refusedHyperGradients(): number {
    return this.tower.refused as number;
  }

  step(gradients: Gradients64, hyperGradients?: Gradients64): void {
    this.tower.executor.whole(() => this.take(gradients, hyperGradients));
  }

  private take(gradients: Gradients64, hyperGradients: Gradients64 | undefined): void {
    const given = this.given(gradients);
    const heldOut = hyperGradients && new Map(this.given(hyperGradients).map(({ name, g }) => [name, g]));
    this.level.schedule();
    const updates = given.flatMap(({ name, p, g }) => {
      const cell = this.cellOf(name, p);
      const mean = cell.steps === 1 ? g : gather(this.tower, cell, g);
      if (mean === undefined) return [];
      const contracted = heldOut && this.level.contract(cell, mean, p, heldOut.get(name) ?? 0);
      return [{ cell, p, g: mean, ...(contracted && { contracted }) }];
    });
    if (updates.length === 0) return;
    const moved = this.level.step(updates)();
    const next = { ...this.parameters };
    updates.forEach(({ cell, p }, i) => {
      next[cell.name] = float64Executor.spread(moved[i] as Value<Array64>, p.shape);
    });
    this.parameters = next;
  }

  /** The parameters that have a gradient, with it. */
  private given(gradients: Gradients64): Given[] {
    return Object.entries(gradients).flatMap(([name, values]) => {
      if (!values) return [];
      const p = Object.hasOwn(this.parameters, name) ? this.parameters[name] : undefined;
      if (!p)
        throw new Error(`step: there is no parameter "${name}"; there are ${listed(Object.keys(this.parameters))}.`);
      const { length } = p.values;
      if (values.length !== length) {
        throw new Error(`step: the gradient of "${name}" has ${values.length} values; expected ${length}.`);
      }
      const g = float64Executor.load({ shape: p.shape, values });
      const wrong = g.values.findIndex((x) => !Number.isFinite(x));
      if (wrong >= 0) {
        throw new Error(
          `step: the gradient of "${name}" is ${g.values[wrong]} at ${wrong}; expected finite numbers. Nothing was changed.`,
        );
      }
      return [{ name, p, g }];
    });
  }

  private cellOf(name: string, p: Array64): Cell<Array64> {
    const known = this.level.cells.get(name);
    if (known) return known;
    const cell = this.level.createCell(name, p.shape, p);
    this.level.adopt(cell);
    return cell;
  }

  evaluation(): Readonly<Record<string, Array64>> {
    const values = Object.entries(this.parameters).map(([name, p]) => {
      const cell = this.level.cells.get(name);
      return [name, float64Executor.spread((cell && evaluationOf(this.level, cell, p)) ?? p, p.shape)];
    });
    return Object.fromEntries(values);
  }

  freeze(path: string, frozen: boolean): boolean {
    return setFrozen(this.level, path, frozen);
  }

  hyperparameters(): Record<string, Record<string, number | Float64Array>> {
    return Object.fromEntries(
      [...this.level.cells.values()].map((cell) => [
        cell.name,
        Object.fromEntries([...readingsOf(this.level, cell)].map(([name, value]) => [name, plain(value)])),
      ]),
    );
  }
}

function loadGiven(tensor: GivenTensor): Array64 {
  if ("values" in tensor) return float64Executor.load(tensor);
  throw new Error("The float64 executor takes tensors as { shape, values }; got a tf.Tensor. Pass its dataSync().");
}

function plain({ value, shape }: Reading<Array64>): number | Float64Array {
  if (shape.length > 0) return float64Executor.spread(value, shape).values;
  return typeof value === "number" ? value : (value.values[0] as number);
}
