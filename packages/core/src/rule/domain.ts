/**
 * Where a hyperparameter may live (its domain), and in which coordinate it is learned.
 *
 * A learner moves a raw number r; the hyperparameter is h = φ(r). After every step of the learner h is moved back into its domain, and
 * r with it, so a learned value never leaves its domain.
 */
import { constant, type Expr, type Operand } from "../expression/expression.js";

/** A closed interval of allowed values. */
export interface Domain {
  /** The function that declares it; see `nonNegative`. */
  readonly name: "real" | "nonNegative" | "positive" | "unitInterval" | "belowOne";
  /** The smallest allowed value. */
  readonly min: number;
  /** The largest allowed value. */
  readonly max: number;
  /** For error messages: "a number ≥ 0". */
  readonly description: string;
}

/** The smallest normal float32: what "positive" keeps away from zero by, on every executor. */
const tiny = 2 ** -126;
/** The largest float32 below 1. */
const almostOne = 1 - 2 ** -24;

/** All domains, by name. */
export const domains: { readonly [Name in Domain["name"]]: Domain } = {
  real: { name: "real", min: -Infinity, max: Infinity, description: "a finite number" },
  nonNegative: { name: "nonNegative", min: 0, max: Infinity, description: "a number ≥ 0" },
  positive: { name: "positive", min: tiny, max: Infinity, description: "a number > 0" },
  unitInterval: { name: "unitInterval", min: 0, max: 1, description: "a number from 0 to 1" },
  belowOne: { name: "belowOne", min: 0, max: almostOne, description: "a number from 0 to just below 1" },
};

/** The values of the domain that a coordinate reaches, as a closed interval: a learned value that came to the end of its range could not leave it. */
export function reachable({ min, max }: Domain, { range: [low, high] }: Coordinate): readonly [number, number] {
  return [Math.max(min, low === 0 ? tiny : low), Math.min(max, high === 1 ? almostOne : high)];
}

/** True where h is finite and inside the domain. */
export function inDomain(h: number, { min, max }: Domain): boolean {
  return Number.isFinite(h) && h >= min && h <= max;
}

/** A change of variable h = φ(r). */
export interface Coordinate {
  /** What `learned` calls it. */
  readonly name: "identity" | "log" | "logit" | "square" | "tanh";
  /** φ(r). */
  readonly forward: (r: Expr) => Operand;
  /** φ⁻¹(h). */
  readonly inverse: (h: Expr) => Operand;
  /** φ′(r), written with both r and h = φ(r). */
  readonly slope: (r: Expr, h: Expr) => Operand;
  /** The values h that the coordinate can reach, ends excluded. */
  readonly range: readonly [number, number];
}

/** The name of a coordinate. */
export type CoordinateName = Coordinate["name"];

/** All coordinates, by name. */
// biome-ignore format: a table, one row per coordinate
export const coordinates: { readonly [Name in CoordinateName]: Coordinate } = {
  //          name              φ(r)                                      φ⁻¹(h)                                        φ′(r)                                         range of φ
  identity: { name: "identity", forward: (r) => r,                        inverse: (h) => h,                            slope: () => constant(1),                     range: [-Infinity, Infinity] },
  log:      { name: "log",      forward: (r) => r.exp(),                  inverse: (h) => h.log(),                      slope: (_r, h) => h,                          range: [0, Infinity] },
  logit:    { name: "logit",    forward: (r) => r.sigmoid(),              inverse: (h) => h.div(h.neg().add(1)).log(),  slope: (_r, h) => h.mul(h.neg().add(1)),      range: [0, 1] },
  square:   { name: "square",   forward: (r) => r.square(),               inverse: (h) => h.sqrt(),                     slope: (r) => r.mul(2),                       range: [0, Infinity] },
  tanh:     { name: "tanh",     forward: (r) => r.tanh().add(1).mul(0.5), inverse: (h) => h.div(h.neg().add(1)).log().mul(0.5), slope: (_r, h) => h.mul(h.neg().add(1)).mul(2), range: [0, 1] },
};
