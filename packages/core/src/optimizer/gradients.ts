/**
 * Gradients as they are handed to an optimizer, matched with the variables that they are for.
 */
import * as tf from "@tensorflow/tfjs-core";
import type { NamedTensor } from "../checkpoint/weights.js";
import { sameShape } from "../expression/layout.js";

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
 * @throws Error for a name that no variable has, two gradients for one variable, and types and shapes that do not fit.
 */
export function variableGradients(
  gradients: GivenGradients,
  shapeBefore: (name: string) => readonly number[] | undefined,
  called = "applyGradients",
): VariableGradient[] {
  const named: (readonly [string, tf.Tensor | null | undefined])[] = isList(gradients)
    ? gradients.map(({ name, tensor }) => [name, tensor])
    : Object.entries(gradients);
  const { registeredVariables } = tf.engine();
  const updates = new Map<tf.Variable, VariableGradient>();
  for (const [name, g] of named) {
    const variable = registeredVariables[name];
    if (!variable) {
      throw new Error(
        `${called}: there is no variable "${name}". Gradients go by the names of tf.Variables that exist; was it disposed?`,
      );
    }
    if (!g) continue;
    if (!(g instanceof tf.Tensor)) {
      throw new Error(
        `${called}: the gradient of "${name}" is ${g}; expected a tf.Tensor of shape [${variable.shape}].`,
      );
    }
    if (updates.has(variable)) {
      throw new Error(`${called}: there are two gradients for "${name}"; expected one. Add them up first.`);
    }
    if (!sameShape(g.shape, variable.shape)) {
      throw new Error(`${called}: the gradient of "${name}" has shape [${g.shape}]; expected [${variable.shape}].`);
    }
    if (g.dtype !== "float32") throw typeError(`${called}: the gradient of "${name}"`, g);
    if (variable.dtype !== "float32") throw typeError(`${called}: "${name}"`, variable);
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

/** Kernels would take the bits of other types for floats. */
const typeError = (what: string, { dtype }: tf.Tensor): Error =>
  new Error(
    `${what} is of type ${dtype}; expected float32. Cast it with tf.cast(…, "float32"), or leave it out of training.`,
  );

const isList = (gradients: GivenGradients): gradients is readonly NamedTensor[] => Array.isArray(gradients);
