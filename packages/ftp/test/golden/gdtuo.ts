/**
 * The towers of "Gradient Descent: The Ultimate Optimizer" (Chandra et al., 2022, arXiv 1909.13371) as its code runs them, in our terms.
 *
 * Its SGD is our `sgd`. Its Adam is a rule of its own. One learner serves all hyperparameters of the level below it, so that
 * each level is one spec, and the same object is given to every `learned`.
 */
import { learned, movingAverage, real, rule, type Setting, type Spec, sub, unitInterval } from "@hypergrad/core";
import { sgd } from "@hypergrad/optimizers";
import type { RecordedCase, RecordedLevel, TowerOptions } from "./recorded.js";

/** Adam whose second moment starts at ε: the same number that is added outside the root. */
const adamOf = (eps: number) =>
  rule({
    name: "gdtuo's adam",
    hyperparameters: { lr: real(1e-3), beta1: unitInterval(0.9), beta2: unitInterval(0.999) },
    state: { m: 0, v: eps },
    update({ p, g, t, m, v, lr, beta1, beta2 }) {
      const newM = movingAverage(m, g, beta1);
      const newV = movingAverage(v, g.square(), beta2);
      const mHat = newM.div(sub(1, beta1.pow(t)));
      const vHat = newV.div(sub(1, beta2.pow(t)));
      return { p: p.sub(lr.mul(mHat).div(vHat.sqrt().add(eps))), m: newM, v: newV };
    },
  });

/** SGD with momentum on the whole real line: gdtuo keeps no hyperparameter in a domain. */
const unguardedSgd = rule({
  name: "gdtuo's sgd",
  hyperparameters: { lr: real(1e-2), momentum: real(0) },
  state: { velocity: 0 },
  update({ p, g, velocity, lr, momentum }) {
    const b = velocity.mul(momentum).add(g);
    return { p: p.sub(lr.mul(b)), velocity: b };
  },
});

/** One class of gdtuo: how its hyperparameters are called here, and the optimizer made of their settings. */
interface TowerClass {
  /** Its name for a hyperparameter → ours; what it does not learn with these options is left out. */
  readonly names: (options: TowerOptions) => Readonly<Record<string, string>>;
  /** The coordinates that are not "identity", by our name. */
  readonly coordinates: Readonly<Record<string, "tanh">>;
  readonly spec: (settings: Readonly<Record<string, Setting>>, options: TowerOptions, guarded: boolean) => Spec;
}

const adamSpec: TowerClass["spec"] = (settings, { log_eps, beta1, beta2 }) =>
  adamOf(10 ** (log_eps as number))({ beta1: beta1 as number, beta2: beta2 as number, ...settings });

const classes: Readonly<Record<string, TowerClass>> = {
  SGD: {
    // Momentum is there if and only if the constructor's is not 0.
    names: ({ mu }) => (mu === 0 ? { alpha: "lr" } : { alpha: "lr", mu: "momentum" }),
    coordinates: {},
    spec: (settings, _options, guarded) => (guarded ? sgd : unguardedSgd)(settings),
  },
  Adam: {
    names: () => ({ alpha: "lr", beta1: "beta1", beta2: "beta2" }),
    coordinates: { beta1: "tanh", beta2: "tanh" },
    spec: adamSpec,
  },
  AdamBaydin: { names: () => ({ alpha: "lr" }), coordinates: {}, spec: adamSpec },
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

/** The natural value of a raw number: betas are stored as r, β = (1 + tanh r)/2. */
const fromRaw = (raw: number, coordinate: "tanh" | undefined): number =>
  coordinate === "tanh" ? (Math.tanh(raw) + 1) / 2 : raw;

/** Whether every recorded value stays where our `sgd` keeps its hyperparameters: a rate ≥ 0, a momentum in [0, 1). */
function staysInDomains(recorded: RecordedCase, level: number): boolean {
  return recorded.trajectory.every((_, step) => {
    const { alpha = 0, mu = 0 } = levelOf(recorded, level, step).natural;
    return alpha >= 0 && mu >= 0 && mu < 1 - 2 ** -24;
  });
}

/**
 * The spec of a tower, from its recorded raw start values.
 *
 * @param guarded Whether SGD levels are our `sgd`, with its domains. Default: where the recorded values stay inside these.
 */
export function towerSpec(recorded: RecordedCase, guarded?: boolean): Spec {
  const levels = tower(recorded);
  let above: Spec | undefined;
  for (let i = levels.length - 1; i >= 0; i--) {
    const options = levels[i] as TowerOptions;
    const { names, coordinates, spec } = classOf(options.class);
    const { raw } = levelOf(recorded, i, "start");
    const settings = Object.entries(names(options)).map(([theirs, name]): [string, Setting] => {
      const coordinate = coordinates[name];
      const value = fromRaw(raw[theirs] as number, coordinate);
      return [name, above ? learned(value, above, { in: coordinate ?? "identity" }) : value];
    });
    above = spec(Object.fromEntries(settings), options, guarded ?? staysInDomains(recorded, i));
  }
  return above as Spec;
}

/**
 * What the hyperparameters of a tower should be after a step, under our names: `lr`, `beta1`, `lr.lr`, `beta1.lr`, … A learner's own
 * stand under each of the hyperparameters that it moves.
 *
 * @throws Error where one changes in the recording for which there is no name here.
 */
export function expectedHyperparameters(recorded: RecordedCase, step: number): Record<string, number> {
  const expected: Record<string, number> = {};
  let below = [""];
  for (const [i, options] of tower(recorded).entries()) {
    const names = classOf(options.class).names(options);
    for (const [theirs, value] of Object.entries(levelOf(recorded, i, step).natural)) {
      const name = names[theirs];
      if (name === undefined && value !== levelOf(recorded, i, "start").natural[theirs]) {
        throw new Error(`Level ${i} learns ${theirs}, for which there is no name here.`);
      }
      if (name !== undefined) for (const path of below) expected[`${path}${name}`] = value;
    }
    below = below.flatMap((path) => Object.values(names).map((name) => `${path}${name}.`));
  }
  return expected;
}
