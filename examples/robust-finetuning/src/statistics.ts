/** The few statistics of a study: a mean over seeds, and how far it can be trusted. */

import type { Estimate } from "./result.ts";

/** The arithmetic mean; NaN of no values. */
export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** The middle one of the values, of an even number the upper one. */
export const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] as number;

/** The sample standard deviation (the squares are divided by n − 1); null with fewer than two values, which do not have one. */
export function standardDeviation(values: readonly number[]): number | null {
  if (values.length < 2) return null;
  const middle = mean(values);
  return Math.sqrt(values.reduce((sum, value) => sum + (value - middle) ** 2, 0) / (values.length - 1));
}

/** The standard error of the mean, standard deviation / √n; null with fewer than two values. */
export function standardError(values: readonly number[]): number | null {
  const deviation = standardDeviation(values);
  return deviation === null ? null : deviation / Math.sqrt(values.length);
}

/** The mean of the values together with its standard error. */
export function estimate(values: readonly number[]): Estimate {
  return { mean: mean(values), standardError: standardError(values) };
}
