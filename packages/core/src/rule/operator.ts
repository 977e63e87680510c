/**
 * Operators on tensors: run, and differentiated with tf.grads.
 *
 * Towers need the change of an operator's value with a hyperparameter, a product with the Jacobian from the right; tf.grads gives products
 * from the left, uᵀJ. These are linear in u, so that their own gradient by u, in the direction v, is Jv: two passes backward for each
 * hyperparameter (Townsend, "A new trick for calculating Jacobian vector products", 2017).
 */
import * as tf from "@tensorflow/tfjs-core";
import type { Value } from "../executors/executor.js";
import { sameShape } from "../expression/layout.js";
import type { Operate, Operated, Operation, Operator, OperatorResult } from "./stage.js";

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
  // tf.grads wants every result to depend on every input: 0 times each makes it so where the operator ignores one, as a fallback for vectors may.
  const nothing = (x: tf.Tensor): tf.Tensor => tf.sum(tf.mul(x, 0));
  const sum = (terms: readonly tf.Tensor[]): tf.Scalar => terms.reduce((a, b) => tf.add(a, b)) as tf.Scalar;
  const fromLeft = (u: tf.Tensor): tf.Scalar => {
    const products = tf.grads((...varied) =>
      sum([tf.sum(tf.mul(value(...varied), u)), ...varied.map((x) => nothing(x))]),
    )(given);
    return sum([nothing(u), ...products.map((product, i) => tf.sum(tf.mul(product, directions[i] as tf.Tensor)))]);
  };
  return tf.grad(fromLeft)(tf.zerosLike(like));
}

/** Refuses results that do not fit: kernels would read past their end. */
function checkResult({ name, shape, memory }: Operation<tf.Tensor>, result: OperatorResult): void {
  if (!sameShape(result.value.shape, shape)) {
    throw new Error(
      `The direction of "${name}" has shape [${result.value.shape}]; expected the variable's, [${shape}].`,
    );
  }
  const unknown = Object.keys(result.memory).find((key) => !Object.hasOwn(memory, key));
  if (unknown !== undefined) {
    throw new Error(
      `The direction of "${name}" remembers "${unknown}", for which memory has no initial value; there are ${Object.keys(memory).join(", ") || "none"}.`,
    );
  }
}

/** Runs an operator on tensors. */
export const operateOnTensors: Operate<tf.Tensor> = (operator, calls) => {
  const cloned = (tensors: Readonly<Record<string, tf.Tensor>>): Record<string, tf.Tensor> =>
    // What an operator hands back may be what it was given.
    Object.fromEntries(Object.entries(tensors).map(([key, tensor]) => [key, tensor.clone()]));
  tf.engine().startScope("hypergrad");
  try {
    const given = calls.map(({ name, inputs, memory }) => ({ name, inputs: asTensors(inputs), memory }));
    const applied = operator.apply(given);
    calls.forEach((call, i) => {
      checkResult(call, applied[i] as OperatorResult);
    });
    const results = calls.map((call, i): Operated<tf.Tensor> => {
      const { value, memory } = applied[i] as OperatorResult;
      const tangents = Object.entries(call.tangents).map(([hyperparameter, tangent]) => [
        hyperparameter,
        jacobianProduct(operator, call, tangent, value),
      ]);
      return { value: value.clone(), tangents: cloned(Object.fromEntries(tangents)), memory: cloned(memory) };
    });
    // Kept only when nothing can be thrown any more.
    for (const { value, tangents, memory } of results) {
      for (const tensor of [value, ...Object.values(tangents), ...Object.values(memory)]) tf.keep(tensor as tf.Tensor);
    }
    return results;
  } finally {
    tf.engine().endScope();
  }
};
