/**
 * The table of dispatches in docs/guide/gpu.md, compared with what was counted: a page may not say what is not so.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "./workspace.mjs";

const page = join("docs", "guide", "gpu.md");

/** How far a number on the page may be from what is counted, relative to it: not every operation that comes or goes is worth a line there. */
const TOLERANCE = 0.05;

/** The numbers of the page by optimizer, for a backend: cells of a table whose head names the backends. */
function written(backend) {
  const rows = readFileSync(join(root, page), "utf8")
    .split("\n")
    .filter((line) => line.startsWith("|"))
    .map((line) => line.split("|").map((cell) => cell.trim().replaceAll("`", "")));
  const head = rows.find((cells) => cells.some((cell) => cell.toLowerCase() === backend)) ?? [];
  const column = head.findIndex((cell) => cell.toLowerCase() === backend);
  return new Map(rows.map((cells) => [cells[1], Number(cells[column]?.replaceAll(",", ""))]));
}

/** What the page says wrongly. */
export function wrongDispatches(backend, counted = {}) {
  const numbers = written(backend);
  return Object.entries(counted)
    .filter(([optimizer, count]) => !(Math.abs(numbers.get(optimizer) - count) <= TOLERANCE * count))
    .map(
      ([optimizer, count]) => `${page} says ${numbers.get(optimizer)} of ${optimizer} on ${backend}, it takes ${count}`,
    );
}
