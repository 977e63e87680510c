/**
 * Where the elements of a result find those of an operand. Axes do not matter, so that a reshaped tensor is the same operand: element i of the result takes number
 * ⌊i / width⌋ mod count of the operand's.
 */
export interface Reach {
  readonly width: number;
  readonly count: number;
}

/** How an operand of this shape is spread over a result; undefined where it takes more than that to say it. */
export function reachOf(shape: readonly number[], result: readonly number[]): Reach | undefined {
  let [width, count] = [1, 1];
  // From the last axis: some that repeat the operand, some that are its own, some that repeat it.
  let kept = false;
  let over = false;
  for (let back = 1; back <= result.length; back++) {
    const size = result[result.length - back] as number;
    if (size === 1) continue;
    if ((shape[shape.length - back] ?? 1) === size) {
      if (over) return undefined;
      kept = true;
      count *= size;
    } else if (kept) over = true;
    else width *= size;
  }
  return { width, count };
}

/** The same for a tensor that is tiled: an axis that is repeated is two of the result's. */
export function reachOfTile(shape: readonly number[], repetitions: readonly number[]): Reach | undefined {
  return reachOf(
    shape.flatMap((size) => [1, size]),
    shape.flatMap((size, axis) => [repetitions[axis] as number, size]),
  );
}

const divisor = (a: number, b: number): number => (b === 0 ? a : divisor(b, a % b));

/** The longest rows in which every operand is either one number or numbers side by side. */
export function rowLength(size: number, reaches: readonly Reach[]): number {
  return reaches.reduce((length, { width, count }) => {
    if (count === 1 || count === size) return length;
    return divisor(length, width > 1 ? width : count);
  }, size);
}
