/**
 * The oracle: a whole optimizer, tower included, in float64 on plain numbers.
 *
 * It needs no backend. Tests hold every other executor against it, and finite differences are taken through it.
 */

import type { Numbers, Value } from "../executors/executor.js";
import { type Array64, float64Executor } from "../executors/float64-executor.js";
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
 * @throws Error as `hyper` and its steps do.
 */
export function float64(
  spec: Spec,
  parameters: Parameters64,
  options: Pick<HyperOptions, "channelAxis"> = {},
): Float64Optimizer {
  const loadGiven = (tensor: GivenTensor): Array64 => {
    if ("values" in tensor) return float64Executor.load(tensor);
    throw new Error("The float64 executor takes tensors as { shape, values }; got a tf.Tensor. Pass its dataSync().");
  };
  return float64In({ executor: float64Executor, loadGiven, refused: 0 }, spec, parameters, options);
}

/** The same in a tower that is given, which may know how to run operators. */
export function float64In(
  tower: Tower<Array64>,
  spec: Spec,
  parameters: Parameters64,
  { channelAxis }: Pick<HyperOptions, "channelAxis"> = {},
): Float64Optimizer {
  const level = new Level(tower, channelAxis ? withChannelAxis(spec, channelAxis) : spec);
  checkPatterns(
    spec,
    Object.entries(parameters).map(([name, { shape }]) => ({ name, shape })),
  );
  let current: Readonly<Record<string, Array64>> = Object.fromEntries(
    Object.entries(parameters).map(([name, numbers]) => [name, float64Executor.load(numbers)]),
  );

  function cellOf(name: string, p: Array64): Cell<Array64> {
    const known = level.cells.get(name);
    if (known) return known;
    const cell = level.createCell(name, p.shape, p);
    level.adopt(cell);
    return cell;
  }

  function parameterOf(name: string): Array64 {
    const p = current[name];
    if (!p) throw new Error(`step: there is no parameter "${name}"; there are ${Object.keys(current).join(", ")}.`);
    return p;
  }

  function loaded(name: string, { shape, values: { length } }: Array64, values: ArrayLike<number>): Array64 {
    if (values.length !== length) {
      throw new Error(`step: the gradient of "${name}" has ${values.length} values; expected ${length}.`);
    }
    return float64Executor.load({ shape, values });
  }

  const plain = ({ value, shape }: Reading<Array64>): number | Float64Array => {
    if (shape.length > 0) return float64Executor.spread(value, shape).values;
    return typeof value === "number" ? value : (value.values[0] as number);
  };

  return {
    get parameters() {
      return current;
    },
    get refusedHyperGradients() {
      return tower.refused as number;
    },
    step(gradients, hyperGradients) {
      level.schedule();
      const given = Object.entries(gradients).flatMap(([name, values]) => {
        if (!values) return [];
        const p = parameterOf(name);
        return [{ cell: cellOf(name, p), p, g: loaded(name, p, values) }];
      });
      const updates = given.flatMap(({ cell, p, g }) => {
        const mean = cell.steps === 1 ? g : gather(tower, cell, g);
        if (mean === undefined) return [];
        const heldOut =
          hyperGradients && loaded(cell.name, p, hyperGradients[cell.name] ?? new Float64Array(p.values.length));
        const contracted = heldOut && level.contract(cell, mean, p, heldOut);
        return [{ cell, p, g: mean, ...(contracted && { contracted }) }];
      });
      if (updates.length === 0) return;
      const moved = level.step(updates);
      const next = { ...current };
      updates.forEach(({ cell, p }, i) => {
        next[cell.name] = float64Executor.spread(moved[i] as Value<Array64>, p.shape);
      });
      current = next;
    },
    evaluation() {
      const values = Object.entries(current).map(([name, p]) => {
        const cell = level.cells.get(name);
        return [name, float64Executor.spread((cell && evaluationOf(level, cell, p)) ?? p, p.shape)];
      });
      return Object.fromEntries(values);
    },
    freeze: (path, frozen) => setFrozen(level, path, frozen),
    hyperparameters() {
      return Object.fromEntries(
        [...level.cells.values()].map((cell) => [
          cell.name,
          Object.fromEntries([...readingsOf(level, cell)].map(([name, value]) => [name, plain(value)])),
        ]),
      );
    },
  };
}
