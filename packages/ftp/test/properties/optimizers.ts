/**
 * The optimizers that the property tests draw from: every rule, bare and inside every kind of projection.
 */
import type { CoordinateName, Grain } from "@hypergrad/core";
import fc from "fast-check";
import { type FtpOptions, ftp } from "../../src/index.js";
import { adamValues, bases, everyday, type Optimizer, others, powerOfTen } from "./bases.js";

/** Every way to project. */
const projections: Readonly<Record<string, FtpOptions>> = {
  ftp: {},
  "ftp, L2": { norm: "l2", k: 0 },
  "ftp, masked": { straightThrough: false, k: 0.5 },
  "ftp, L2, masked, around 0": { norm: "l2", straightThrough: false, anchor: "zeros" },
};

/** A rule inside a projection. */
function projected(base: Optimizer, name: string, options: FtpOptions): Optimizer {
  return {
    name: `${name}(${base.name})`,
    build: ({ radius, ...settings }) =>
      ftp(base.build(settings), { ...options, ...(radius === undefined ? {} : { radius }) }),
    values: { ...base.values, radius: powerOfTen(-2, 0) },
    ftp: options,
    everyday: base.everyday,
    ...(base.finest && { finest: base.finest }),
    ...(base.carried && { carried: base.carried }),
    ...(base.steps && { steps: base.steps }),
    ...(base.mixes && { mixes: base.mixes }),
    ...(base.initial && { initial: base.initial }),
    ...(base.unfelt && { unfelt: base.unfelt }),
  };
}

/** The everyday rules inside every projection, the others inside one each, in turn. */
const projectedOptimizers: readonly Optimizer[] = [
  ...everyday.flatMap((base) => Object.entries(projections).map(([name, options]) => projected(base, name, options))),
  ...others.map((base, i) => {
    const [name, options] = Object.entries(projections)[i % 4] as [string, FtpOptions];
    return projected(base, name, options);
  }),
];

/** A projection that some variables are excluded from. Its radius is a number: the variable that is left out has none. */
const partlyExcluded: Optimizer = {
  ...projected(bases.find(({ name }) => name === "adamw") as Optimizer, "ftp, a excluded", {
    exclude: /(^|\/)a$/,
    radius: 0.1,
  }),
  values: adamValues,
};

/** All of them. */
export const optimizers: readonly Optimizer[] = [...bases, ...projectedOptimizers, partlyExcluded];

/** A value for each hyperparameter. */
export const valuesOf = ({ values }: Optimizer): fc.Arbitrary<Record<string, number>> => fc.record({ ...values });

/** All grains, from fine to coarse. */
export const grains: readonly Grain[] = ["element", "channel", "tensor", "model"];

/** The coarser of two grains. */
export const coarser = (a: Grain, b: Grain): Grain => (grains.indexOf(a) > grains.indexOf(b) ? a : b);

/**
 * The finest grain at which a hyperparameter can be learned: what one sum covers in which it appears, under a projection a norm.
 *
 * @param carried Where sensitivities are carried over several steps: those of elements that met in a sum.
 */
export function finestOf(
  { ftp, finest = {}, carried = "element", unfelt = [] }: Optimizer,
  name: string,
  isCarried = false,
): Grain {
  const own = coarser(finest[name] ?? "element", isCarried ? carried : "element");
  const norm = ftp?.norm === "l2" ? "tensor" : "channel";
  return ftp && (isCarried || (name !== "radius" && !unfelt.includes(name))) ? coarser(own, norm) : own;
}

/** The values that the coordinates can reach, ends excluded. */
const ranges: Readonly<Record<CoordinateName, readonly [number, number]>> = {
  identity: [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY],
  log: [0, Number.POSITIVE_INFINITY],
  logit: [0, 1],
  square: [0, Number.POSITIVE_INFINITY],
  tanh: [0, 1],
};

/** The coordinates in which a value can be learned. */
export const coordinatesFor = (value: number): CoordinateName[] =>
  (Object.keys(ranges) as CoordinateName[]).filter((name) => value > ranges[name][0] && value < ranges[name][1]);
