/**
 * The bottom level, whose variables are the model's tf.Variables: from their gradients to their new values.
 *
 * A step looks before it leaps: everything is probed and contracted in one pass over the gradients, new variables are made known, and only
 * then does anything change.
 */
import * as tf from "@tensorflow/tfjs-core";
import type { Executor, Value } from "../executors/executor.js";
import { countNonFinite, probe } from "../executors/finite.js";
import { layoutOf } from "../expression/layout.js";
import { operateOnTensors } from "../rule/operator.js";
import type { GivenTensor } from "../rule/rule.js";
import { accumulates, type Spec } from "../rule/spec.js";
import type { Cell, Tower } from "../tower/cell.js";
import { gather } from "../tower/gather.js";
import { Level } from "../tower/level.js";
import type { VariableGradient } from "./gradients.js";
import type { NonFiniteCounts } from "./hyper-options.js";
import { Overflow } from "./overflow.js";

/** One pass over a gradient: see `Level.contract`. */
type Contracted = Readonly<Record<string, Value<tf.Tensor>>>;

/** Gradients of the loss that hyperparameters are learned from, by variable. */
type HeldOut = ReadonlyMap<tf.Variable, tf.Tensor> | undefined;

/** What became of gradients: a step; none, because something was not finite; or none yet, because more of them are to come. */
export type Outcome = "taken" | "skipped" | "gathered";

/** An optimizer at work on tf.Variables. */
export class VariableLevel {
  readonly tower: Tower<tf.Tensor>;
  readonly level: Level<tf.Tensor>;
  /** How many steps were skipped because a gradient was not finite. */
  skipped: Value<tf.Tensor> = 0;
  /** How many of these an error has told of. */
  private reported = 0;
  private readonly skips: boolean;
  private readonly accumulates: boolean;
  private readonly overflow: Overflow;

  /** @param skips Whether a step with a gradient that is not finite is skipped, instead of being an error. */
  constructor(spec: Spec, executor: Executor<tf.Tensor>, skips: boolean) {
    this.tower = { executor, loadGiven, operate: operateOnTensors, refused: 0 };
    this.level = new Level(this.tower, spec);
    this.skips = skips;
    this.accumulates = accumulates(spec);
    this.overflow = new Overflow(executor, () => this.trained());
  }

  /**
   * Takes gradients in, and a step where there are enough of them.
   *
   * @throws Error before anything is changed: for a gradient that is not finite, a tensor that was given from outside and does not fit, a schedule that leaves its domain.
   */
  apply(given: readonly VariableGradient[], heldOut: HeldOut): Outcome {
    this.level.schedule();
    const updates = this.accumulates ? this.gather(given, heldOut) : given;
    if (updates === "skipped") return updates;
    if (updates.length === 0) return "gathered";
    try {
      return this.step(updates, heldOut);
    } finally {
      if (this.accumulates) {
        // A mean is new; a gradient that was handed on is its giver's.
        const handed = new Set(given.map(({ g }) => g));
        tf.dispose(updates.flatMap(({ g }) => (handed.has(g) ? [] : [g])));
      }
    }
  }

  /** Takes the gradients in; returns those of variables that have enough for a step, in place of each the mean. */
  private gather(given: readonly VariableGradient[], heldOut: HeldOut): VariableGradient[] | "skipped" {
    // Looked at one by one, and before anything is added up: a mean would not say in which step something was not finite.
    const looked = given.flatMap(({ variable, g }) => {
      const other = heldOut?.get(variable);
      return [{ variable, g }, ...(other ? [{ variable, g: other }] : [])];
    });
    const probes = looked.map(({ g }) => ({ probed: probe(this.tower.executor, g, layoutOf(g.shape)) }));
    const probed = this.probeAll(looked, probes);
    if (typeof probed === "number" && probed !== 0) {
      this.skipped = countNonFinite(this.tower.executor, this.skipped, probed);
      return "skipped";
    }
    // On the device a mean that is not finite masks the step that it makes.
    if (typeof probed !== "number") probed.dispose();
    const cells = this.cellsOf(given);
    return given.flatMap(({ variable, g }, i) => {
      const cell = cells[i] as Cell<tf.Tensor>;
      const mean = cell.steps === 1 ? g : (gather(this.tower, cell, g) as tf.Tensor | undefined);
      return mean ? [{ variable, g: mean }] : [];
    });
  }

  private step(updates: readonly VariableGradient[], heldOut: HeldOut): Outcome {
    const contracted = updates.map(({ variable, g }) =>
      this.contract(variable, g, heldOut && (heldOut.get(variable) ?? 0)),
    );
    const probed = this.probeAll(updates, contracted);
    const skip = typeof probed === "number" && probed !== 0;
    try {
      if (skip) release(contracted);
      else this.take(updates, contracted, probed);
      this.skipped = countNonFinite(this.tower.executor, this.skipped, probed);
    } finally {
      if (typeof probed !== "number") probed.dispose();
    }
    return skip ? "skipped" : "taken";
  }

  /** What the step needs to know of a gradient before anything changes, found in one pass over it. */
  private contract(variable: tf.Variable, g: tf.Tensor, heldOut: Value<tf.Tensor> | undefined): Contracted {
    const cell = this.level.cells.get(variable.name);
    return cell
      ? this.level.contract(cell, g, variable, heldOut)
      : { probed: probe(this.tower.executor, g, layoutOf(g.shape)) };
  }

  /** 0 where all gradients are finite, else NaN; a tensor where that stays on the device. */
  private probeAll(updates: readonly VariableGradient[], contracted: readonly Contracted[]): Value<tf.Tensor> {
    const probes = contracted.map(({ probed }) => probed as Value<tf.Tensor>);
    const culprit = probes.findIndex((probed) => typeof probed === "number" && probed !== 0);
    if (culprit >= 0 && !this.skips) {
      release(contracted);
      const what = `the gradient of "${updates[culprit]?.variable.name}" has a NaN or infinite value`;
      throw this.overflow.behind(what, this.level.steps) ?? nonFiniteError(what, this.level.steps === 0);
    }
    const onDevice = probes.filter((probed) => typeof probed !== "number");
    if (onDevice.length === 0) return culprit >= 0 ? Number.NaN : 0;
    // Not addN: a WebGPU kernel takes 8 or 10 buffers, and beyond that does nothing, without an error. concat knows that, and joins a few at a time.
    const total = tf.tidy(() => tf.keep(tf.sum(tf.concat(onDevice.map((probed) => tf.reshape(probed, [1]))))));
    tf.dispose(onDevice);
    return total;
  }

  private take(
    updates: readonly VariableGradient[],
    contracted: readonly Contracted[],
    probed: Value<tf.Tensor>,
  ): void {
    let cells: Cell<tf.Tensor>[];
    try {
      cells = this.cellsOf(updates);
    } catch (error) {
      release(contracted);
      throw error;
    }
    const moved = this.level.step(
      updates.map(({ variable, g }, i) => ({
        cell: cells[i] as Cell<tf.Tensor>,
        p: variable,
        g,
        contracted: contracted[i] as Contracted,
        probed: typeof probed === "number" ? undefined : probed,
        inPlace: true,
      })),
    );
    updates.forEach(({ variable }, i) => {
      const value = moved[i] as Value<tf.Tensor>;
      if (value === variable) return;
      const whole = this.tower.executor.spread(value, variable.shape);
      variable.assign(whole);
      tf.dispose([whole, ...(typeof value === "number" ? [] : [value])]);
    });
  }

  /** What the level knows of these variables; those that are new to it become part of it only when all are found good. */
  private cellsOf(updates: readonly VariableGradient[]): Cell<tf.Tensor>[] {
    const fresh: Cell<tf.Tensor>[] = [];
    try {
      const cells = updates.map(({ variable }) => {
        const known = this.level.cells.get(variable.name);
        if (known) return known;
        const cell = this.level.createCell(variable.name, variable.shape, variable);
        fresh.push(cell);
        return cell;
      });
      for (const cell of fresh) this.level.adopt(cell);
      return cells;
    } catch (error) {
      for (const cell of fresh) this.level.discard(cell);
      throw error;
    }
  }

  /** The variables that have taken a step and are still there. */
  private trained(): tf.Variable[] {
    const { registeredVariables } = tf.engine();
    return [...this.level.cells.keys()].flatMap((name) => registeredVariables[name] ?? []);
  }

  /** What was not finite so far, and what is not now. */
  async nonFinite(): Promise<NonFiniteCounts> {
    const [steps, hyperGradients, variables] = await Promise.all([
      numberOf(this.skipped),
      numberOf(this.tower.refused),
      this.overflow.names(this.level.steps),
    ]);
    return { steps, hyperGradients, variables };
  }

  /**
   * Tells of what no step has told: parameters that are not finite, and steps that were skipped on the device, where nothing is read back.
   *
   * @throws Error where there is something of which no error has told, unless steps are skipped on purpose.
   */
  async throwIfNonFinite(called: string): Promise<void> {
    if (this.skips) return;
    const skipped = numberOf(this.skipped);
    await this.overflow.refuse(called, this.level.steps);
    const steps = await skipped;
    const fresh = typeof this.skipped === "number" ? 0 : steps - this.reported;
    this.reported = steps;
    const never = steps === this.level.steps;
    if (fresh > 0) throw nonFiniteError(`a gradient had a NaN or infinite value in ${fresh} step(s)`, never);
  }

  /** Frees everything that it holds. */
  dispose(): void {
    this.level.dispose();
    tf.dispose([this.tower.refused, this.skipped].filter((value) => typeof value !== "number"));
  }
}

async function numberOf(value: Value<tf.Tensor>): Promise<number> {
  return typeof value === "number" ? value : ((await value.data())[0] as number);
}

function release(contracted: readonly Contracted[]): void {
  for (const values of contracted) tf.dispose(Object.values(values).filter((value) => typeof value !== "number"));
}

/**
 * What is said of something that is not finite.
 *
 * @param never Whether no step was taken before, so that no learning rate can have led there.
 */
function nonFiniteError(what: string, never: boolean): Error {
  const advice = never
    ? "No step has been taken yet, so it is not the learning rate: look at the loss and its inputs, and on a GPU at what the console says of its device"
    : "Lower the learning rate or look at the loss";
  return new Error(
    `applyGradients: ${what}. Nothing was changed. ${advice}; or build the optimizer with { onNonFinite: "skip" }, which skips such steps and counts them.`,
  );
}

function loadGiven(tensor: GivenTensor): tf.Tensor {
  if (!(tensor instanceof tf.Tensor))
    return tf.keep(tf.tensor(Float32Array.from(tensor.values), [...tensor.shape], "float32"));
  return tf.keep(tensor.clone());
}
