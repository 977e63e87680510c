/**
 * Restoring: which variables the state in a checkpoint is for.
 *
 * State goes by name, but TensorFlow.js gives the variables of a model that is built a second time other names, `conv/kernel_1`, while the first ones may well be there still. So a model can be
 * named, or every variable; and where nothing is, the first step shows whether the names were the right ones.
 */
import * as tf from "@tensorflow/tfjs-core";
import { type Checkpoint, fill } from "../checkpoint/checkpoint.js";
import { sameShape } from "../expression/layout.js";
import { listed, shown } from "../expression/shown.js";
import type { LayerLike } from "../rule/channel-axes.js";
import { ruleSpecsOf, type Spec } from "../rule/spec.js";
import type { VariableLevel } from "./variable-level.js";

/** What a checkpoint is restored for. */
export interface RestoreOptions {
  /**
   * A tf.LayersModel, whose weights are found by layer and role, whatever number their names end with; or variables by their names in the checkpoint, where the state of those that are not named is
   * left out. Default: the variables that have the checkpoint's names.
   */
  readonly variables?: LayerLike | Readonly<Record<string, tf.Variable>>;
}

/** Variables by their names in a checkpoint. */
export type Destinations = ReadonlyMap<string, tf.Variable>;

const remedy =
  "name the model, restore(checkpoint, { variables: model }), or the variables by their names in the checkpoint";

/**
 * The variables that a checkpoint's state is for.
 *
 * @throws Error where some of it has no variable, a variable is not one, is named twice, or has another shape.
 */
export function destinationsOf({ variables }: Checkpoint, { variables: given }: RestoreOptions): Destinations {
  const found =
    given === undefined ? existing(variables) : isModel(given) ? ofModel(variables, given) : named(variables, given);
  const names = new Map<tf.Variable, string>();
  for (const [name, variable] of found) {
    const twin = names.get(variable);
    if (twin !== undefined) {
      throw new Error(
        `restore: "${variable.name}" is to have the state of both "${twin}" and "${name}"; expected one variable for each.`,
      );
    }
    names.set(variable, name);
    const shape = variables[name] as readonly number[];
    if (!sameShape(variable.shape, shape)) {
      const which = variable.name === name ? "the variable" : `"${variable.name}", which is to have its state,`;
      throw new Error(
        `checkpoint: ${shown(name)} has shape ${shown(shape)} in it, but ${which} has [${variable.shape}]. Build the model as it was, or begin without the checkpoint.`,
      );
    }
  }
  return found;
}

type Shapes = Checkpoint["variables"];

const isModel = (given: NonNullable<RestoreOptions["variables"]>): given is LayerLike =>
  Array.isArray((given as LayerLike | null)?.weights);

/** The variables of the same names. */
function existing(shapes: Shapes): Destinations {
  const { registeredVariables } = tf.engine();
  const missing = Object.keys(shapes).filter((name) => !Object.hasOwn(registeredVariables, name));
  if (missing.length > 0) {
    throw new Error(
      `checkpoint: there is no variable for the state of ${listed(missing)}; there are ${listed(Object.keys(registeredVariables))}. State goes by name. Build the model first, with the names that it had; or ${remedy}.`,
    );
  }
  return new Map(Object.keys(shapes).map((name) => [name, registeredVariables[name] as tf.Variable]));
}

/** The variables that are given by name. */
function named(shapes: Shapes, given: Readonly<Record<string, tf.Variable>>): Destinations {
  if (typeof given !== "object" || given === null || Array.isArray(given)) {
    throw new Error(
      `restore: variables is ${shown(given)}; expected a tf.LayersModel, or variables by their names in the checkpoint, such as { ${JSON.stringify(Object.keys(shapes)[0] ?? "kernel")}: kernel }.`,
    );
  }
  const unknown = Object.keys(given).filter((name) => !Object.hasOwn(shapes, name));
  if (unknown.length > 0) {
    throw new Error(
      `restore: the checkpoint has no state of ${listed(unknown)}; it has that of ${listed(Object.keys(shapes))}.`,
    );
  }
  for (const [name, variable] of Object.entries(given)) {
    if (variable instanceof tf.Variable && tf.engine().registeredVariables[variable.name] === variable) continue;
    throw new Error(
      `restore: what is to have the state of "${name}" is ${shown(variable)}; expected a tf.Variable that exists.`,
    );
  }
  return new Map(Object.entries(given));
}

/** A name without the number that TensorFlow.js puts behind one that is taken, and the number. */
function numbered(name: string): readonly [base: string, number: number] {
  const [, base, number] = /^(.*)_(\d+)$/.exec(name) ?? [];
  return base === undefined ? [name, 0] : [base, Number(number)];
}

/** The model's weights, found by the names that their layers gave them. Several weights of one name, as nested models may have, are taken in the order of their numbers. */
function ofModel(shapes: Shapes, { weights }: LayerLike): Destinations {
  const byName = new Map<string, tf.Variable[]>();
  for (const weight of weights) {
    byName.set(weight.originalName, [...(byName.get(weight.originalName) ?? []), weight.read() as tf.Variable]);
  }
  const inOrder = <T>(of: readonly T[], nameOf: (x: T) => string): T[] =>
    [...of].sort((a, b) => numbered(nameOf(a))[1] - numbered(nameOf(b))[1]);
  const originalNameOf = (name: string): string => (byName.has(name) ? name : numbered(name)[0]);
  const groups = new Map<string, string[]>();
  for (const name of Object.keys(shapes)) {
    const original = originalNameOf(name);
    groups.set(original, [...(groups.get(original) ?? []), name]);
  }
  const found = new Map<string, tf.Variable>();
  for (const [original, names] of groups) {
    const variables = inOrder(byName.get(original) ?? [], ({ name }) => name);
    if (variables.length !== names.length) {
      throw new Error(
        `restore: the checkpoint has state of ${listed(names)}, for which the model has ${variables.length === 0 ? "no weight" : listed(variables.map(({ name }) => name))}; its weights are ${listed(byName.keys())}. Name the variables by their names in the checkpoint; the state of those that are not named is left out.`,
      );
    }
    inOrder(names, (name) => name).forEach((name, i) => {
      found.set(name, variables[i] as tf.Variable);
    });
  }
  return found;
}

/**
 * Looks whether a checkpoint can hold what an optimizer remembers.
 *
 * @throws Error for an optimizer of another library, which keeps its state to itself.
 */
export function checkSavable(spec: Spec): void {
  const opaque = ruleSpecsOf(spec).find(({ rule }) =>
    Object.values(rule.stages ?? {}).some((stage) => stage.kind === "operator" && stage.opaque),
  );
  if (opaque) {
    throw new Error(
      `checkpoint: ${opaque.rule.name} keeps its state to itself, so it cannot be saved. Use a rule of @hypergrad/optimizers, whose state is part of the checkpoint.`,
    );
  }
}

/**
 * Puts a checkpoint into an optimizer that has taken no step.
 *
 * @throws Error for an incomplete checkpoint and tensors that do not fit.
 */
export function restoreInto({ level, tower }: VariableLevel, checkpoint: Checkpoint, destinations: Destinations): void {
  tower.executor.whole(() => {
    for (const { name, shape } of destinations.values()) level.adopt(level.createCell(name, shape, 0));
    fill(level, tower.executor, checkpoint, new Map([...destinations].map(([before, { name }]) => [before, name])));
  });
}

/**
 * Looks, at the first step after a checkpoint was restored by name, whether its state is that of what is trained.
 *
 * @param restored The shapes of the variables that have state, by name.
 * @param trained The variables that have a gradient.
 * @throws Error where none of these has state; or where one has none, but another would have its name if TensorFlow.js had not numbered one of them.
 */
export function checkTrained(restored: Shapes, trained: readonly tf.Variable[]): void {
  const names = new Set(trained.map(({ name }) => name));
  const idle = Object.keys(restored).filter((name) => !names.has(name));
  const strangers = trained.filter(({ name }) => !Object.hasOwn(restored, name));
  const twins = strangers.some(({ name, shape }) =>
    idle.some(
      (other) => numbered(other)[0] === numbered(name)[0] && sameShape(restored[other] as readonly number[], shape),
    ),
  );
  if (idle.length === 0 || (strangers.length < trained.length && !twins)) return;
  throw new Error(
    `applyGradients: the restored state is that of ${listed(idle)}, which this step does not train; it trains ${listed(strangers.map(({ name }) => name))}, of which the checkpoint has no state. If that is so on purpose, or if the state is meant for these, ${remedy}.`,
  );
}
