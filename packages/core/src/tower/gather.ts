/**
 * Gradient accumulation: several gradients, one step.
 *
 * A variable whose gradients are accumulated takes part in a step only when enough have come, with their mean; in between it is a variable
 * without a gradient, which keeps its value, its state, its step count and what it learns. So it makes no difference where
 * `accumulate` stands, around a wrapper such as `ftp` or inside it.
 */

import type { Value } from "../executors/executor.js";
import { input } from "../expression/expression.js";
import { compile } from "../expression/program.js";
import type { Cell, Tower } from "./cell.js";

const gatherProgram = compile({
  sum: input("sum", "element").add(input("g", "element").div(input("steps", "model"))),
});

/**
 * Takes a gradient in.
 *
 * @returns The mean of the gradients, a new array, where they are enough for a step; else undefined.
 */
export function gather<A>({ executor }: Tower<A>, cell: Cell<A>, g: Value<A>): Value<A> | undefined {
  const { sum, count } = cell.gathered ?? { sum: 0, count: 0 };
  const inputs = { sum, g, steps: cell.steps };
  const next = executor.run(gatherProgram, inputs, cell.layout, { sum }).sum as Value<A>;
  if (next !== sum && typeof sum !== "number") executor.release(sum);
  const enough = count + 1 === cell.steps;
  cell.gathered = enough ? undefined : { sum: next, count: count + 1 };
  return enough ? next : undefined;
}
