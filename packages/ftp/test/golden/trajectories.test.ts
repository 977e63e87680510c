/**
 * Golden tests: given recorded gradients, our optimizers go where the reference implementations went.
 *
 *   npx vitest run golden
 *   HYPERGRAD_GOLDEN=FOLDER npm run test:golden
 */
import { relative } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { type Comparison, compareCase, failuresOf } from "./compare.js";
import { executors } from "./executors.js";
import { families, folder, recordings } from "./recorded.js";

/** What was compared: the lines that are printed at the end. */
const lines: string[] = [];

function line(family: string, executor: string, comparisons: readonly Comparison[]): string {
  const worst = comparisons.reduce((a, b) => (b.worst > a.worst ? b : a));
  const numbers = comparisons.reduce((total, comparison) => total + comparison.numbers, 0);
  return [
    family.padEnd(12),
    executor.padEnd(36),
    `${comparisons.length} cases`.padStart(9),
    `${numbers} numbers`.padStart(16),
    `   largest error ${worst.worst.toPrecision(2)} of the tolerance (${worst.name.split(" ")[0]})`,
  ].join("");
}

for (const executor of executors) {
  describe(`${executor.name} follows the recorded trajectories`, () => {
    for (const family of families) {
      test(`of every case of ${family}`, async () => {
        const { cases, dtype } = recordings(family, executor.precision);
        expect(cases.length, `number of cases of ${family}`).toBeGreaterThan(0);
        const comparisons: Comparison[] = [];
        for (const recorded of cases) comparisons.push(await compareCase(recorded, dtype, executor));
        lines.push(line(family, executor.name, comparisons));
        expect(failuresOf(comparisons)).toBe("");
      });
    }
  });
}

afterAll(() => {
  console.log([`Golden trajectories of ${relative(process.cwd(), folder)}, compared:`, ...lines].join("\n"));
});
