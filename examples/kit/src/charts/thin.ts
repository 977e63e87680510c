/** A page is looked at, not computed with: series are thinned out to what a screen can show, so that long runs keep the report small. */

/** Indices of at most `most` of `length` entries, evenly spread, always with the first and the last. */
export function thinned(length: number, most: number): number[] {
  if (length <= most) return Array.from({ length }, (_, index) => index);
  return Array.from({ length: most }, (_, index) => Math.round((index * (length - 1)) / (most - 1)));
}
