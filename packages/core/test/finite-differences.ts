/**
 * Hyper-gradients of one optimizer in float64, and what they are by their definition.
 *
 * What is computed is made visible by a learner that moves in one step alone, by the hyper-gradient; what it should be, by finite
 * differences: a schedule moves the hyperparameter in the steps that are looked back to, and the parameters after them are contracted.
 */
import { float64, type Gradients64, learned, type Parameters64, type Setting, type Spec } from "@hypergrad/core";
import { descent, noise } from "./support.js";

/** The learner's step size: so small that no domain ends where it goes, and a power of two. */
const small = 2 ** -16;

/** f′(x) by central differences at two step sizes, extrapolated: exact to about 10⁻¹⁰ of its size. */
function slope(f: (x: number) => number, x: number, h = 2 ** -9): number {
  const difference = (h: number): number => (f(x + h) - f(x - h)) / (2 * h);
  return (4 * difference(h / 2) - difference(h)) / 3;
}

/** Gradients of noise for parameters: other ones in every step. */
export const noiseFor =
  (parameters: Parameters64, seed = 0) =>
  (t: number): Record<string, Float64Array> =>
    Object.fromEntries(
      Object.entries(parameters).map(([name, { values }], i) => [
        name,
        Float64Array.from(noise(values.length, 100 * seed + 10 * t + i + 1)),
      ]),
    );

/** Parameters of noise. */
export const parametersOf = (shapes: Readonly<Record<string, readonly number[]>>): Parameters64 =>
  Object.fromEntries(
    Object.entries(shapes).map(([name, shape], i) => [
      name,
      {
        shape,
        values: noise(
          shape.reduce((a, b) => a * b, 1),
          70 + i,
        ),
      },
    ]),
  );

/** What is looked at. */
export interface Question {
  /** The optimizer with the hyperparameter set to something. */
  readonly build: (setting: Setting) => Spec;
  /** The hyperparameter's name and value. */
  readonly name: string;
  readonly value: number;
  readonly parameters: Parameters64;
  readonly gradients: (t: number) => Gradients64;
  /** The step whose hyper-gradient is looked at. */
  readonly k: number;
  readonly horizon?: number;
  /** What it is contracted with: held-out gradients, or a function of the parameters before step k. Default: the gradients of step k. */
  readonly heldOut?: Gradients64;
  readonly objective?: (g: ArrayLike<number>, p: ArrayLike<number>) => number[];
}

/** The hyper-gradient for the model in step k, as the optimizer has it and by finite differences. */
export function hyperGradientOf(question: Question): { actual: number; expected: number } {
  const {
    build,
    name,
    value,
    parameters,
    gradients,
    k,
    horizon = 1,
    heldOut,
    objective = (g) => [...Array.from(g)],
  } = question;
  const by = descent({ lr: (t) => (t === k ? small : 0) });
  const optimizer = float64(build(learned(value, by, { per: "model", horizon })), parameters);
  for (let t = 0; t <= k; t++) optimizer.step(gradients(t), t === k ? heldOut : undefined);
  const [first] = Object.values(optimizer.hyperparameters());
  const actual = (value - (first?.[name] as number)) / small;

  const since = horizon === Number.POSITIVE_INFINITY ? 0 : k - 1 - ((k - 1) % horizon);
  const after = (x: number) => {
    const moved = float64(
      build((t) => (t >= since && t < k ? x : value)),
      parameters,
    );
    for (let t = 0; t < k; t++) moved.step(gradients(t));
    return moved.parameters;
  };
  const before = after(value);
  const weights = Object.entries(gradients(k)).map(([of, g]) => {
    const against = (heldOut ? (heldOut[of] ?? new Float64Array(g?.length ?? 0)) : g) as ArrayLike<number>;
    return [of, heldOut ? Array.from(against) : objective(against, before[of]?.values ?? [])] as const;
  });
  const expected = slope((x) => {
    const moved = after(x);
    return weights.reduce(
      (sum, [of, g]) => sum + g.reduce((all, each, i) => all + each * (moved[of]?.values[i] as number), 0),
      0,
    );
  }, value);
  return { actual, expected };
}
