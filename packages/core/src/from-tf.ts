/**
 * Existing tf.Optimizers as specs, so that wrappers such as `ftp` work on them.
 *
 * The optimizer is opaque: it takes its step on the variables, what it made of them is taken as its proposal, and the variables are put
 * back for the rules around it to decide. Nothing of its own can be learned, but hyperparameters of the rules around it can.
 */
import * as tf from "@tensorflow/tfjs-core";
import type { Expr } from "./expression.js";
import { type Rule, ruleFactory } from "./rule.js";
import type { Spec } from "./spec.js";

/** True for a tf.Optimizer. */
export function isTfOptimizer(x: unknown): x is tf.Optimizer {
  // tfjs's own test looks at properties, which undefined and null do not have.
  return typeof x === "object" && x !== null && x instanceof tf.Optimizer;
}

/**
 * A tf.Optimizer as a spec: `ftp(fromTf(tf.train.adam(1e-4)))`, or `ftp(tf.train.adam(1e-4))` for short.
 *
 * It keeps its own state, which a checkpoint cannot hold, and stays the caller's to dispose. Use one instance for one HyperOptimizer.
 */
export function fromTf(optimizer: tf.Optimizer): Spec {
  // tfjs's optimizers find their state by position, so every call names every variable, in the order in which they first came.
  const names: string[] = [];
  const rule: Rule = {
    name: `tf.${optimizer.getClassName()}`,
    hyperparameters: {},
    state: {},
    update: ({ proposed }) => ({ p: proposed as Expr }),
    propose(updates) {
      for (const { name } of updates) if (!names.includes(name)) names.push(name);
      const gradients = new Map(updates.map(({ name, g }) => [name, g as tf.Tensor]));
      const variables = updates.map(({ name }) => tf.engine().registeredVariables[name] as tf.Variable);
      return tf.tidy(() => {
        const before = variables.map((variable) => variable.clone());
        optimizer.applyGradients(
          // tfjs skips null gradients, though its types know of none.
          names.map((name) => ({ name, tensor: gradients.get(name) ?? (null as unknown as tf.Tensor) })),
        );
        return variables.map((variable, i) => {
          const proposed = tf.keep(variable.clone());
          variable.assign(before[i] as tf.Tensor);
          return proposed;
        });
      });
    },
  };
  return ruleFactory(rule)();
}
