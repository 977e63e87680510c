/**
 * Derivatives by finite differences with an error estimate, which also say where there is none: at a kink the differences to the left and to the
 * right do not approach each other.
 */

/** A derivative, and how far it may be off; Infinity where there is none. */
export interface Estimate {
  /** The derivative. */
  readonly value: number;
  /** How far it may be off; Infinity at a kink, or where the function is not finite. */
  readonly error: number;
}

/** Halvings of the step size. */
const LEVELS = 7;
/** The first step size, in units of the scale that the caller gives. */
const FIRST = 2 ** -4;
const EPSILON = 2 ** -52;

/** What a function is at both sides of a point: the steps that were really taken, after rounding, and the values there. */
interface Sides {
  readonly up: number;
  readonly down: number;
  readonly above: number;
  readonly below: number;
}

const central = ({ up, down, above, below }: Sides): number => (above - below) / (up + down);

/** How far the differences to the left and to the right are apart. */
const gap = ({ up, down, above, below }: Sides, y: number): number => Math.abs((above - y) / up - (y - below) / down);

/** The derivative of one component from its values at both sides of y, from far to near. */
function ridders(sides: readonly Sides[], y: number, size: number): Estimate {
  const rounding = (h: number): number => (4 * EPSILON * size) / h;
  const last = sides.length - 1;
  const [near, before] = [sides[last] as Sides, sides[last - 3] as Sides];
  const finest = central(near);
  let best: Estimate = { value: Number.NaN, error: Number.POSITIVE_INFINITY };
  let previous: number[] = [];
  sides.forEach((side, i) => {
    const row = [central(side)];
    for (let k = 1; k <= i; k++) {
      const finer = row[k - 1] as number;
      const coarser = previous[k - 1] as number;
      const value = finer + (finer - coarser) / (4 ** k - 1);
      // Entries that agree by chance, on both sides of a kink: the finest plain difference is not far from what is right.
      const away = Math.abs(value - finest) / 4;
      const error = Math.max(Math.abs(value - finer), Math.abs(value - coarser), away) + rounding(side.up);
      if (error < best.error) best = { value, error };
      row.push(value);
    }
    previous = row;
  });
  // Smooth functions: the gap is proportional to the step size, a factor of 2⁻³ here.
  const kink = gap(near, y) > 0.2 * gap(before, y) + rounding(near.up);
  return kink || !Number.isFinite(best.value) ? { value: best.value, error: Number.POSITIVE_INFINITY } : best;
}

/**
 * f′(x) of every component of f, by Ridders' method: central differences at step sizes that halve, extrapolated to 0, the entry of the
 * tableau that agrees best with its neighbours.
 *
 * Where f has a kink within the smallest step, the differences to the left and to the right do not approach each other, and the error is
 * reported as Infinity.
 *
 * Ridders, "Accurate computation of F′(x) and F′(x)F″(x)", Advances in Engineering Software 4(2), 1982.
 *
 * @param scale The distance over which f changes by its own order of magnitude.
 * @param sizes For each component, the largest number that it was computed from: what its rounding is relative to. Default: its own size.
 */
export function derivative(
  f: (x: number) => ArrayLike<number>,
  x: number,
  scale: number,
  sizes?: ArrayLike<number>,
): Estimate[] {
  const centre = f(x);
  const looks = Array.from({ length: LEVELS }, (_, i) => {
    const h = scale * FIRST * 2 ** -i;
    return { up: x + h - x, down: x - (x - h), above: f(x + h), below: f(x - h) };
  });
  return Array.from({ length: centre.length }, (_, j) => {
    const y = centre[j] as number;
    const sides = looks.map(({ above, below, ...steps }): Sides => {
      return { ...steps, above: above[j] as number, below: below[j] as number };
    });
    const sizesThere = sides.flatMap(({ above, below }) => [Math.abs(above), Math.abs(below)]);
    return ridders(sides, y, Math.max(...sizesThere, Math.abs(y), sizes?.[j] ?? 0));
  });
}

/** How much finer the second look is, where the first does not resolve the derivative. */
const FINER = 2 ** -6;

/**
 * The same, with a second look from much nearer where the first one meets a kink or says little: kinks beside the point are out of sight then, those
 * at the point remain.
 */
export function closeDerivative(
  f: (x: number) => ArrayLike<number>,
  x: number,
  scale: number,
  sizes?: ArrayLike<number>,
): Estimate[] {
  const far = derivative(f, x, scale, sizes);
  const resolved = ({ value, error }: Estimate): boolean => error <= 1e-6 * Math.abs(value);
  if (far.every(resolved)) return far;
  const near = derivative(f, x, scale * FINER, sizes);
  return far.map((estimate, i) => {
    const other = near[i] as Estimate;
    return resolved(estimate) || estimate.error <= other.error ? estimate : other;
  });
}
