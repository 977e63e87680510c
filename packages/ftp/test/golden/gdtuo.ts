/**
 * The recorded towers of "Gradient Descent: The Ultimate Optimizer" (Chandra et al., 2022, arXiv 1909.13371) as stacks of `gdtuo`.
 */
import { learned, type Setting, type Spec } from "@hypergrad/core";
import { gdtuo, sgd } from "@hypergrad/optimizers";
import type { RecordedCase, RecordedLevel, TowerOptions } from "./recorded.js";

/** A class of the reference: how its raw numbers become the natural ones, and the optimizer made of these. */
interface TowerClass {
  readonly coordinates: Readonly<Record<string, "tanh" | "square">>;
  readonly spec: (natural: Readonly<Record<string, number>>, options: TowerOptions, by: Spec | undefined) => Spec;
}

const betas = { beta1: "tanh", beta2: "tanh" } as const;
const logEps = ({ log_eps }: TowerOptions) => ({ logEps: log_eps as number });

const classes: Readonly<Record<string, TowerClass>> = {
  SGD: { coordinates: {}, spec: (natural, _options, by) => gdtuo.sgd(natural, by) },
  Adam: { coordinates: betas, spec: (natural, options, by) => gdtuo.adam({ ...natural, ...logEps(options) }, by) },
  AdamBaydin: {
    coordinates: betas,
    spec: ({ alpha }, { beta1, beta2, ...options }, by) =>
      gdtuo.adamBaydin(
        { alpha: alpha as number, beta1: beta1 as number, beta2: beta2 as number, ...logEps(options as TowerOptions) },
        by,
      ),
  },
  RMSProp: {
    coordinates: { alpha: "square", gamma: "tanh" },
    spec: (natural, _options, by) => gdtuo.rmsprop(natural, by),
  },
  RMSPropAlpha: {
    coordinates: { alpha: "square" },
    spec: ({ alpha }, { gamma }, by) => gdtuo.rmspropAlpha({ alpha: alpha as number, gamma: gamma as number }, by),
  },
  AdaGrad: { coordinates: {}, spec: (natural, _options, by) => gdtuo.adagrad(natural, by) },
  SGDPerParam: {
    coordinates: {},
    spec: (natural, _options, by) =>
      gdtuo.sgdPerParam(
        Object.fromEntries(Object.entries(natural).map(([name, alpha]) => [name.replace(/_alpha$/, ""), alpha])),
        by,
      ),
  },
};

function classOf(name: string): TowerClass {
  const found = classes[name];
  if (!found) throw new Error(`gdtuo's ${name} is not known; known are ${Object.keys(classes).join(", ")}.`);
  return found;
}

const tower = ({ options }: RecordedCase): readonly TowerOptions[] => options.tower as TowerOptions[];

/** A level's hyperparameters after a step, or at the start. */
function levelOf({ hypers0, trajectory }: RecordedCase, level: number, step: number | "start"): RecordedLevel {
  const levels = step === "start" ? hypers0?.levels : trajectory[step]?.hypers.levels;
  return levels?.[level] as RecordedLevel;
}

/** The natural value of a raw number. */
function fromRaw(raw: number, coordinate: "tanh" | "square" | undefined): number {
  if (coordinate === undefined) return raw;
  return coordinate === "tanh" ? (Math.tanh(raw) + 1) / 2 : raw * raw;
}

/** Whether every recorded value of an SGD level stays where our `sgd` keeps its hyperparameters: a rate ≥ 0, a momentum in [0, 1). */
function staysInDomains(recorded: RecordedCase, level: number): boolean {
  return recorded.trajectory.every((_, step) => {
    const { alpha = 0, mu = 0 } = levelOf(recorded, level, step).natural;
    return alpha >= 0 && mu >= 0 && mu < 1 - 2 ** -24;
  });
}

/** The same as `gdtuo.sgd`, made of the rule for everyday use. */
function everydaySgd({ alpha = 0, mu = 0 }: Readonly<Record<string, number>>, by: Spec | undefined): Spec {
  const setting = (value: number): Setting => (by ? learned(value, by) : value);
  return sgd({ lr: setting(alpha), momentum: mu === 0 ? 0 : setting(mu) });
}

/**
 * The spec of a tower, from its recorded raw start values.
 *
 * @param everyday Whether SGD levels are our `sgd`, with its domains, where the recorded values stay inside these.
 */
export function towerSpec(recorded: RecordedCase, everyday = false): Spec {
  const levels = tower(recorded);
  let above: Spec | undefined;
  for (let i = levels.length - 1; i >= 0; i--) {
    const options = levels[i] as TowerOptions;
    const { coordinates, spec } = classOf(options.class);
    const { raw } = levelOf(recorded, i, "start");
    const natural = Object.fromEntries(
      Object.entries(raw).map(([name, value]) => [name, fromRaw(value, coordinates[name])]),
    );
    above =
      everyday && options.class === "SGD" && staysInDomains(recorded, i)
        ? everydaySgd(natural, above)
        : spec(natural, options, above);
  }
  return above as Spec;
}

const ours = (theirs: string): string => ({ alpha: "lr", mu: "momentum" })[theirs] ?? theirs;

/**
 * What a variable's hyperparameters should be after a step, under our names: `lr`, `beta1`, `lr.lr`, `beta1.lr`, … A learner's own stand
 * under each of the hyperparameters that it moves.
 *
 * @throws Error where one changes in the recording that is none of ours.
 */
export function expectedHyperparameters(
  recorded: RecordedCase,
  step: number,
  variable: string,
): Record<string, number> {
  const expected: Record<string, number> = {};
  let below = [""];
  for (const [i, options] of tower(recorded).entries()) {
    const { natural } = levelOf(recorded, i, step);
    const start = levelOf(recorded, i, "start").natural;
    const next: string[] = [];
    for (const [theirs, value] of Object.entries(natural)) {
      const perParam = options.class === "SGDPerParam" ? theirs.replace(/_alpha$/, "") : undefined;
      // A momentum that was 0 at the start is none.
      if (theirs === "mu" && start.mu === 0) {
        if (value !== 0) throw new Error(`Level ${i} learns a momentum that it should not have.`);
        continue;
      }
      for (const path of below) {
        const mine = perParam === undefined || (i === 0 ? perParam === variable : path === `${ours(perParam)}.`);
        if (!mine) continue;
        const name = `${path}${perParam === undefined ? ours(theirs) : "lr"}`;
        expected[name] = value;
        next.push(`${name}.`);
      }
    }
    below = next;
  }
  return expected;
}
