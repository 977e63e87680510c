/**
 * The bottom level, whose variables are the model's tf.Variables: from their gradients to their new values.
 *
 * A step looks before it leaps: everything is probed and contracted in one pass over the gradients, new variables are made known, everything that takes memory is done, and only
 * then does anything change. It is one transaction: where it throws, nothing has changed.
 */
import * as tf from "@tensorflow/tfjs-core";
import { type Executor, free, type Value } from "../executors/executor.js";
import { countNonFinite, probe } from "../executors/finite.js";
import { Transaction } from "../executors/transaction.js";
import { OPERATIONS, type Uses } from "../executors/uses.js";
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

  /** What ran the last step. */
  readonly uses: Uses;

  /**
   * @param skips Whether a step with a gradient that is not finite is skipped, instead of being an error.
   * @param uses Told by the executor what runs.
   */
  constructor(spec: Spec, executor: Executor<tf.Tensor>, skips: boolean, uses: Uses) {
    this.uses = uses;
    const transaction = new Transaction(executor);
    this.tower = {
      executor: transaction,
      loadGiven: (tensor) => transaction.own(loadGiven(tensor)),
      operate: (operator, calls) => {
        uses.note(OPERATIONS, "operators", "they work on tensors");
        return operateOnTensors(operator, calls);
      },
      refused: 0,
    };
    this.level = new Level(this.tower, spec);
    this.skips = skips;
    this.accumulates = accumulates(spec);
    this.overflow = new Overflow(executor, () => this.trained());
  }

  /**
   * Takes gradients in, and a step where there are enough of them.
   *
   * @throws Error with nothing changed: for a gradient that is not finite, a tensor that was given from outside and does not fit, a schedule that leaves its domain; where memory is full, and
   *   whatever else is thrown on the way.
   */
  apply(given: readonly VariableGradient[], heldOut: HeldOut): Outcome {
    return this.uses.during(() => this.tower.executor.whole(() => this.take(given, heldOut)));
  }

  private take(given: readonly VariableGradient[], heldOut: HeldOut): Outcome {
    this.level.schedule();
    const own = this.apart(given);
    const updates = this.accumulates ? this.gather(own, heldOut) : own;
    if (updates === "skipped") return updates;
    return updates.length === 0 ? "gathered" : this.step(updates, heldOut);
  }

  /** The gradients, with a copy in place of each that is one of the variables itself: it would be written over before it is read. */
  private apart(given: readonly VariableGradient[]): readonly VariableGradient[] {
    const written = new Set(given.map(({ variable }) => variable.dataId));
    return given.map((update) => {
      if (!written.has(update.g.dataId)) return update;
      // Times 1: a clone has the same memory.
      const g = this.tower.executor.own(tf.tidy(() => tf.keep(tf.mul(update.g, 1))));
      this.tower.executor.releaseAtEnd(g);
      return { ...update, g };
    });
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
      this.count(probed);
      return "skipped";
    }
    // On the device a mean that is not finite masks the step that it makes.
    free(this.tower.executor, probed);
    const cells = this.cellsOf(given);
    return given.flatMap(({ variable, g }, i) => {
      const cell = cells[i] as Cell<tf.Tensor>;
      if (cell.steps === 1) return [{ variable, g }];
      const mean = gather(this.tower, cell, g, true) as tf.Tensor | undefined;
      if (!mean) return [];
      this.tower.executor.releaseAtEnd(mean);
      return [{ variable, g: mean }];
    });
  }

  private step(updates: readonly VariableGradient[], heldOut: HeldOut): Outcome {
    const contracted = updates.map(({ variable, g }) =>
      this.contract(variable, g, heldOut && (heldOut.get(variable) ?? 0)),
    );
    const probed = this.probeAll(updates, contracted);
    const skip = typeof probed === "number" && probed !== 0;
    if (skip)
      for (const value of contracted.flatMap((values) => Object.values(values))) free(this.tower.executor, value);
    else this.move(updates, contracted, probed);
    this.count(probed);
    free(this.tower.executor, probed);
    return skip ? "skipped" : "taken";
  }

  /** One more step that was skipped, where the probe says so. */
  private count(probed: Value<tf.Tensor>): void {
    const { executor } = this.tower;
    executor.put(this, "skipped", countNonFinite(executor, this.skipped, probed));
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
      const what = `the gradient of "${updates[culprit]?.variable.name}" has a NaN or infinite value`;
      throw this.overflow.behind(what, this.level.steps) ?? nonFiniteError(what, this.level.steps === 0);
    }
    const onDevice = probes.filter((probed) => typeof probed !== "number");
    if (onDevice.length === 0) return culprit >= 0 ? Number.NaN : 0;
    // Not addN: a WebGPU kernel takes 8 or 10 buffers, and beyond that does nothing, without an error. concat knows that, and joins a few at a time.
    const { executor } = this.tower;
    const total = tf.tidy(() => tf.keep(tf.sum(tf.concat(onDevice.map((probed) => tf.reshape(probed, [1]))))));
    for (const probed of onDevice) executor.release(probed);
    return executor.own(total);
  }

  private move(
    updates: readonly VariableGradient[],
    contracted: readonly Contracted[],
    probed: Value<tf.Tensor>,
  ): void {
    const { executor } = this.tower;
    const cells = this.cellsOf(updates);
    const finish = this.level.step(
      updates.map(({ variable, g }, i) => ({
        cell: cells[i] as Cell<tf.Tensor>,
        p: variable,
        g,
        contracted: contracted[i] as Contracted,
        probed: typeof probed === "number" ? undefined : probed,
        inPlace: true,
      })),
    );
    executor.finally(() => {
      finish().forEach((value, i) => {
        const { variable } = updates[i] as VariableGradient;
        if (value === variable) return;
        variable.assign(value as tf.Tensor);
        free(executor, value);
      });
    });
  }

  /** What the level knows of these variables; those that are new to it become part of it. */
  private cellsOf(updates: readonly VariableGradient[]): Cell<tf.Tensor>[] {
    return updates.map(({ variable }) => {
      const known = this.level.cells.get(variable.name);
      if (known) return known;
      const cell = this.level.createCell(variable.name, variable.shape, variable);
      this.level.adopt(cell);
      return cell;
    });
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
