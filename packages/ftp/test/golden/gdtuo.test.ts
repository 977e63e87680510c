/**
 * Towers of the rules for everyday use.
 */
import { expect, test } from "vitest";
import { type Comparison, compareCase, failuresOf } from "./compare.js";
import { executors } from "./executors.js";
import { towerSpec } from "./gdtuo.js";
import { recordings } from "./recorded.js";

test("the SGD for everyday use follows gdtuo's trajectories too, where they stay in its domains", async () => {
  const executor = executors.find(({ name }) => name === "float64");
  const { cases, dtype } = recordings("gdtuo", "float64");
  const comparisons: Comparison[] = [];
  for (const recorded of cases) {
    if (executor) comparisons.push(await compareCase(recorded, dtype, executor, towerSpec(recorded, true)));
  }
  expect(comparisons.length).toBeGreaterThan(0);
  expect(failuresOf(comparisons)).toBe("");
});
