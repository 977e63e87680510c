/**
 * Gradient accumulation: several gradients, one step.
 *
 * A variable whose gradients are accumulated takes part in a step only when enough have come, with their mean; in between it is a variable
 * without a gradient, which keeps its value, its state, its step count and what it learns. So it makes no difference where
 * `accumulate` stands, around a wrapper such as `ftp` or inside it.
 */

import { free, replaced, type Value } from "../executors/executor.js";
import { input } from "../expression/expression.js";
import { compile } from "../expression/program.js";
import type { Cell, Tower } from "./cell.js";

const gatherProgram = compile(
  { sum: input("sum", "element").add(input("g", "element").div(input("steps", "model"))) },
  "accumulate",
);

/**
 * Takes a gradient in.
 *
 * @param inPlace True where nobody needs the sum before the end of the transaction, unless it is the mean.
 * @returns The mean of the gradients, a new array, where they are enough for a step; else undefined.
 */
export function gather<A>(
  { executor }: Pick<Tower<A>, "executor">,
  cell: Cell<A>,
  g: Value<A>,
  inPlace = false,
): Value<A> | undefined {
  const { sum, count } = cell.gathered ?? { sum: 0, count: 0 };
  const inputs = { sum, g, steps: cell.steps };
  const enough = count + 1 === cell.steps;
  const prepared = inPlace && !enough ? executor.prepare(gatherProgram, inputs, cell.layout, { sum }) : undefined;
  if (prepared) {
    executor.finally(() => {
      cell.gathered = { sum: replaced(executor, sum, prepared.run().sum), count: count + 1 };
    });
    return undefined;
  }
  const next = executor.run(gatherProgram, inputs, cell.layout).sum as Value<A>;
  free(executor, sum);
  executor.put(cell, "gathered", enough ? undefined : { sum: next, count: count + 1 });
  return enough ? next : undefined;
}
