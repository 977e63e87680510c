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
    for (const operand of operands) unread?.delete(operand);
  }

  /**
   * A text for messages. JavaScript's own arithmetic asks for a number, which an expression has not got: NaN in the model, or a branch taken for good, would
   * come of it.
   *
   * @throws Error that names the method to use.
   */
  [Symbol.toPrimitive](hint: "string" | "number" | "default"): string {
    if (hint === "string") return this.toString();
    throw new Error(
      `JavaScript ${hint === "number" ? "computes or compares with" : "adds or compares"} ${this}, which has no value while a rule is written. ${this.instead} Numbers on the left: sub(1, x), div(1, x), pow(2, x).`,
    );
  }

  /** What it is, for messages. */
  toString(): string {
    const { kind } = this;
    const what = kind.op === "input" ? `"${kind.name}"` : kind.op === "constant" ? `${kind.value}` : `of "${kind.op}"`;
    return `the ${this instanceof Condition ? "condition" : "expression"} ${what}`;
  }

  /** What to write in place of JavaScript's operators. */
  protected abstract get instead(): string;
}

/** A truth value per `G`: the result of a comparison; only `select` consumes it. To JavaScript's `if`, `? :`, `&&`, `||` and `!` it is always true. */
export class Condition<G extends Grain = AnyGrain> extends Node<G> {
  declare private readonly truth: true;

  constructor(kind: NodeKind, operands: readonly Node[], grain: G) {
    super(kind, operands, grain);
    unread?.add(this);
  }

  protected override get instead(): string {
    return "Write select(condition, yes, no).";
  }
}

/** The comparisons that nothing has read yet, while `readingConditions` looks. */
let unread: Set<Node> | undefined;

/**
 * Runs what an author wrote, and sees to it that every comparison in it is read by an expression.
 *
 * JavaScript lets nobody notice `if (x.greater(0))`: any object is true. But a comparison that went there is read by no `select`.
 *
 * @param where What runs, for the message.
 * @throws Error where a comparison is made that no expression reads.
 */
export function readingConditions<T>(where: string, run: () => T): T {
  const outer = unread;
  unread = new Set();
  try {
    const result = run();
    const [condition] = unread;
    if (!condition) return result;
    throw new Error(
      `${where}: nothing reads ${condition}. To JavaScript's if, ? :, &&, || and ! a comparison is always true. Write select(x.greater(0), yes, no), which decides in every step, or remove the comparison.`,
    );
  } finally {
    unread = outer;
  }
}
