/**
 * The oracle of all checks: the whole optimizer in float64, apart from operators on tensors, for which there is only TensorFlow.js. They run on the backend that is active, in float32;
 * what rounding does to them is measured like all rounding, by disturbing what they are given.
 */
import * as tf from "@tensorflow/tfjs-core";
import type { Executor, Value } from "../executors/executor.js";
import { type Array64, float64Executor } from "../executors/float64-executor.js";
import { Transaction } from "../executors/transaction.js";
import { type Float64Optimizer, float64In, type Parameters64 } from "../optimizer/float64.js";
import type { HyperOptions } from "../optimizer/hyper-options.js";
import { operateOnTensors } from "../rule/operator.js";
import type { GivenTensor } from "../rule/rule.js";
import type { Spec } from "../rule/spec.js";
import type { Operate, Operated } from "../rule/stage.js";
import type { Tower } from "../tower/cell.js";

type Record64<T> = Readonly<Record<string, T>>;

const mapped = <A, B>(record: Record64<A>, f: (x: A) => B): Record<string, B> =>
  Object.fromEntries(Object.entries(record).map(([key, x]) => [key, f(x)]));

const onDevice = (value: Value<Array64>): Value<tf.Tensor> =>
  typeof value === "number" ? value : tf.tensor(Float32Array.from(value.values), [...value.shape], "float32");

/** A tensor as an array; the tensor is given up. */
function taken(tensor: tf.Tensor): Array64 {
  const array = float64Executor.load({ shape: tensor.shape, values: tensor.dataSync() });
  tensor.dispose();
  return array;
}

/** Runs operators on the backend that is active. */
export const operate64: Operate<Array64> = (operator, calls) => {
  let results: readonly Operated<tf.Tensor>[] = [];
  tf.tidy(() => {
    const given = calls.map(({ inputs, tangents, memory, ...call }) => ({
      ...call,
      inputs: mapped(inputs, onDevice),
      tangents: mapped(tangents, (each) => mapped(each, onDevice)),
      memory: mapped(memory, (array) => onDevice(array) as tf.Tensor),
    }));
    // They are kept.
    results = operateOnTensors(operator, given);
  });
  return results.map(({ value, tangents, memory }) => {
    return { value: taken(value), tangents: mapped(tangents, taken), memory: mapped(memory, taken) };
  });
};

/** A tensor that was given from outside, in float64. */
export const loadGiven = (tensor: GivenTensor): Array64 =>
  float64Executor.load("values" in tensor ? tensor : { shape: tensor.shape, values: tensor.dataSync() });

/** What all levels of a tower share. */
export const towerOf = (executor: Executor<Array64> = float64Executor): Tower<Array64> => ({
  executor: new Transaction(executor),
  loadGiven,
  operate: operate64,
  refused: 0,
});

/** The optimizer in float64, which runs operators too. */
export const oracle = (
  spec: Spec,
  parameters: Parameters64,
  options: Pick<HyperOptions, "channelAxis"> = {},
): Float64Optimizer => float64In(towerOf(), spec, parameters, options);
