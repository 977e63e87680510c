/**
 * HyperOptimizer: a spec brought to life as a tf.Optimizer.
 *
 * It is the only thing here with state: it holds the bottom level of the tower, whose variables are the model's tf.Variables, found by
 * name at every step.
 */
import * as tf from "@tensorflow/tfjs-core";
import { gather } from "./accumulate.js";
import type { Cell, Reading, Tower } from "./cell.js";
import { type Checkpoint, capture, checkCheckpoint, fill } from "./checkpoint.js";
import { Swap } from "./evaluation.js";
import type { Value } from "./executor.js";
import { type Scalars, tensorExecutor } from "./executors.js";
import { countNonFinite, probe } from "./finite.js";
import { heldOutGradients, type VariableGradient, variableGradients } from "./gradients.js";
import {
  type ApplyOptions,
  checkOptions,
  type HyperOptions,
  type Hyperparameters,
  type MinimizeOptions,
  type NonFiniteCounts,
} from "./hyper-options.js";
import { layoutOf, sameShape } from "./layout.js";
import { Level } from "./level.js";
import { operateOnTensors } from "./operator.js";
import { readTogether } from "./reading.js";
import type { GivenTensor } from "./rule.js";
import { accumulates, checkNames, checkPatterns, ruleSpecsOf, type Spec, withChannelAxis } from "./spec.js";
import { describe, structureOf } from "./spec-text.js";
import { checkpointOf, type NamedTensor, weightsOf } from "./weights.js";

/** One pass over a gradient: see `Level.contract`. */
type Contracted = Readonly<Record<string, Value<tf.Tensor>>>;

/** An optimizer whose every hyperparameter can be learned; build it with `hyper`. */
export class HyperOptimizer extends tf.Optimizer {
  /** The name under which tfjs serialises it. */
  static readonly className = "HyperOptimizer";

  /** The optimizer as data. */
  readonly spec: Spec;
  private readonly options: HyperOptions;
  private tower: Tower<tf.Tensor>;
  private level: Level<tf.Tensor>;
  private patternsChecked = false;
  private readonly swap_ = new Swap();
  private skipped: Value<tf.Tensor> = 0;
  /** What the last `getWeights` returned. */
  private handedOut: tf.Tensor[] = [];
  /** How many of the skipped steps an error has told of. */
  private reported = 0;

  /** @see {@link hyper} */
  constructor(spec: Spec, options: HyperOptions = {}) {
    super();
    checkOptions(spec, options);
    this.spec = options.channelAxis !== undefined ? withChannelAxis(spec, options.channelAxis) : spec;
    this.options = options;
    [this.tower, this.level] = this.build();
  }

  private build(): [Tower<tf.Tensor>, Level<tf.Tensor>] {
    const executor = tensorExecutor(() => this.scalars(), this.options.executor !== "tfjs");
    const tower: Tower<tf.Tensor> = {
      executor,
      loadGiven,
      operate: operateOnTensors,
      refused: 0,
    };
    return [tower, new Level(tower, this.spec)];
  }

  private scalars(): Scalars {
    return this.options.scalars ?? (["cpu", "wasm"].includes(tf.getBackend()) ? "host" : "device");
  }

  /** Steps taken so far. */
  override get iterations(): number {
    return this.level.steps;
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
      return {
        value,
        grads: variables ? variables.map(({ name }) => ({ name, tensor: grads[name] as tf.Tensor })) : grads,
      };
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
    if (!tf.getGradient("Multiply")) {
      throw new Error(
        'No gradient functions are registered: @tensorflow/tfjs-core alone brings none in Node. Import "@tensorflow/tfjs" once, anywhere in the program.',
      );
    }
    return super.computeGradients(f, varList);
  }

  /**
   * Takes one step with gradients that are given.
   *
   * @param gradients By variable name, or as a list of names and tensors. A variable without a gradient (null or undefined) keeps its value and its state.
   * @param options `hyperGradients`: gradients of the loss that hyperparameters are learned from, in the same form; where a variable has none, that loss does not depend on it. Default: the
   *   gradients themselves.
   * @throws Error before anything is changed: for a name that no variable has, a shape that is not the variable's or that changed under its name, a gradient that is not
   *   finite, an exclude pattern that matches nothing, an anchor that does not fit, a schedule that leaves its hyperparameter's domain; while parameters are swapped.
   */
  override applyGradients(gradients: tf.NamedTensorMap | NamedTensor[], options: ApplyOptions = {}): void {
    checkNames("applyGradients", options, ["hyperGradients"]);
    const shapeBefore = (name: string): readonly number[] | undefined => this.level.cells.get(name)?.layout.shape;
    const given = variableGradients(gradients, shapeBefore);
    const heldOut = options.hyperGradients && heldOutGradients(options.hyperGradients, shapeBefore);
    this.refuseSwapped("applyGradients", "before training goes on");
    if (!this.patternsChecked) {
      // A variable that is not trained, such as a frozen head, may be named as well.
      checkPatterns(this.spec, Object.values(tf.engine().registeredVariables));
      this.patternsChecked = true;
    }
    this.level.schedule();
    const updates = accumulates(this.spec) ? this.gather(given, heldOut) : given;
    try {
      if (updates.length > 0) this.step(updates, heldOut);
    } finally {
      for (const { g } of updates) if (!given.some((each) => each.g === g)) g.dispose();
    }
  }

  /** Takes the gradients in; returns those of variables that have enough for a step, in place of each the mean. */
  private gather(
    given: readonly VariableGradient[],
    heldOut: ReadonlyMap<tf.Variable, tf.Tensor> | undefined,
  ): VariableGradient[] {
    // Looked at one by one, and before anything is added up: a mean would not say in which step something was not finite.
    const looked = given.flatMap(({ variable, g }) => {
      const other = heldOut?.get(variable);
      return [{ variable, g }, ...(other ? [{ variable, g: other }] : [])];
    });
    const probes = looked.map(({ g }) => ({ probed: probe(this.tower.executor, g, layoutOf(g.shape)) }));
    const probed = this.probeAll(looked, probes);
    if (typeof probed === "number" && probed !== 0) {
      this.skipped = countNonFinite(this.tower.executor, this.skipped, probed);
      this.tell(true);
      return [];
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

  private step(updates: readonly VariableGradient[], heldOut: ReadonlyMap<tf.Variable, tf.Tensor> | undefined): void {
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
    this.tell(skip);
  }

  private tell(skipped: boolean): void {
    this.options.onStep?.({
      step: this.level.steps,
      skipped,
      hyperparameters: () => this.hyperparameters(),
    });
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
    if (culprit >= 0 && this.options.onNonFinite !== "skip") {
      release(contracted);
      throw nonFiniteError(`the gradient of "${updates[culprit]?.variable.name}" has a NaN or infinite value`);
    }
    const onDevice = probes.filter((probed) => typeof probed !== "number");
    if (onDevice.length === 0) return culprit >= 0 ? Number.NaN : 0;
    const total = tf.tidy(() => tf.keep(tf.addN(onDevice)));
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

  /**
   * Every hyperparameter as it is now: a constant, a schedule's value in the last step, a learned value; those of the learners with a dot (`lr.lr`).
   *
   * The values are those at the moment of the call. What lives on the device is fetched in one asynchronous read that stops no pipeline.
   */
  async hyperparameters(): Promise<Hyperparameters> {
    const rows = [...this.level.cells.values()].map((cell) => [cell.name, [...this.level.values(cell)]] as const);
    const arrays = new Set<tf.Tensor>();
    for (const [, values] of rows) {
      for (const [, { value }] of values) if (typeof value !== "number") arrays.add(value);
    }
    const read = await readTogether([...arrays]);
    await this.throwIfSkipped();
    const plain = ({ value, shape }: Reading<tf.Tensor>): number | Float32Array => {
      const numbers = typeof value === "number" ? value : (read.get(value) as Float32Array);
      if (shape.length === 0) return typeof numbers === "number" ? numbers : (numbers[0] as number);
      return typeof numbers === "number" ? new Float32Array(layoutOf(shape).size).fill(numbers) : numbers;
    };
    return Object.fromEntries(
      rows.map(([name, values]) => [name, Object.fromEntries(values.map(([of, value]) => [of, plain(value)]))]),
    );
  }

  /** How many steps were skipped and how many hyper-gradients were not applied, because something was not finite. */
  async nonFinite(): Promise<NonFiniteCounts> {
    const count = async (value: Value<tf.Tensor>): Promise<number> =>
      typeof value === "number" ? value : ((await value.data())[0] as number);
    const [steps, hyperGradients] = await Promise.all([count(this.skipped), count(this.tower.refused)]);
    return { steps, hyperGradients };
  }

  private async throwIfSkipped(): Promise<void> {
    if (typeof this.skipped === "number" || this.options.onNonFinite === "skip") return;
    const { steps } = await this.nonFinite();
    const fresh = steps - this.reported;
    this.reported = steps;
    if (fresh > 0) throw nonFiniteError(`a gradient had a NaN or infinite value in ${fresh} step(s)`);
  }

  /**
   * Exchanges the variables' values with what the optimizer has to evaluate the model with: averages of parameters, as `averaged` and schedule-free rules keep them. The next call puts the
   * values back, to the last bit; between the two no step can be taken. Variables that have no average, as all have with most rules, and those that have taken no step yet keep their own
   * values, so that a program can call it whatever the optimizer is.
   *
   * @returns True between the two calls: the variables now hold what to evaluate. False where they hold their own values again.
   */
  swap(): boolean {
    return this.swap_.toggle(this.level, this.tower.executor);
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
    this.setFrozen("freeze", paths, true);
  }

  /** Lets hyperparameters that were frozen be learned again; see `freeze`. */
  unfreeze(...paths: string[]): void {
    this.setFrozen("unfreeze", paths, false);
  }

  private setFrozen(called: string, paths: readonly string[], frozen: boolean): void {
    const learned = this.level.learnedPaths();
    const unknown = paths.find((path) => !learned.includes(path));
    if (unknown !== undefined) {
      throw new Error(
        `${called}: nothing called "${unknown}" is learned; ${learned.length > 0 ? `there are ${learned.join(", ")}` : "nothing is"}.`,
      );
    }
    for (const path of paths.length > 0 ? paths : learned) this.level.freeze(path, frozen);
  }

  /**
   * Everything that the optimizer remembers, as it is at the moment of the call; see `encodeCheckpoint` for a file. The variables are the model's to save: their own values, not those
   * that `swap` puts there.
   */
  async checkpoint(): Promise<Checkpoint> {
    const opaque = ruleSpecsOf(this.spec).find(({ rule }) =>
      Object.values(rule.stages ?? {}).some((stage) => stage.kind === "operator" && stage.opaque),
    );
    if (opaque) {
      throw new Error(
        `checkpoint: ${opaque.rule.name} keeps its state to itself, so it cannot be saved. Use a rule of @hypergrad/optimizers, whose state is part of the checkpoint.`,
      );
    }
    const captured = await capture(this.level, this.tower.executor, structureOf(this.spec));
    await this.throwIfSkipped();
    return captured;
  }

  /**
   * Goes on where a checkpoint was made; what the optimizer remembered is forgotten. With the same parameters, the run then equals the uninterrupted one bit for bit.
   *
   * @throws Error before anything is changed: for another optimizer's checkpoint, an incomplete one, shapes that do not fit, or names of which no variable has any; while parameters are
   *   swapped.
   */
  restore(checkpoint: Checkpoint): void {
    this.refuseSwapped("restore", "first, so that no value is put in the place of one that you have loaded");
    checkCheckpoint(checkpoint, structureOf(this.spec));
    const { registeredVariables } = tf.engine();
    const names = Object.keys(checkpoint.variables);
    if (names.length > 0 && !names.some((name) => registeredVariables[name])) {
      throw new Error(
        `checkpoint: none of its variables exists: it has ${names.join(", ")}; there are ${Object.keys(registeredVariables).join(", ") || "none"}. State goes by name: build the model first, with the names that it had.`,
      );
    }
    const [tower, level] = this.build();
    try {
      for (const [name, shape] of Object.entries(checkpoint.variables)) {
        const now = registeredVariables[name]?.shape;
        if (now && !sameShape(now, shape)) {
          throw new Error(
            `checkpoint: "${name}" has shape [${shape}] in it, but the variable has [${now}]. Build the model as it was, or begin without the checkpoint.`,
          );
        }
        level.adopt(level.createCell(name, shape, 0));
      }
      fill(level, tower.executor, checkpoint);
    } catch (error) {
      level.dispose();
      throw error;
    }
    this.release();
    this.tower = tower;
    this.level = level;
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

  /** Restores what `getWeights` returned. */
  override async setWeights(weightValues: NamedTensor[]): Promise<void> {
    this.restore(await checkpointOf(weightValues));
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
    [this.tower, this.level] = this.build();
  }

  private release(): void {
    this.swap_.end();
    this.level.dispose();
    tf.dispose([this.tower.refused, this.skipped].filter((value) => typeof value !== "number"));
    this.skipped = 0;
    this.reported = 0;
  }
}

function release(contracted: readonly Contracted[]): void {
  for (const values of contracted) tf.dispose(Object.values(values).filter((value) => typeof value !== "number"));
}

function nonFiniteError(what: string): Error {
  return new Error(
    `applyGradients: ${what}. Nothing was changed. Lower the learning rate or look at the loss; or build the optimizer with { onNonFinite: "skip" }, which skips such steps and counts them.`,
  );
}

function loadGiven(tensor: GivenTensor): tf.Tensor {
  if (!(tensor instanceof tf.Tensor))
    return tf.keep(tf.tensor(Float32Array.from(tensor.values), [...tensor.shape], "float32"));
  return tf.keep(tensor.clone());
}

/**
 * Brings a spec to life as a tf.Optimizer.
 *
 * @param spec What `adamw`, `ftp`, … return.
 * @param options How it is run.
 * @throws Error for an unknown option, and where a learned hyperparameter's grain cannot be differentiated.
 */
export function hyper(spec: Spec, options: HyperOptions = {}): HyperOptimizer {
  return new HyperOptimizer(spec, options);
}
