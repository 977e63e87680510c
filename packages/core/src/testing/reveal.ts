/**
 * The hyper-gradient that an optimizer really applies, made visible: by a learner that does nothing until a certain step, and in that step puts what
 * it is handed in the place of what it learns.
 */

import { select } from "../expression/expression.js";
import type { Grain } from "../expression/grain.js";
import { layoutOf } from "../expression/layout.js";
import type { Float64Optimizer } from "../optimizer/float64.js";
import { type RuleFactory, rule, ruleFactory } from "../rule/define.js";
import { type CoordinateName, domains } from "../rule/domain.js";
import { real } from "../rule/rule.js";
import { mapRuleSpecs, type Spec } from "../rule/spec.js";
import { oracle } from "./oracle.js";
import type { Problem } from "./problems.js";

/** Does nothing while `scale` is 0; then puts scale · d + offset in the place of what it learns. */
export const reveal: RuleFactory<"scale" | "offset"> = rule({
  name: "reveal",
  hyperparameters: { scale: real(0), offset: real(0) },
  state: {},
  update: ({ p, g, scale, offset }) => ({ p: select(scale.equal(0), p, g.mul(scale).add(offset)) }),
});

/** The spec without what would keep a revealed hyper-gradient from being seen: domains, and values written back. */
export const unbounded = (spec: Spec): Spec =>
  mapRuleSpecs(spec, ({ rule, settings }) =>
    ruleFactory({
      ...rule,
      hyperparameters: Object.fromEntries(
        Object.entries(rule.hyperparameters).map(([name, type]) => [name, { ...type, domain: domains.real }]),
      ),
      update: (inputs) =>
        Object.fromEntries(Object.entries(rule.update(inputs)).filter(([name]) => !(name in rule.hyperparameters))),
    })(settings),
  );

/** A coordinate on plain numbers, and where a revealed number is read off exactly. */
export interface PlainCoordinate {
  readonly forward: (r: number) => number;
  readonly inverse: (h: number) => number;
  readonly slope: (r: number) => number;
  readonly offset: number;
}

/** The coordinates, written here for themselves: h = φ(r), its inverse, its slope. */
// biome-ignore format: a table
export const plainCoordinates: Readonly<Record<CoordinateName, PlainCoordinate>> = {
  identity: { forward: (r) => r,                      inverse: (h) => h,                         slope: () => 1,                             offset: 0 },
  log:      { forward: (r) => Math.exp(r),            inverse: (h) => Math.log(h),               slope: (r) => Math.exp(r),                  offset: 0 },
  logit:    { forward: (r) => 1 / (1 + Math.exp(-r)), inverse: (h) => Math.log(h / (1 - h)),     slope: (r) => 1 / (2 + 2 * Math.cosh(r)),   offset: 0 },
  square:   { forward: (r) => r * r,                  inverse: (h) => Math.sqrt(h),              slope: (r) => 2 * r,                        offset: 2 },
  tanh:     { forward: (r) => 1 / (1 + Math.exp(-2 * r)), inverse: (h) => Math.log(h / (1 - h)) / 2, slope: (r) => 1 / (1 + Math.cosh(2 * r)),   offset: 0 },
};

/** The optimizer after some steps of a problem, in float64; `look` sees it before the first and after each. */
export function runFloat64(
  spec: Spec,
  problem: Problem,
  steps: number,
  look: (optimizer: Float64Optimizer) => void = () => {},
): Float64Optimizer {
  const { variables, channelAxis, gradients } = problem;
  const optimizer = oracle(spec, Object.fromEntries(variables.map((variable) => [variable.name, variable])), {
    channelAxis,
  });
  look(optimizer);
  for (let t = 0; t < steps; t++) {
    optimizer.step(gradients(t));
    look(optimizer);
  }
  return optimizer;
}

/** The parameters of an optimizer, all in one row. */
const rowOf = ({ variables }: Problem, { parameters }: Float64Optimizer): number[] =>
  variables.flatMap(({ name }) => [...(parameters[name]?.values ?? [])]);

/** The parameters after k steps, all in one row. */
export const parametersAfter = (spec: Spec, problem: Problem, k: number): number[] =>
  rowOf(problem, runFloat64(spec, problem, k));

/** Of every element of the parameters, the largest size that it has in the first k steps, and the length of its way. */
export function along(spec: Spec, problem: Problem, k: number): { sizes: number[]; way: number[] } {
  const rows: number[][] = [];
  runFloat64(spec, problem, k, (optimizer) => rows.push(rowOf(problem, optimizer)));
  const at = (t: number, j: number): number => (rows[t] as number[])[j] as number;
  const first = rows[0] as number[];
  return {
    sizes: first.map((_, j) => Math.max(...rows.map((_, t) => Math.abs(at(t, j))))),
    way: first.map((_, j) => rows.reduce((sum, _, t) => (t === 0 ? 0 : sum + Math.abs(at(t, j) - at(t - 1, j))), 0)),
  };
}

/** For every element, the number of its channel. */
export function channelsOf(shape: readonly number[], channelAxes: readonly number[] | undefined): number[] {
  const { reduced, size } = layoutOf(shape, channelAxes);
  return Array.from({ length: size }, (_, i) => {
    let channel = 0;
    let stride = 1;
    let rest = i;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      const length = shape[axis] as number;
      if (!reduced.includes(axis)) {
        channel += (rest % length) * stride;
        stride *= length;
      }
      rest = Math.floor(rest / length);
    }
    return channel;
  });
}

/** For every element of all variables, which value of grain `per` covers it. */
export function coversOf({ variables }: Problem, per: Grain): string[] {
  return variables.flatMap(({ name, shape, channelAxes, values }) => {
    const channels = channelsOf(shape, channelAxes);
    return [...values].map((_, i) => {
      if (per === "model") return "the model";
      if (per === "tensor") return name;
      return per === "element" ? `${name}[${i}]` : `channel ${channels[i]} of ${name}`;
    });
  });
}

/** Every value of a hyperparameter, by what it covers. */
export function valuesAt(
  optimizer: Float64Optimizer,
  problem: Problem,
  hyperparameter: string,
  per: Grain,
): Map<string, number> {
  const covers = coversOf(problem, per);
  const result = new Map<string, number>();
  const current = optimizer.hyperparameters();
  let at = 0;
  for (const { name, values } of problem.variables) {
    const mine = [...new Set(covers.slice(at, at + values.length))];
    // In the order of the values, which for channels is not always that of the elements.
    if (per === "channel") mine.sort((a, b) => Number(a.split(" ")[1]) - Number(b.split(" ")[1]));
    at += values.length;
    const value = current[name]?.[hyperparameter] as number | Float64Array;
    mine.forEach((cover, i) => {
      result.set(cover, typeof value === "number" ? value : (value[i] as number));
    });
  }
  return result;
}
