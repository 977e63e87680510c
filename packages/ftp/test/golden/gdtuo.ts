/**
 * The recorded towers of "Gradient Descent: The Ultimate Optimizer" (Chandra et al., 2022, arXiv 1909.13371) as our specs, and what their
 * hyperparameters should be.
 */
import type { Spec } from "@hypergrad/core";
import { gdtuo } from "@hypergrad/optimizers";
import type { RecordedCase, RecordedLevel, TowerOptions } from "./recorded.js";

/** A level that has its hyperparameters at the start, by the name that is both its and ours, and is learned by `by`. */
type Build = (start: Readonly<Record<string, number>>, options: TowerOptions, by?: Spec) => Spec;

const logEps = ({ log_eps }: TowerOptions): { logEps: number } => ({ logEps: log_eps as number });
const gamma = (options: TowerOptions): { gamma: number } => ({ gamma: options.gamma as number });
const betas = ({ beta1, beta2 }: TowerOptions) => ({ beta1: beta1 as number, beta2: beta2 as number });

const classes: Readonly<Record<string, Build>> = {
  SGD: (start, _options, by) => gdtuo.sgd(start, by),
  SGDPerParam: (start, _options, by) => gdtuo.sgdPerParam(rates(start), by),
  Adam: (start, options, by) => gdtuo.adam({ ...start, ...logEps(options) }, by),
  AdamBaydin: (start, options, by) => gdtuo.adamBaydin({ ...betas(options), ...start, ...logEps(options) }, by),
  RMSProp: (start, _options, by) => gdtuo.rmsprop(start, by),
  RMSPropAlpha: (start, options, by) => gdtuo.rmspropAlpha({ ...gamma(options), ...start }, by),
  AdaGrad: (start, _options, by) => gdtuo.adagrad(start, by),
};

/** SGDPerParam's rates by what they are the rates of: the recording calls them `dense.weight_alpha`. */
const rates = (recorded: Readonly<Record<string, number>>): Record<string, number> =>
  Object.fromEntries(Object.entries(recorded).map(([name, value]) => [name.replace(/_alpha$/, ""), value]));

/** How the raw numbers are stored: betas and gammas as r = artanh(2h − 1), RMSProp's α as its root. */
function fromRaw(name: string, raw: number, level: string): number {
  if (name === "beta1" || name === "beta2" || name === "gamma") return (Math.tanh(raw) + 1) / 2;
  return level.startsWith("RMSProp") ? raw * raw : raw;
}

const tower = ({ options }: RecordedCase): readonly TowerOptions[] => options.tower as TowerOptions[];

/** A level's hyperparameters after a step, or at the start. */
function levelOf({ hypers0, trajectory }: RecordedCase, level: number, step: number | "start"): RecordedLevel {
  const levels = step === "start" ? hypers0?.levels : trajectory[step]?.hypers.levels;
  return levels?.[level] as RecordedLevel;
}

/** The spec of a tower, from its recorded raw start values. */
export function towerSpec(recorded: RecordedCase): Spec {
  return tower(recorded).reduceRight<Spec | undefined>((above, options, i) => {
    const build = classes[options.class];
    if (!build) throw new Error(`gdtuo's ${options.class} is not known; known are ${Object.keys(classes).join(", ")}.`);
    const start = Object.entries(levelOf(recorded, i, "start").raw).map(([name, raw]): [string, number] => [
      name,
      fromRaw(name, raw, options.class),
    ]);
    return build(Object.fromEntries(start), options, above);
  }, undefined) as Spec;
}

/**
 * What the hyperparameters of a variable should be after a step, under our names: `alpha`, `beta1`, `alpha.alpha`, `beta1.alpha`, … A
 * learner's own stand under each of the hyperparameters that it moves.
 */
export function expectedHyperparameters(
  recorded: RecordedCase,
  step: number,
  variable: string,
): Record<string, number> {
  const expected: Record<string, number> = {};
  /** The paths of what the level moves, and their names there. */
  let below = [{ path: "", name: variable }];
  for (const [i, options] of tower(recorded).entries()) {
    const { natural } = levelOf(recorded, i, step);
    below = below.flatMap(({ path, name }) => {
      const own = options.class === "SGDPerParam" ? { alpha: rates(natural)[name] } : natural;
      return Object.entries(own).flatMap(([hyper, value]) => {
        // Neither ours nor the reference's SGD learns a momentum that is 0 at the start; ours does not have it.
        if (value === undefined || (hyper === "mu" && options.mu === 0)) return [];
        expected[`${path}${hyper}`] = value;
        return [{ path: `${path}${hyper}.`, name: hyper }];
      });
    });
  }
  return expected;
}
