/**
 * Existing tf.Optimizers as specs, so that wrappers such as `ftp` work on them.
 *
 * The optimizer is opaque: it takes its step on the variables, what it made of them is taken as its proposal, and the variables are put
 * back for the rules around it to decide. Nothing of its own can be learned, but hyperparameters of the rules around it can.
 */
import * as tf from "@tensorflow/tfjs-core";
import type { Expr } from "../expression/expression.js";
import { ruleFactory } from "./define.js";
import type { Spec } from "./spec.js";
import type { Operator } from "./stage.js";

/** True for a tf.Optimizer. */
function isTfOptimizer(x: unknown): x is tf.Optimizer {
  // tfjs's own test looks at properties, which undefined and null do not have.
  return typeof x === "object" && x !== null && x instanceof tf.Optimizer;
}

/**
 * A tf.Optimizer as a spec: `ftp(fromTf(tf.train.adam(1e-4)))`, or `ftp(tf.train.adam(1e-4))` for short.
 *
 * It is also the way to go on exactly as before where the rule of the same name differs: `adadelta`, `adagrad` and `rmsprop` are those of their papers and of
 * PyTorch, not of tf.train.
 *
 * It keeps its own state, which a checkpoint cannot hold, and stays the caller's to dispose. Use one instance for one HyperOptimizer.
 */
export function fromTf(optimizer: tf.Optimizer): Spec {
  // tfjs's optimizers find their state by position, so every call names every variable, in the order in which they first came.
  const names: string[] = [];
  const proposed: Operator = {
    kind: "operator",
    inputs: ({ g }) => ({ g: g as Expr }),
    opaque: true,
    apply(calls) {
      for (const { name } of calls) if (!names.includes(name)) names.push(name);
      const gradients = new Map(calls.map(({ name, inputs }) => [name, inputs.g as tf.Tensor]));
      const variables = calls.map(({ name }) => tf.engine().registeredVariables[name] as tf.Variable);
      const before = variables.map((variable) => variable.clone());
      optimizer.applyGradients(
        // tfjs skips null gradients, though its types know of none.
        names.map((name) => ({ name, tensor: gradients.get(name) ?? (null as unknown as tf.Tensor) })),
      );
      return variables.map((variable, i) => {
        const value = variable.clone();
        variable.assign(before[i] as tf.Tensor);
        return { value, memory: {} };
      });
    },
  };
  return ruleFactory({
    name: `tf.${optimizer.getClassName()}`,
    hyperparameters: {},
    state: {},
    stages: { proposed },
    update: (x) => ({ p: x.proposed }),
  })();
}

/** What a wrapper is put around, as a spec. */
export function baseSpec(base: Spec | tf.Optimizer): Spec {
  return isTfOptimizer(base) ? fromTf(base) : base;
}
