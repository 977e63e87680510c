/**
 * Tensor rules: update rules with a matrix operation at their heart.
 *
 * What expressions cannot say, such as a matrix product, is a function on tf.Tensors; what goes into it and what is made of its result
 * are expressions as in any rule. So every hyperparameter can be learned: through the expressions as always, through the function with tf.grads.
 */
import * as tf from "@tensorflow/tfjs-core";
import type { Expr, Operand } from "../expression/expression.js";
import { type RuleFactory, ruleFactory, type UpdateInputs, type UpdateOutputs, untyped } from "./define.js";
import type { Hyperparameter, Slot } from "./rule.js";
import type { Inputs, Operator } from "./stage.js";
import type { VariableInfo } from "./variable.js";

/** What the matrix operation of a tensor rule returns. */
export interface Direction<M extends string = string> {
  /** What `update` sees as `direction`: a tensor of the variable's shape. */
  readonly value: tf.Tensor;
  /** What is remembered until the next step, by name; default: nothing. */
  readonly memory?: Readonly<Partial<Record<M, tf.Tensor>>>;
}

/** A tensor rule as its author writes it. */
export interface TensorRuleDefinition<
  H extends Record<string, Hyperparameter>,
  S extends Record<string, number | Slot>,
  I extends string,
  M extends string = never,
> {
  /** The name in messages and checkpoints. */
  readonly name: string;
  /** Hyperparameters by name. */
  readonly hyperparameters: H;
  /** State slots by name, as in `rule`. */
  readonly state: S;
  /** What `direction` is given, by name: expressions of one value per element, or per tensor. */
  readonly inputs: (inputs: UpdateInputs<H, S>) => Readonly<Record<I, Operand>>;
  /** Tensors of any shape that `direction` remembers, by name, before the first step, from the variable's shape: new tensors. */
  readonly memory?: (shape: readonly number[]) => Readonly<Record<M, tf.Tensor>>;
  /** Throws for a variable that the rule cannot work on, such as one of the wrong rank; called when it takes its first step. */
  readonly accepts?: (variable: VariableInfo) => void;
  /**
   * The matrix operation, in TensorFlow.js operations that have gradients of gradients: a tensor of the variable's shape, and what is remembered. Nothing is differentiated through
   * what is remembered. It changes nothing that it is given.
   */
  readonly direction: (
    inputs: Readonly<Record<NoInfer<I>, tf.Tensor>>,
    memory: Readonly<Record<NoInfer<M>, tf.Tensor>>,
  ) => Direction<NoInfer<M>>;
  /** The step, which sees `direction` as one more input. */
  readonly update: (inputs: UpdateInputs<H, S> & { readonly direction: Expr<"element"> }) => UpdateOutputs<H, S>;
}

/**
 * Defines a tensor rule. It runs on TensorFlow.js alone, not in float64, and cannot be a learner.
 *
 * A hyperparameter on which an input of `direction` depends is learned per tensor or per model; each such one costs two passes backward through `direction` in every step.
 *
 * @returns A function from settings to a spec, as `rule` does.
 * @throws Error where a name is used twice, or a default lies outside its domain.
 */
export function tensorRule<
  const H extends Record<string, Hyperparameter>,
  const S extends Record<string, number | Slot>,
  const I extends string,
  const M extends string = never,
>(definition: TensorRuleDefinition<H, S, I, M>): RuleFactory<keyof H & string> {
  const { inputs, memory, accepts, direction } = definition;
  const operator: Operator = {
    kind: "operator",
    inputs: inputs as unknown as (inputs: Inputs) => Readonly<Record<string, Operand>>,
    ...(memory && { memory: (shape: readonly number[]) => tf.tidy(() => ({ ...memory(shape) })) }),
    ...(accepts && { accepts }),
    apply: (calls) =>
      calls.map((call) => {
        const { value, memory = {} } = direction(
          call.inputs as Readonly<Record<I, tf.Tensor>>,
          call.memory as Readonly<Record<M, tf.Tensor>>,
        );
        return { value, memory: memory as Readonly<Record<string, tf.Tensor>> };
      }),
  };
  return ruleFactory({ ...untyped(definition), stages: { direction: operator } });
}
