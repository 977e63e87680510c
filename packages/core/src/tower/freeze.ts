/**
 * Learned hyperparameters by their paths, `lr`, `lr.lr`, and how they are frozen.
 */
import { listed } from "../expression/shown.js";
import type { Level } from "./level.js";

/** The paths of everything that is learned in a level and above it. */
function learnedPaths<A>(level: Level<A>): string[] {
  const paths = level.learned.flatMap(({ name, learned: { by } }) => [
    name,
    ...learnedPaths(level.above.get(by) as Level<A>).map((path) => `${name}.${path}`),
  ]);
  return [...new Set(paths)];
}

/**
 * Freezes or frees what a path names, wherever it is learned.
 *
 * @returns True where there is such a one.
 */
export function setFrozen<A>(level: Level<A>, path: string, frozen: boolean): boolean {
  const [name = "", ...rest] = path.split(".");
  const mine = level.learned.filter((learned) => learned.name === name);
  if (rest.length === 0) {
    if (mine.length > 0) level.frozen[frozen ? "add" : "delete"](name);
    return mine.length > 0;
  }
  const above = new Set(mine.map(({ learned: { by } }) => level.above.get(by) as Level<A>));
  return [...above].map((upper) => setFrozen(upper, rest.join("."), frozen)).some(Boolean);
}

/**
 * Freezes or frees what several paths name.
 *
 * @param called Who asks, for the message.
 * @param paths None: all that is learned.
 * @throws Error for a path of which nothing is learned.
 */
export function setAllFrozen<A>(level: Level<A>, called: string, paths: readonly string[], frozen: boolean): void {
  const learned = learnedPaths(level);
  const unknown = paths.find((path) => !learned.includes(path));
  if (unknown !== undefined) {
    throw new Error(
      `${called}: nothing called "${unknown}" is learned; ${learned.length > 0 ? `there are ${listed(learned)}` : "nothing is"}.`,
    );
  }
  for (const path of paths.length > 0 ? paths : learned) setFrozen(level, path, frozen);
}
