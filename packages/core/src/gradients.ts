/**
 * Gradients as they are handed to an optimizer, matched with the variables that they are for.
 */
import * as tf from "@tensorflow/tfjs-core";
import { sameShape } from "./layout.js";

/** A variable and its gradient. */
export interface VariableGradient {
  readonly variable: tf.Variable;
  readonly g: tf.Tensor;
}

/**
 * The variables that have a gradient, with it, after everything that can be wrong was looked for.
 *
 * @param named Names and gradients; null or undefined where a variable has none.
 * @param shapeBefore The shape that a variable had in its last step; undefined before its first.
 * @throws Error for a name that no variable has, two gradients for one variable, and shapes that do not fit.
 */
export function variableGradients(
  named: readonly (readonly [string, tf.Tensor | null | undefined])[],
  shapeBefore: (name: string) => readonly number[] | undefined,
): VariableGradient[] {
  const { registeredVariables } = tf.engine();
  const updates = new Map<tf.Variable, VariableGradient>();
  for (const [name, g] of named) {
    const variable = registeredVariables[name];
    if (!variable) {
      throw new Error(
        `applyGradients: there is no variable "${name}". Gradients go by the names of tf.Variables that exist; was it disposed?`,
      );
    }
    if (!g) continue;
    if (!(g instanceof tf.Tensor)) {
      throw new Error(
        `applyGradients: the gradient of "${name}" is ${g}; expected a tf.Tensor of shape [${variable.shape}].`,
      );
    }
    if (updates.has(variable)) {
      throw new Error(`applyGradients: there are two gradients for "${name}"; expected one. Add them up first.`);
    }
    if (!sameShape(g.shape, variable.shape)) {
      throw new Error(
        `applyGradients: the gradient of "${name}" has shape [${g.shape}]; expected [${variable.shape}].`,
      );
    }
    const before = shapeBefore(name);
    if (before && !sameShape(before, variable.shape)) {
      throw new Error(
        `applyGradients: "${name}" has shape [${variable.shape}], but had [${before}] when its state was made. Give the new variable another name, or build a new optimizer.`,
      );
    }
    updates.set(variable, { variable, g });
  }
  return [...updates.values()];
}
