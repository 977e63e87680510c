/**
 * Nodes: what every expression is made of, and the names of all operations. What each operation means stands in one table (operations.ts).
 */
import type { Grain } from "./grain.js";

/** Any grain, known only when the program runs. Not `Grain`: to the compiler an Expr<"element"> would be no Expr<Grain>. */
// biome-ignore lint/suspicious/noExplicitAny: exactly its meaning
export type AnyGrain = any;

/** Operations on one number. */
export type UnaryName =
  | "neg"
  | "abs"
  | "sign"
  | "floor"
  | "square"
  | "sqrt"
  | "rsqrt"
  | "exp"
  | "log"
  | "tanh"
  | "sigmoid"
  | "stopGradient";
/** Comparisons of two numbers. */
type ComparisonName = "greater" | "greaterEqual" | "less" | "lessEqual" | "equal";
/** Operations on two numbers. */
export type BinaryName =
  | "add"
  | "sub"
  | "mul"
  | "div"
  | "pow"
  | "minimum"
  | "maximum"
  | "straightThrough"
  | ComparisonName;

/** The name of an operation of the table. */
export type OperationName = UnaryName | BinaryName | "select";

/** What a node does: read an input, be a constant, count, reduce, or apply an operation of the table. */
export type NodeKind =
  | { readonly op: "input"; readonly name: string }
  | { readonly op: "constant"; readonly value: number }
  /** How many values of grain `of` one value of grain `per` covers. */
  | { readonly op: "count"; readonly of: Grain; readonly per: Grain }
  | { readonly op: "reduceSum" | "reduceMax"; readonly from: Grain; readonly to: Grain }
  | { readonly op: OperationName };

/** A node of the graph, whether its value is a number or a truth value. */
export abstract class Node<G extends Grain = AnyGrain> {
  /** What it does. @internal */
  readonly kind: NodeKind;
  /** What it does it to. @internal */
  readonly operands: readonly Node[];
  /** What one of its values covers. */
  readonly grain: G;

  constructor(kind: NodeKind, operands: readonly Node[], grain: G) {
    this.kind = kind;
    this.operands = operands;
    this.grain = grain;
  }
}

/** A truth value per `G`: the result of a comparison; only `select` consumes it. */
export class Condition<G extends Grain = AnyGrain> extends Node<G> {
  declare private readonly truth: true;
}
