/**
 * Values for hyperparameters: around the default, over the orders of magnitude that matter, and at the ends of the domain, where rules divide by
 * zero.
 */
import fc from "fast-check";
import { type Domain, inDomain } from "../rule/domain.js";
import type { Rule } from "../rule/rule.js";

/** A number, or numbers to draw from. */
export type Values = number | fc.Arbitrary<number>;

/** x times a power of ten between two numbers, in eighths. */
const timesPowerOfTen = (x: number, min: number, max: number): fc.Arbitrary<number> =>
  fc.integer({ min: Math.round(8 * min), max: Math.round(8 * max) }).map((e) => x * 10 ** (e / 8));

/** x in eighths of itself, to either side. */
const around = (x: number): fc.Arbitrary<number> => {
  const size = Math.abs(x) || 1;
  return fc.integer({ min: -8, max: 8 }).map((e) => x + (size * e) / 8);
};

/** Numbers > 0: a factor of ten around the default, and where that is small, all orders of magnitude up to 0.1. */
function positiveNear(value: number): fc.Arbitrary<number> {
  const centre = value || 1e-2;
  const near = timesPowerOfTen(centre, -1, 1);
  return centre >= 1e-3 ? near : fc.oneof(near, timesPowerOfTen(1, Math.log10(centre), -1));
}

const drawers: Readonly<Record<Domain["name"], (value: number) => fc.Arbitrary<number>>> = {
  real: (value) => fc.oneof(fc.constantFrom(value, 0), { weight: 3, arbitrary: around(value) }),
  nonNegative: (value) => fc.oneof(fc.constant(0), { weight: 5, arbitrary: positiveNear(value) }),
  positive: positiveNear,
  unitInterval: (value) =>
    fc.oneof(
      fc.constantFrom(value, 0, 1),
      fc.integer({ min: 1, max: 15 }).map((e) => e / 16),
    ),
  // Decay rates: what counts is how far below 1 they are.
  belowOne: (value) =>
    fc.oneof(
      fc.constantFrom(value, 0),
      timesPowerOfTen(1, -3, -0.25).map((rest) => 1 - rest),
    ),
};

/** Values of a domain around one of them, its ends included where rules can bear them. */
export function valuesIn(domain: Domain, value: number): fc.Arbitrary<number> {
  return drawers[domain.name](value).map((x) => (inDomain(x, domain) ? x : value));
}

/** Round numbers in which effects are seen, by domain; neighbours in a rule get different ones. */
const plain: Readonly<Record<Domain["name"], readonly number[]>> = {
  real: [0.5, 2, -0.5, 0.25],
  nonNegative: [0.5, 0.25, 2, 0.1],
  positive: [0.5, 0.25, 2, 0.1],
  unitInterval: [0.5, 0.75, 0.25, 0.9],
  belowOne: [0.5, 0.75, 0.25, 0.9],
};

/** Round values of a domain. */
export const plainIn = ({ name }: Domain): readonly number[] => plain[name];

/** Those of some arbitrary's values that are written with the fewest digits. */
export function plainestOf(values: fc.Arbitrary<number>): readonly number[] {
  const drawn = [...new Set(fc.sample(values, { seed: 1, numRuns: 30 }))];
  const digits = (x: number): number => String(x).replace(/^-?0?\.?0*/, "").length;
  const least = Math.min(...drawn.map(digits));
  return drawn.filter((x) => digits(x) === least);
}

/**
 * A value for every hyperparameter of a rule, drawn from its domain around its default: nonnegative ones are 0 once in a while, decay rates 0 or close
 * to 1, positive ones spread over orders of magnitude.
 *
 * @param rule What `rule(…)` returned.
 * @param overrides By name: a number, or an arbitrary to draw from, in place of what the domain gives.
 * @throws Error for a name that the rule does not have.
 */
export function hyperparametersOf(
  { rule }: { readonly rule: Rule },
  overrides: Readonly<Record<string, Values>> = {},
): fc.Arbitrary<Record<string, number>> {
  const drawn = Object.fromEntries(
    Object.entries(rule.hyperparameters).map(([name, { default: value, domain }]) => [name, valuesIn(domain, value)]),
  );
  return fc.record(overridden(rule.name, drawn, overrides));
}

/**
 * Arbitraries by name, some of them replaced.
 *
 * @throws Error for a name that is not among them.
 */
export function overridden(
  of: string,
  drawn: Readonly<Record<string, fc.Arbitrary<number>>>,
  overrides: Readonly<Record<string, Values>>,
): Record<string, fc.Arbitrary<number>> {
  const unknown = Object.keys(overrides).find((name) => !(name in drawn));
  if (unknown !== undefined) {
    throw new Error(
      `values: ${of} has no hyperparameter "${unknown}"; it has ${Object.keys(drawn).join(", ") || "none"}.`,
    );
  }
  const given = Object.entries(overrides).map(([name, x]) => [name, typeof x === "number" ? fc.constant(x) : x]);
  return { ...drawn, ...Object.fromEntries(given) };
}
