/**
 * Powers that are the same in every browser and in Node.
 *
 * Versions of V8 differ in the last bit of Math.pow (and of Math.sin and Math.cos), but not of Math.exp, Math.log and Math.tan. A decay rate to the power of the step count is
 * in every step of Adam, so that one bit would be in every checkpoint.
 */

/** aᵇ: a whole b is multiplied out, which keeps small powers exact; any other is e^(b·ln a). */
export function power(a: number, b: number): number {
  if (!Number.isInteger(b) || Math.abs(b) > 2 ** 31) return Math.exp(b * Math.log(a));
  let result = 1;
  for (let [square, rest] = [a, Math.abs(b)]; rest > 0; square *= square, rest = Math.floor(rest / 2)) {
    if (rest % 2 === 1) result *= square;
  }
  return b < 0 ? 1 / result : result;
}
