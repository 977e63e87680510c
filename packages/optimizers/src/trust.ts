/**
 * What LARS and LAMB share: norms of whole tensors, and a ratio that says nothing where one of them is 0.
 */
import { type Expr, select, sum } from "@hypergrad/core";

/** ‖x‖₂ of a tensor. */
export const norm = (x: Expr<"element">): Expr<"tensor"> => sum(x.square(), "tensor").sqrt();

/** The ratio where both norms are above 0, else 1. */
export function trust<E extends Expr>(ratio: E, a: Expr<"tensor">, b: Expr<"tensor">): E {
  return select(a.greater(0), select(b.greater(0), ratio, 1), 1) as E;
}
