/**
 * HyperOptimizer: a spec brought to life as a tf.Optimizer. It holds the bottom level of the tower, whose variables are the model's tf.Variables, found by name at every step.
 */

import * as tf from "@tensorflow/tfjs-core";
import { type Checkpoint, capture, checkCheckpoint } from "../checkpoint/checkpoint.js";
import { checkpointOf, type NamedTensor, weightsOf } from "../checkpoint/weights.js";
import { tensorExecutor } from "../executors/tensor-executor.js";
import { type ExecutorUse, Uses } from "../executors/uses.js";
import { checkNames } from "../rule/options.js";
import { checkPatterns } from "../rule/resolve.js";
import { type Spec, withChannelAxis } from "../rule/spec.js";
import { describe, structureOf } from "../rule/spec-text.js";
import { setAllFrozen } from "../tower/freeze.js";
import { Swap } from "../tower/swap.js";
import { checkRegistered, heldOutGradients, variableGradients } from "./gradients.js";
import { Home } from "./home.js";
import {
  type ApplyOptions,
  checkOptions,
  type HyperOptions,
  type Hyperparameters,
  type MinimizeOptions,
  type NonFiniteCounts,
  scalarsOf,
} from "./hyper-options.js";
import { tell } from "./on-step.js";
import { readHyperparameters } from "./reading.js";
import { checkSavable, checkTrained, destinationsOf, type RestoreOptions, restoreInto } from "./restore.js";
import { VariableLevel } from "./variable-level.js";

/** An optimizer whose every hyperparameter can be learned; build it with `hyper`. */
export class HyperOptimizer extends tf.Optimizer {
  /** The name under which tfjs serialises it. */
  static readonly className = "HyperOptimizer";

  /** The optimizer as data. */
  readonly spec: Spec;
  private readonly options: HyperOptions;
  private bottom: VariableLevel;
  private patternsChecked = false;
  private readonly swap_ = new Swap();
  /** What the last `getWeights` returned. */
  private handedOut: tf.Tensor[] = [];
  /** The shapes of the variables whose state was restored by name, until the first step shows that it is these that are trained. */
  private unproven: Checkpoint["variables"] | undefined;
  private readonly home = new Home();

  /** @see {@link hyper} */
  constructor(spec: Spec, options: HyperOptions = {}) {
    super();
    checkOptions(spec, options);
    this.spec = options.channelAxis !== undefined ? withChannelAxis(spec, options.channelAxis) : spec;
    this.options = options;
    this.bottom = this.build();
  }

  private build(): VariableLevel {
    const uses = new Uses();
    const executor = tensorExecutor(() => scalarsOf(this.options), this.options.executor !== "tfjs", uses);
    return new VariableLevel(this.spec, executor, this.options.onNonFinite === "skip", uses);
  }

  /** Steps taken so far. */
  override get iterations(): number {
    return this.bottom.level.steps;
  }

  /**
   * Takes one step down the gradient of f.
   *
   * @param f The loss: a function of no arguments that returns a scalar.
   * @param options `hyperLoss`: the loss that hyperparameters are learned from; the other two as in tf.Optimizer, where `returnCost` stands here.
   * @param varList The variables to train; default: all trainable ones.
   * @throws Error where no gradients are registered, or a gradient is not finite and `onNonFinite` is "throw".
   */
  override minimize(
    f: () => tf.Scalar,
    options: boolean | MinimizeOptions = {},
    varList?: tf.Variable[],
  ): tf.Scalar | null {
    const given = typeof options === "boolean" ? { returnCost: options } : options;
    checkNames("minimize", given, ["hyperLoss", "returnCost", "varList"]);
    const { hyperLoss, returnCost = false, varList: variables = varList } = given;
    const gradientsOf = (loss: () => tf.Scalar) => {
      const { value, grads } = this.computeGradients(loss, variables);
      return { value, grads: variables?.map(({ name }) => ({ name, tensor: grads[name] as tf.Tensor })) ?? grads };
    };
    const temporary: tf.TensorContainer[] = [];
    try {
      const { value, grads } = gradientsOf(f);
      temporary.push(value, grads as tf.TensorContainer);
      const heldOut = hyperLoss && gradientsOf(hyperLoss);
      if (heldOut) temporary.push(heldOut.value, heldOut.grads as tf.TensorContainer);
      this.applyGradients(grads, heldOut && { hyperGradients: heldOut.grads });
      if (!returnCost) return null;
      temporary.shift();
      return value;
    } finally {
      tf.dispose(temporary);
    }
  }

  /**
   * The value of f and its gradients by variable name.
   *
   * @throws Error where no gradients are registered.
   */
  override computeGradients(f: () => tf.Scalar, varList?: tf.Variable[]): ReturnType<tf.Optimizer["computeGradients"]> {
    checkRegistered();
    return super.computeGradients(f, varList);
  }

  /**
   * Takes one step with gradients that are given. It is all or nothing: where it throws, variables, state, step counts and hyperparameters are what they were. So a step that is not fused holds the
   * old values and the new until its end.
   *
   * @param gradients By variable name, or as a list of names and tensors. A variable without a gradient (null or undefined) keeps its value and its state.
   * @param options `hyperGradients`: gradients of the loss that hyperparameters are learned from, in the same form; where a variable has none, that loss does not depend on it. Default: the
   *   gradients themselves.
   * @throws Error with nothing changed: for a name that no variable has, a shape that is not the variable's or that changed under its name, a type that is not float32, a gradient that is
   *   disposed or not finite, an exclude pattern that matches nothing, an anchor that does not fit, a schedule that leaves its hyperparameter's domain; while parameters are swapped, where memory is full, and after
   *   `tf.engine().reset()` or `tf.removeBackend()` took away what the optimizer remembers. And, after the step was taken, what `onStep` throws.
   */
  override applyGradients(gradients: tf.NamedTensorMap | NamedTensor[], options: ApplyOptions = {}): void {
    checkNames("applyGradients", options, ["hyperGradients"]);
    this.home.refuseLost("applyGradients");
    const shapeBefore = (name: string): readonly number[] | undefined =>
      this.bottom.level.cells.get(name)?.layout.shape;
    const given = variableGradients(gradients, shapeBefore);
    const heldOut = options.hyperGradients && heldOutGradients(options.hyperGradients, shapeBefore);
    this.refuseSwapped("applyGradients", "before training goes on");
    if (!this.patternsChecked) {
      // A variable that is not trained, such as a frozen head, may be named as well.
      checkPatterns(this.spec, Object.values(tf.engine().registeredVariables));
      this.patternsChecked = true;
    }
    if (this.unproven && given.length > 0) {
      checkTrained(
        this.unproven,
        given.map(({ variable }) => variable),
      );
      this.unproven = undefined;
    }
    const outcome = this.bottom.apply(given, heldOut);
    this.home.enter();
    if (outcome === "gathered") return;
    const skipped = outcome === "skipped";
    tell(this.options.onStep, { step: this.iterations, skipped, hyperparameters: () => this.hyperparameters() });
  }

  /**
   * What ran the last step, the fused kernels of @hypergrad/wasm or TensorFlow.js's operations, which are slower, and why these: results are the same within rounding, so that nothing else shows it.
   * Empty before the first step; what is numbers alone, such as the rates above the model, is not in it.
   */
  executors(): ExecutorUse[] {
    return this.bottom.uses.list();
  }

  /**
   * Every hyperparameter as it is now: a constant, a schedule's value in the last step, a learned value; those of the learners with a dot (`lr.lr`).
   *
   * The values are those at the moment of the call. What lives on the device is fetched in one asynchronous read that stops no pipeline.
   *
   * @throws Error for parameters that are not finite, and for skipped steps of which no error has told; see `onNonFinite`.
   */
  async hyperparameters(): Promise<Hyperparameters> {
    this.home.refuseLost("hyperparameters");
    const read = readHyperparameters(this.bottom.level);
    const [hyperparameters] = await Promise.all([read, this.bottom.throwIfNonFinite("hyperparameters")]);
    return hyperparameters;
  }

  /** How many steps were skipped and how many hyper-gradients were not applied, because something was not finite; and which variables are not finite now. */
  async nonFinite(): Promise<NonFiniteCounts> {
    return this.bottom.nonFinite();
  }

  /**
   * Exchanges the variables' values with what the optimizer has to evaluate the model with: averages of parameters, as `averaged` and schedule-free rules keep them. The next call puts the
   * values back, to the last bit; between the two no step can be taken. Variables that have no average, as all have with most rules, and those that have taken no step yet keep their own
   * values, so that a program can call it whatever the optimizer is.
   *
   * @returns True between the two calls: the variables now hold what to evaluate. False where they hold their own values again.
   */
  swap(): boolean {
    this.home.refuseLost("swap");
    return this.swap_.toggle(this.bottom.level, this.bottom.tower.executor);
  }

  private refuseSwapped(called: string, when: string): void {
    if (!this.swap_.active) return;
    throw new Error(`${called}: the variables hold what swap() put there to evaluate. Call swap() once more ${when}.`);
  }

  /**
   * Keeps learned hyperparameters as they are until `unfreeze`; everything else goes on. A checkpoint remembers it.
   *
   * @param paths Their names, as `hyperparameters()` has them: "lr", "beta1"; of a learner "lr.lr". None: all.
   * @throws Error for a name of which nothing is learned.
   */
  freeze(...paths: string[]): void {
    setAllFrozen(this.bottom.level, "freeze", paths, true);
  }

  /** Lets hyperparameters that were frozen be learned again; see `freeze`. */
  unfreeze(...paths: string[]): void {
    setAllFrozen(this.bottom.level, "unfreeze", paths, false);
  }

  /**
   * Everything that the optimizer remembers, as it is at the moment of the call; see `encodeCheckpoint` for a file. The variables are the model's to save: their own values, not those
   * that `swap` puts there.
   *
   * @throws Error for parameters that are not finite, and for skipped steps of which no error has told, see `onNonFinite`; for state that has overflowed, from which no run could go on.
   */
  async checkpoint(): Promise<Checkpoint> {
    this.home.refuseLost("checkpoint");
    checkSavable(this.spec);
    const captured = capture(this.bottom.level, this.bottom.tower.executor, structureOf(this.spec));
    const [checkpoint] = await Promise.all([captured, this.bottom.throwIfNonFinite("checkpoint")]);
    return checkpoint;
  }

  /**
   * Goes on where a checkpoint was made; what the optimizer remembered is forgotten. With the same parameters, the run then equals the uninterrupted one bit for bit.
   *
   * State goes by the names of variables. A model that is built again while the first is still there has other names, `conv/kernel_1`: say that it is meant, `restore(checkpoint, { variables: model })`.
   *
   * @throws Error before anything is changed: for another optimizer's checkpoint, an incomplete one, shapes that do not fit, state for which there is no variable; while parameters are swapped. Where
   *   `variables` was not given, the first step throws if what it trains is not what the state is for.
   */
  restore(checkpoint: Checkpoint, options: RestoreOptions = {}): void {
    checkNames("restore", options, ["variables"]);
    this.refuseSwapped("restore", "first, so that no value is put in the place of one that you have loaded");
    checkCheckpoint(checkpoint, structureOf(this.spec));
    const destinations = destinationsOf(checkpoint, options);
    const fresh = this.build();
    try {
      restoreInto(fresh, checkpoint, destinations);
    } catch (error) {
      fresh.dispose();
      throw error;
    }
    this.release();
    this.bottom = fresh;
    this.home.enter();
    this.unproven = options.variables === undefined ? checkpoint.variables : undefined;
  }

  /**
   * The checkpoint as named tensors, as `model.save` with `includeOptimizer` asks for it. They are valid until the next call or `dispose()`, which free them: `model.save` does
   * not (tensorflow/tfjs #8238).
   *
   * @throws Error while parameters are swapped: the model would be saved with averages in the place of its own values.
   */
  override async getWeights(): Promise<NamedTensor[]> {
    this.refuseSwapped("getWeights", "before the model is saved with its optimizer, or save it without");
    const iterations = this.iterations;
    const weights = weightsOf(await this.checkpoint(), iterations);
    tf.dispose(this.handedOut);
    this.handedOut = weights.map(({ tensor }) => tensor);
    return weights;
  }

  /**
   * Restores what `getWeights` returned.
   *
   * @param options As for `restore`.
   */
  override async setWeights(weightValues: NamedTensor[], options?: RestoreOptions): Promise<void> {
    this.restore(await checkpointOf(weightValues), options);
  }

  /** The spec and the options as plain JSON, for people: schedules and gradient transforms appear by kind only. */
  override getConfig(): tf.serialization.ConfigDict {
    return {
      spec: describe(this.spec),
      onNonFinite: this.options.onNonFinite ?? "throw",
    } as tf.serialization.ConfigDict;
  }

  /** Frees everything that the optimizer holds; the variables are the model's. It can be used again, from its first step. */
  override dispose(): void {
    this.release();
    tf.dispose(this.handedOut);
    this.handedOut = [];
    this.patternsChecked = false;
    this.bottom = this.build();
  }

  private release(): void {
    if (this.home.lostTo === undefined) {
      this.swap_.end();
      this.bottom.dispose();
    }
    this.home.leave();
    this.unproven = undefined;
  }
}
