/**
 * Programs: expressions made ready to run.
 *
 * A program is the list of the nodes that some named outputs need, simplified, without duplicates, in an order in which operands
 * come first. Executors walk this list; nothing after this point looks at the graph.
 */
import { constant, Expr, type Operand, toExpr } from "./expression.js";
import type { Grain } from "./grain.js";
import { Condition, type Node, type NodeKind, type OperationName } from "./node.js";
import { operations } from "./operations.js";

/** One step of a program: what to do, with the results of which earlier steps. */
export interface Instruction {
  readonly kind: NodeKind;
  /** Indices of earlier instructions. */
  readonly operands: readonly number[];
  readonly grain: Grain;
  /** Index of the last instruction that reads this one's result; its own where none does, Infinity where it is an output. */
  readonly lastUse: number;
}

/** What an executor runs. */
export interface Program {
  /** For messages: the rule and what is computed of it, such as "adamw: update". */
  readonly name: string;
  readonly instructions: readonly Instruction[];
  /** Output name → index of the instruction that computes it. */
  readonly outputs: ReadonlyMap<string, number>;
}

const same = (node: Node, value: number): boolean => node.kind.op === "constant" && Object.is(node.kind.value, value);

/** The simpler form of an operation on simplified operands, or undefined where there is none. */
function simpler(op: OperationName, [a, b, c]: Node[]): Node | undefined {
  if (!a) return undefined;
  switch (op) {
    case "stopGradient":
    case "straightThrough":
      return a;
    case "add":
      return b && (same(b, 0) ? a : same(a, 0) ? b : undefined);
    case "sub":
      return b && (same(b, 0) ? a : undefined);
    // A factor 0 removes the other operand: everything that a rule computes is finite (the step refuses what is not).
    case "mul":
      return b && (same(b, 1) || same(a, 0) ? a : same(a, 1) || same(b, 0) ? b : undefined);
    case "div":
      return b && (same(b, 1) || same(a, 0) ? a : undefined);
    case "pow":
      return b && (same(b, 1) ? a : undefined);
    case "neg":
      return a.kind.op === "neg" ? a.operands[0] : undefined;
    case "select":
      if (a.kind.op === "constant") return a.kind.value !== 0 ? b : c;
      return b === c ? b : undefined;
    default:
      return undefined;
  }
}

/** Tells nodes apart that do different things: a text, as JSON has neither −0 nor what is not finite. */
function labelOf(kind: NodeKind): string {
  switch (kind.op) {
    case "input":
      return `input ${kind.name}`;
    case "constant":
      return Object.is(kind.value, -0) ? "constant -0" : `constant ${kind.value}`;
    case "count":
      return `count ${kind.of} ${kind.per}`;
    case "reduceSum":
    case "reduceMax":
      return `${kind.op} ${kind.from} ${kind.to}`;
    default:
      return kind.op;
  }
}

/** Simplifies nodes, and makes one of all that do the same. */
class Simplifier {
  private readonly simplified = new Map<Node, Node>();
  private readonly interned = new Map<string, Node>();
  private readonly ids = new Map<Node, number>();

  /** The simplest forms of some roots. */
  simplify(roots: readonly Node[]): Node[] {
    for (const node of inOrder(roots).keys()) this.simplified.set(node, this.simplest(node));
    return roots.map((root) => this.simplified.get(root) as Node);
  }

  /** Of a node whose operands are simplified. */
  private simplest(node: Node): Node {
    const operands = node.operands.map((operand) => this.simplified.get(operand) as Node);
    const { kind, grain } = node;
    const made = kind.op in operations ? evaluated(kind.op as OperationName, operands) : undefined;
    const kept =
      made ?? (node instanceof Condition ? new Condition(kind, operands, grain) : new Expr(kind, operands, grain));
    return this.intern(kept);
  }

  private intern(node: Node): Node {
    const { kind } = node;
    const operands = node.operands.map((operand) => this.ids.get(operand) as number);
    // Addition and multiplication commute exactly, in floating point too.
    if (kind.op === "add" || kind.op === "mul") operands.sort((a, b) => a - b);
    const key = `${labelOf(kind)} ${operands}`;
    const twin = this.interned.get(key);
    if (twin) return twin;
    this.interned.set(key, node);
    this.ids.set(node, this.ids.size);
    return node;
  }
}

/** The simpler form of an operation on simplified operands, or its value where all of them are constants. */
function evaluated(op: OperationName, operands: Node[]): Node | undefined {
  const result = simpler(op, operands);
  if (result || operands.some((operand) => operand.kind.op !== "constant")) return result;
  const values = operands.map((operand) => (operand.kind as { value: number }).value);
  return constant((operations[op].value as (...xs: number[]) => number)(...values));
}

/** All nodes that some roots need, operands first, each with its place. Without recursion: a rule may be longer than the stack is high. */
function inOrder(roots: readonly Node[]): Map<Node, number> {
  const position = new Map<Node, number>();
  const stack = [...roots].reverse();
  for (let node = stack.at(-1); node; node = stack.at(-1)) {
    const waiting = position.has(node) ? [] : node.operands.filter((operand) => !position.has(operand));
    if (waiting.length > 0) {
      stack.push(...waiting.reverse());
      continue;
    }
    if (!position.has(node)) position.set(node, position.size);
    stack.pop();
  }
  return position;
}

/**
 * The program that computes the outputs.
 *
 * @param outputs Output name → expression or number.
 * @param name For messages.
 */
export function compile(outputs: Readonly<Record<string, Operand>>, name = "a program"): Program {
  const names = Object.keys(outputs);
  const roots = new Simplifier().simplify(Object.values(outputs).map((root) => toExpr(root)));
  const position = inOrder(roots);
  const order = [...position.keys()];
  const at = (node: Node): number => position.get(node) as number;
  const lastUse = order.map((_, i) => i);
  order.forEach((node, i) => {
    for (const operand of node.operands) lastUse[at(operand)] = i;
  });
  for (const root of roots) lastUse[at(root)] = Number.POSITIVE_INFINITY;
  return {
    name,
    instructions: order.map((node, i) => ({
      kind: node.kind,
      operands: node.operands.map(at),
      grain: node.grain,
      lastUse: lastUse[i] as number,
    })),
    outputs: new Map(names.map((output, i) => [output, at(roots[i] as Node)])),
  };
}
