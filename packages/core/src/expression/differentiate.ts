/**
 * Forward-mode differentiation of expressions.
 *
 * Some inputs are given tangents: 1 for what is differentiated by, or how an input itself changes with it. The tangent of a node is
 * the sum over its operands of (partial derivative) · (tangent of the operand). Tangents of shared nodes
 * are shared, so the derivative of a graph of n nodes has O(n) nodes; and as the result is again an expression, it can be
 * differentiated again.
 */
import { constant, type Expr, type Operand, reduceSum, select, toExpr } from "./expression.js";
import { finer, type Grain } from "./grain.js";
import { Condition, type Node, type NodeKind } from "./node.js";
import { operations } from "./operations.js";

/** Raised where a derivative would not be diagonal: several values of the hyperparameter meet in one value of a reduction. */
export class GrainError extends Error {
  readonly reduction: Grain;
  readonly grain: Grain;

  constructor(reduction: Grain, grain: Grain) {
    super(
      `The rule reduces, per ${reduction}, something that depends on a value with the finer grain "${grain}", so one result depends on many values at once and the sensitivity would be a matrix.`,
    );
    this.name = "GrainError";
    this.reduction = reduction;
    this.grain = grain;
  }
}

/**
 * ∂y/∂x for an input x: at every value of y, the derivative by the value of x that covers it.
 *
 * @throws GrainError where y reduces over several values of x.
 */
export function differentiate(y: Expr, x: Expr): Expr {
  return tangentOf(y, new Map([[x, constant(1)]]), x.grain) ?? constant(0);
}

/** How a reduction y of a changes with it. */
function reductionTangent({ op, from, to }: Extract<NodeKind, { from: Grain }>, a: Expr, da: Expr, y: Expr): Expr {
  if (op === "reduceSum") return reduceSum(da, from, to);
  // The mean of the tangents where the maximum is attained; it is attained somewhere, so the divisor is at least 1.
  const attained = select(a.equal(y), 1, 0);
  const share = (z: Expr): Expr => reduceSum(z, from, to);
  return share(attained.mul(da)).div(share(attained));
}

/**
 * How y changes with a quantity on which some inputs depend; null where it does not.
 *
 * @param seeds How these inputs change with it.
 * @param grain What one value of the quantity covers.
 * @throws GrainError where y reduces over several values of the quantity.
 */
export function tangentOf(y: Expr, seeds: ReadonlyMap<Node, Expr>, grain: Grain): Expr | null {
  const tangents = new Map<Node, Expr | null>(seeds);

  function tangent(node: Node): Expr | null {
    const known = tangents.get(node);
    if (known !== undefined) return known;
    const result = rule(node);
    tangents.set(node, result);
    return result;
  }

  function rule(node: Node): Expr | null {
    const { kind } = node;
    switch (kind.op) {
      case "input":
      case "constant":
      case "count":
        return null;
      case "reduceSum":
      case "reduceMax": {
        const a = node.operands[0] as Expr;
        const da = tangent(a);
        if (da === null) return null;
        if (finer(grain, kind.to)) throw new GrainError(kind.to, grain);
        return reductionTangent(kind, a, da, node as Expr);
      }
      case "select": {
        const [condition, yes, no] = node.operands as [Condition, Expr, Expr];
        const [dYes, dNo] = [tangent(yes), tangent(no)];
        return dYes === null && dNo === null ? null : select(condition, dYes ?? 0, dNo ?? 0);
      }
      default: {
        if (node instanceof Condition) return null;
        const { partials } = operations[kind.op] as { partials: readonly (((...xs: Expr[]) => Operand) | null)[] };
        let total: Expr | null = null;
        for (const [i, partial] of partials.entries()) {
          const da = partial && tangent(node.operands[i] as Node);
          if (!partial || !da) continue;
          const term = toExpr(partial(...(node.operands as Expr[]), node as Expr)).mul(da);
          total = total ? total.add(term) : term;
        }
        return total;
      }
    }
  }

  return tangent(y);
}
