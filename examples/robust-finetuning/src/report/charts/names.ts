/** Names of layers beside a chart: the room they need, and what to do with one that would need too much. */

const LONGEST = 30;

/** A name that fits: of a long one, its end, which tells the layers of a network apart better than its beginning. */
export function shortName(name: string): string {
  return name.length <= LONGEST ? name : `…${name.slice(1 - LONGEST)}`;
}

/** Pixels that the longest of these names takes in the charts' small print; generous, since the reader's font is not known. */
export function roomFor(names: readonly string[]): number {
  return Math.ceil(6.3 * Math.max(4, ...names.map((name) => shortName(name).length)));
}
