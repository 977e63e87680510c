/**
 * The methods as data, so that they can be sent to a worker and written to a file, and the spec that each one stands for.
 *
 * A method is a base optimizer and what its learning rate is: a number, a schedule, or learned.
 */
import { type CoordinateName, cosine, type Grain, learned, type Setting, type Spec } from "@hypergrad/core";
import { adam, sgd } from "@hypergrad/optimizers";

/** Name of a base optimizer. */
export type Base = "sgd" | "momentum" | "adam";

/** The optimizers whose rate is chosen or learned. */
export const BASES: Readonly<Record<Base, { readonly label: string; readonly spec: (lr: Setting) => Spec }>> = {
  sgd: { label: "SGD", spec: (lr) => sgd({ lr }) },
  momentum: { label: "SGD with momentum", spec: (lr) => sgd({ lr, momentum: 0.9 }) },
  adam: { label: "Adam", spec: (lr) => adam({ lr }) },
};

/** Name of a way to build towers. */
export type TowerName = "adam" | "sgd" | "adam-log" | "log";

/** How the levels of a tower learn. */
export interface TowerEntry {
  readonly label: string;
  /** What is to be known of it beforehand. */
  readonly remark: string;
  readonly learner: (lr: Setting) => Spec;
  readonly in: CoordinateName;
  /** Where the upper levels start; undefined: as in the paper, from the value that the lowest level starts from. */
  readonly above?: number;
}

/** All ways to build towers. */
export const TOWERS: Readonly<Record<TowerName, TowerEntry>> = {
  adam: {
    label: "Learners: Adam in the plain coordinate",
    remark: "A learner moves a value by about its own rate in a step, whatever the size of the hyper-gradient.",
    learner: (lr) => adam({ lr }),
    in: "identity",
  },
  sgd: {
    label: "Learners: SGD in the plain coordinate",
    remark:
      "The paper’s own form. A learner moves a value by its own rate times a hyper-gradient, whose size is the problem’s.",
    learner: (lr) => sgd({ lr }),
    in: "identity",
  },
  "adam-log": {
    label: "Learners: Adam in the coordinate log",
    remark:
      "A learner moves a value by its own rate in relative terms: from a tiny start on all levels that is next to nothing.",
    learner: (lr) => adam({ lr }),
    in: "log",
  },
  log: {
    label: "Learners: Adam in the coordinate log, upper levels from 0.05",
    remark:
      "The form that the guide recommends for one level: relative steps of at most about 5 %. Only the lowest level has the bad start.",
    learner: (lr) => adam({ lr }),
    in: "log",
    above: 0.05,
  },
};

/** Name of what moves a learned rate. */
export type LearnerName = "hd" | "log";

/** What one learned rate may be moved by. */
export interface LearnerEntry {
  readonly label: string;
  /** As it is written. */
  readonly notation: string;
  readonly setting: (init: number, per: Grain) => Setting;
}

/**
 * All learners. The κ of hypergradient descent, 0.01, is one for all problems and optimizers: of 1e-8, 1e-7, … 1 it did best in all on a
 * seed that the study does not use. The step of the learner in log, 0.05, is the largest of those that the guide names.
 */
export const LEARNERS: Readonly<Record<LearnerName, LearnerEntry>> = {
  hd: {
    label: "hypergradient descent",
    notation: "learned(α, sgd({ lr: 0.01 }))",
    setting: (init, per) => learned(init, sgd({ lr: 0.01 }), { per }),
  },
  log: {
    label: "Adam in log",
    notation: 'learned(α, adam({ lr: 0.05 }), { in: "log" })',
    setting: (init, per) => learned(init, adam({ lr: 0.05 }), { per, in: "log" }),
  },
};

/** What the learning rate is. */
export type Rate =
  | { readonly kind: "fixed" | "cosine"; readonly lr: number }
  | { readonly kind: "tower"; readonly lr: number; readonly tower: TowerName; readonly height: number }
  | { readonly kind: "learned"; readonly lr: number; readonly by: LearnerName; readonly per: Grain };

/** A base optimizer with a rate. */
export interface Method {
  readonly base: Base;
  readonly rate: Rate;
}

/** α learned by a learner whose rate is learned by a learner …, `height` learners in all. */
function tower(lr: number, height: number, name: TowerName): Setting {
  const { learner, in: coordinate, above = lr } = TOWERS[name];
  let setting: Setting = above;
  for (let level = height; level >= 1; level--) {
    setting = learned(level === 1 ? lr : above, learner(setting), { in: coordinate });
  }
  return setting;
}

function settingOf(rate: Rate, steps: number): Setting {
  switch (rate.kind) {
    case "fixed":
      return rate.lr;
    case "cosine":
      return cosine(rate.lr, { steps });
    case "tower":
      return tower(rate.lr, rate.height, rate.tower);
    case "learned":
      return LEARNERS[rate.by].setting(rate.lr, rate.per);
  }
}

/** The spec of a method that is run for so many steps. */
export function specOf({ base, rate }: Method, steps: number): Spec {
  return BASES[base].spec(settingOf(rate, steps));
}
