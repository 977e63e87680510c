/**
 * Stages: what an update needs that no expression over one tensor can say.
 *
 * A stage is worked out before the update, in every step, and the update sees its result as one more input. There are two kinds: a total
 * over all variables of a step (the norm of the whole gradient), and an operator on whole tensors (a matrix product). Stages come in
 * order, and each sees those before it.
 */
import type * as tf from "@tensorflow/tfjs-core";
import type { Value } from "../executors/executor.js";
import type { Expr, Operand } from "../expression/expression.js";
import type { VariableInfo } from "./variable.js";

/** What expressions of a rule are written in: p, g, t, state slots, hyperparameters and the stages before, by name. */
export type Inputs = Readonly<Record<string, Expr>>;

/** A sum over all variables that take part in a step. */
export interface Total {
  /** Tells it from an operator. */
  readonly kind: "total";
  /** What one variable adds to it: one value per tensor. */
  readonly value: (inputs: Inputs) => Operand;
  /** Totals with the same object are one total, whichever rule a variable has. Default: the variables of one rule with its settings. */
  readonly over?: object;
}

/** One variable in a call of an operator. */
export interface OperatorCall {
  /** The variable's name. */
  readonly name: string;
  /** The values of the operator's inputs: of the variable's shape, or scalars. */
  readonly inputs: Readonly<Record<string, tf.Tensor>>;
  /** What it remembers, by name. */
  readonly memory: Readonly<Record<string, tf.Tensor>>;
}

/** What an operator made of one variable. */
export interface OperatorResult {
  /** The value that the update sees, of the variable's shape. */
  readonly value: tf.Tensor;
  /** What it remembers until the next step. */
  readonly memory: Readonly<Record<string, tf.Tensor>>;
}

/** A function of whole tensors. */
export interface Operator {
  /** Tells it from a total. */
  readonly kind: "operator";
  /** What it is given, by name. */
  readonly inputs: (inputs: Inputs) => Readonly<Record<string, Operand>>;
  /** What it remembers of a variable, by name, before the first step, from the variable's shape; new tensors. Default: nothing. */
  readonly memory?: (shape: readonly number[]) => Readonly<Record<string, tf.Tensor>>;
  /** Throws for a variable that it cannot work on; called when the variable takes its first step, before anything is changed. */
  readonly accepts?: (variable: VariableInfo) => void;
  /**
   * Its results for all variables of a step together, with TensorFlow.js operations; it changes nothing that it is given. Unless it is opaque, every operation has a gradient
   * that has a gradient.
   */
  readonly apply: (calls: readonly OperatorCall[]) => readonly OperatorResult[];
  /** True where it keeps state of its own: nothing is differentiated through it, and no checkpoint can hold it. */
  readonly opaque?: true;
}

/** Something that is worked out before the update. */
export type Stage = Total | Operator;

/** One variable in a call of an operator: values by input, and how they change with every learned hyperparameter that they depend on. */
export interface Operation<A> {
  readonly name: string;
  readonly shape: readonly number[];
  readonly inputs: Readonly<Record<string, Value<A>>>;
  readonly tangents: Readonly<Record<string, Readonly<Record<string, Value<A>>>>>;
  readonly memory: Readonly<Record<string, A>>;
}

/** What an operator made of one variable; the arrays are new. */
export interface Operated<A> {
  readonly value: A;
  /** How the value changes, by hyperparameter. */
  readonly tangents: Readonly<Record<string, A>>;
  readonly memory: Readonly<Record<string, A>>;
}

/** Runs an operator. */
export type Operate<A> = (operator: Operator, calls: readonly Operation<A>[]) => readonly Operated<A>[];
