/**
 * Gradients as they are handed to an optimizer, matched with the variables that they are for.
 */
import * as tf from "@tensorflow/tfjs-core";
import type { NamedTensor } from "../checkpoint/weights.js";
import { sameShape } from "../expression/layout.js";
import { listed, shown } from "../expression/shown.js";

/** A variable and its gradient. */
export interface VariableGradient {
  readonly variable: tf.Variable;
  readonly g: tf.Tensor;
}

/** Gradients as users pass them. */
export type GivenGradients = tf.NamedTensorMap | readonly NamedTensor[];

/** Gradients of the loss that hyperparameters are learned from, by variable; checked like the others. */
export function heldOutGradients(
  gradients: GivenGradients,
  shapeBefore: (name: string) => readonly number[] | undefined,
): ReadonlyMap<tf.Variable, tf.Tensor> {
  return new Map(variableGradients(gradients, shapeBefore, "hyperGradients").map(({ variable, g }) => [variable, g]));
}

/**
 * The variables that have a gradient, with it, after everything that can be wrong was looked for.
 *
 * @param gradients By name, or as a list of names and tensors; null or undefined where a variable has none.
 * @param shapeBefore The shape that a variable had in its last step; undefined before its first.
 * @throws Error for something else than gradients by name, a name that no variable has, two gradients for one variable, and what is disposed or of a type or shape that does not fit.
 */
export function variableGradients(
  gradients: GivenGradients,
  shapeBefore: (name: string) => readonly number[] | undefined,
  called = "applyGradients",
): VariableGradient[] {
  const { registeredVariables } = tf.engine();
  const updates = new Map<tf.Variable, VariableGradient>();
  const named = namedGradients(gradients, called);
  refuseUnknown(
    named.map(([name]) => name).filter((name) => !Object.hasOwn(registeredVariables, name)),
    called,
  );
  for (const [name, g] of named) {
    const variable = registeredVariables[name] as tf.Variable;
    if (g === null || g === undefined) continue;
    if (updates.has(variable)) {
      throw new Error(`${called}: there are two gradients for "${name}"; expected one. Add them up first.`);
    }
    checkGradient(g, variable, called);
    const before = shapeBefore(name);
    if (before && !sameShape(before, variable.shape)) {
      throw new Error(
        `${called}: "${name}" has shape [${variable.shape}], but had [${before}] when its state was made. Give the new variable another name, or build a new optimizer.`,
      );
    }
    updates.set(variable, { variable, g });
  }
  return [...updates.values()];
}

const byName = "by variable name, as tf.variableGrads(f).grads has them, or as a list of { name, tensor }";

/** Names and gradients, whichever way they are given. */
function namedGradients(
  gradients: GivenGradients,
  called: string,
): (readonly [string, tf.Tensor | null | undefined])[] {
  if (typeof gradients !== "object" || gradients === null || gradients instanceof tf.Tensor) {
    const what = (gradients as unknown) instanceof tf.Tensor ? "one tensor" : shown(gradients);
    throw new Error(`${called}: the gradients are ${what}; expected them ${byName}.`);
  }
  if (!isList(gradients)) {
    if (gradients.value instanceof tf.Tensor && gradients.grads && !(gradients.grads instanceof tf.Tensor)) {
      throw new Error(
        `${called}: this is the value and the gradients together, as tf.variableGrads returns them. Pass its .grads.`,
      );
    }
    return Object.entries(gradients);
  }
  return gradients.map((given: NamedTensor | null | undefined, i) => {
    if (typeof given?.name !== "string") {
      throw new Error(`${called}: gradient ${i} of the list is ${shown(given)}; expected { name, tensor }.`);
    }
    return [given.name, given.tensor];
  });
}

function refuseUnknown(unknown: readonly string[], called: string): void {
  if (unknown.length === 0) return;
  throw new Error(
    `${called}: there is no variable ${listed(unknown.map((name) => `"${name}"`))}. Gradients go by the names of tf.Variables that exist; was it disposed? There are ${listed(Object.keys(tf.engine().registeredVariables))}.`,
  );
}

function checkGradient(g: unknown, variable: tf.Variable, called: string): asserts g is tf.Tensor {
  const { name, shape } = variable;
  if (!(g instanceof tf.Tensor)) {
    throw new Error(`${called}: the gradient of "${name}" is ${shown(g)}; expected a tf.Tensor of shape [${shape}].`);
  }
  if (g.isDisposed) {
    throw new Error(
      `${called}: the gradient of "${name}" was disposed. Take the step first, in the tf.tidy that the gradients are made in if there is one.`,
    );
  }
  if (!sameShape(g.shape, shape)) {
    throw new Error(`${called}: the gradient of "${name}" has shape [${g.shape}]; expected [${shape}].`);
  }
  if (g.dtype !== "float32") throw typeError(`${called}: the gradient of "${name}"`, g);
  if (variable.dtype !== "float32") throw typeError(`${called}: "${name}"`, variable);
}

/** Kernels would take the bits of other types for floats. */
const typeError = (what: string, { dtype }: tf.Tensor): Error =>
  new Error(
    `${what} is of type ${dtype}; expected float32. Cast it with tf.cast(…, "float32"), or leave it out of training.`,
  );

const isList = (gradients: GivenGradients): gradients is readonly NamedTensor[] => Array.isArray(gradients);

/**
 * Looks whether TensorFlow.js can differentiate at all.
 *
 * @throws Error where no gradients are registered.
 */
export function checkRegistered(): void {
  if (!tf.getGradient("Multiply")) {
    throw new Error(
      'No gradient functions are registered: @tensorflow/tfjs-core alone brings none in Node. Import "@tensorflow/tfjs" once, anywhere in the program.',
    );
  }
}
