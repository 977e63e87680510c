/**
 * Operators on tensors: run, and differentiated with tf.grads.
 *
 * Towers need the change of an operator's value with a hyperparameter, a product with the Jacobian from the right; tf.grads gives products
 * from the left, uᵀJ. These are linear in u, so that their own gradient by u, in the direction v, is Jv: two passes backward for each
 * hyperparameter (Townsend, "A new trick for calculating Jacobian vector products", 2017).
 */
import * as tf from "@tensorflow/tfjs-core";
import type { Value } from "./executor.js";
import type { Operate, Operated, Operation } from "./run-stages.js";
import type { Operator } from "./stage.js";

const asTensor = (value: Value<tf.Tensor>): tf.Tensor => (typeof value === "number" ? tf.scalar(value) : value);

const asTensors = (values: Readonly<Record<string, Value<tf.Tensor>>>): Record<string, tf.Tensor> =>
  Object.fromEntries(Object.entries(values).map(([key, value]) => [key, asTensor(value)]));

/** J·v: how the operator's value for one variable changes when its inputs change by `tangents`. */
function jacobianProduct(
  operator: Operator,
  { name, inputs, memory }: Operation<tf.Tensor>,
  tangents: Readonly<Record<string, Value<tf.Tensor>>>,
  like: tf.Tensor,
): tf.Tensor {
  const fixed = asTensors(inputs);
  const keys = Object.keys(tangents);
  const given = keys.map((key) => fixed[key] as tf.Tensor);
  // A coarse tangent of a fine input holds for all of it.
  const directions = keys.map((key, i) => {
    const tangent = asTensor(tangents[key] as Value<tf.Tensor>);
    return tf.add(tf.zerosLike(given[i] as tf.Tensor), tangent);
  });
  const value = (...varied: tf.Tensor[]): tf.Tensor => {
    const varying = Object.fromEntries(keys.map((key, i) => [key, varied[i] as tf.Tensor]));
    return (operator.apply([{ name, inputs: { ...fixed, ...varying }, memory }])[0] as { value: tf.Tensor }).value;
  };
  const fromLeft = (u: tf.Tensor): tf.Scalar => {
    const products = tf.grads((...varied) => tf.sum(tf.mul(value(...varied), u)))(given);
    return products
      .map((product, i) => tf.sum(tf.mul(product, directions[i] as tf.Tensor)))
      .reduce((a, b) => tf.add(a, b)) as tf.Scalar;
  };
  return tf.grad(fromLeft)(tf.zerosLike(like));
}

/** Runs an operator on tensors. */
export const operateOnTensors: Operate<tf.Tensor> = (operator, calls) => {
  const keep = (tensors: Readonly<Record<string, tf.Tensor>>): Record<string, tf.Tensor> =>
    // A clone: what an operator hands back may be what it was given.
    Object.fromEntries(Object.entries(tensors).map(([key, tensor]) => [key, tf.keep(tensor.clone())]));
  const results: Operated<tf.Tensor>[] = [];
  tf.engine().startScope("hypergrad");
  try {
    const given = calls.map(({ name, inputs, memory }) => ({ name, inputs: asTensors(inputs), memory }));
    const applied = operator.apply(given);
    calls.forEach((call, i) => {
      const { value, memory } = applied[i] as { value: tf.Tensor; memory: Record<string, tf.Tensor> };
      const tangents = Object.entries(call.tangents).map(([hyperparameter, tangent]) => [
        hyperparameter,
        jacobianProduct(operator, call, tangent, value),
      ]);
      results.push({
        ...keep({ value }),
        tangents: keep(Object.fromEntries(tangents)),
        memory: keep(memory),
      } as Operated<tf.Tensor>);
    });
  } finally {
    tf.engine().endScope();
  }
  return results;
};
