import { float64Executor } from "../executors/float64-executor.js";
import { type CoordinateName, type Domain, domains } from "../rule/domain.js";
import type { Setting } from "../rule/spec.js";
import { closeDerivative, type Estimate } from "./derivative.js";
import { coordinatesFor } from "./learning.js";
import { plainRun, ruleFor } from "./plain.js";
import type { Problem } from "./problems.js";
import { along, parametersAfter, plainCoordinates, unbounded } from "./reveal.js";
import type { Subject } from "./subject.js";

/** What is differenced: hyperparameters with their values, on a problem. */
export interface Case {
  readonly problem: Problem;
  readonly values: Readonly<Record<string, number>>;
  /** One for all, or a number that chooses a legal one for each. */
  readonly coordinate: CoordinateName | number;
  readonly horizon: number;
}

/** The distance over which rules change as a hyperparameter does. */
function scaleOf({ name }: Domain, h: number): number {
  if (name === "belowOne") return Math.min(1 - h, 0.5);
  if (name === "unitInterval") return 0.5;
  return name === "real" ? Math.max(Math.abs(h), 0.1) : h || 0.1;
}

/** One hyperparameter, and how each element of the parameters changes with it. */
export interface Differenced {
  readonly name: string;
  readonly coordinate: CoordinateName;
  readonly estimates: readonly Estimate[];
  /** The largest size that each element of the parameters had. */
  readonly sizes: readonly number[];
}

/** A hyper-gradient by finite differences, with what its exactness is measured by. */
export interface Expected {
  readonly d: number;
  readonly error: number;
  /** The sum of the sizes of its terms. */
  readonly magnitude: number;
  /** What rounding of the parameters is relative to. */
  readonly floor: number;
}

/** How much coarser float32 is than float64, times what an operator may make of it. */
const OPERATED = 2 ** 29 * 16;

/** How the parameters change with the i-th of the hyperparameters. */
export function differenced(subject: Subject, one: Case, i: number): Differenced {
  const { problem, values, coordinate: rotation, horizon } = one;
  const name = Object.keys(values)[i] as string;
  const k = problem.steps - 1;
  // The first step that the hyper-gradient looks back to: sensitivities are forgotten every `horizon` steps.
  const since = horizon === Number.POSITIVE_INFINITY ? 0 : k - 1 - ((k - 1) % horizon);
  const value = values[name] as number;
  const legal = coordinatesFor(value);
  const coordinate = typeof rotation === "number" ? (legal[(rotation + i) % legal.length] as CoordinateName) : rotation;
  const { forward, inverse, slope } = plainCoordinates[coordinate];
  const r = inverse(value);
  let now = r;
  const moved: Setting = (t) => (t >= since && t < k ? forward(now) : value);
  const spec = unbounded(subject.build({ ...values, [name]: moved }));
  const after = (x: number): number[] => {
    now = x;
    return parametersAfter(spec, problem, k);
  };
  const scale = scaleOf(subject.domains[name] ?? domains.real, value) / slope(r);
  const { sizes, way } = along(spec, problem, k);
  // What comes from operators is rounded to float32, and they may magnify that.
  const rounded =
    subject.onTensors === undefined ? sizes : sizes.map((size, j) => size + OPERATED * (way[j] as number));
  return { name, coordinate, estimates: closeDerivative(after, r, scale, rounded), sizes };
}

/** What the hyper-gradients of step k are contracted with, all in one row: the next gradient, with what the rule's own objective adds to it. */
export function contractedWith(subject: Subject, problem: Problem, values: Case["values"], k: number): number[] {
  const spec = subject.build(values);
  const next = problem.gradients(k);
  return problem.variables.flatMap((variable) => {
    const g = next[variable.name] as Float32Array;
    if (!ruleFor(spec, variable).spec.rule.objective) return [...g];
    const run = plainRun(float64Executor, spec, variable);
    for (let t = 0; t < k; t++) run.step(problem.gradients(t)[variable.name] as Float32Array);
    return Array.from(run.descended(g));
  });
}

/** Contracts the derivatives with a gradient, per value of a grain. */
export function contracted(
  { estimates, sizes }: Differenced,
  g: readonly number[],
  covers: readonly string[],
): Map<string, Expected> {
  const sums = new Map<string, Expected>();
  covers.forEach((cover, j) => {
    const { value, error } = estimates[j] as Estimate;
    const weight = Math.abs(g[j] as number);
    // What has no derivative does not matter where the gradient is 0.
    const [d, off] = weight === 0 ? [0, 0] : [(g[j] as number) * value, weight * error];
    const so = sums.get(cover) ?? { d: 0, error: 0, magnitude: 0, floor: 0 };
    sums.set(cover, {
      d: so.d + d,
      error: so.error + off,
      magnitude: so.magnitude + Math.abs(d),
      floor: so.floor + weight * (sizes[j] as number),
    });
  });
  return sums;
}
