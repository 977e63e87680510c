/**
 * The rules that only the golden tests need are right.
 */
import { expect, test } from "vitest";
import { type Comparison, compareCase, failuresOf } from "./compare.js";
import { executors } from "./executors.js";
import { towerSpec } from "./gdtuo.js";
import { recordings } from "./recorded.js";

test("gdtuo's SGD without domains follows the recorded trajectories too", async () => {
  const executor = executors.find(({ name }) => name === "float64");
  const { cases, dtype } = recordings("gdtuo", "float64");
  const comparisons: Comparison[] = [];
  for (const recorded of cases) {
    if (executor) comparisons.push(await compareCase(recorded, dtype, executor, towerSpec(recorded, false)));
  }
  expect(comparisons.length).toBeGreaterThan(0);
  expect(failuresOf(comparisons)).toBe("");
});
