/**
 * How much the packages add to a page beyond TensorFlow.js: each as the one file that a page without a bundler loads. gzip at its best, as servers send it. A budget is what there is now, and some air: who needs more
 * of it says so here.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";

/** Thousands of bytes. */
const budgets = { core: 36, optimizers: 9, ftp: 2, wasm: 34 };
const total = 80;

const gzipped = (bytes) => gzipSync(bytes, { level: 9 }).length / 1000;

export function checkSizes(folder) {
  const sizes = Object.entries(budgets).map(([name, budget]) => {
    const file = join(folder, "node_modules", "@hypergrad", name, "dist", `${name}.min.js`);
    return { name, size: gzipped(readFileSync(file)), budget };
  });
  const sum = sizes.reduce((all, { size }) => all + size, 0);
  const report = `${sizes.map(({ name, size }) => `${name} ${size.toFixed(1)}`).join(", ")}: ${sum.toFixed(1)} kB gzipped, of ${total}`;
  const over = sizes.filter(({ size, budget }) => size > budget).map(({ name, budget }) => `${name} has ${budget} kB`);
  if (over.length > 0 || sum > total) throw new Error([report, ...over].join("; "));
  return report;
}
