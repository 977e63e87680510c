/**
 * The optimizers of "Gradient Descent: The Ultimate Optimizer", and its stacks of them, by the names of its code.
 *
 * They differ from this package's rules in where state starts, where ε stands and in having no domains: a rate may become negative. One learner
 * serves all hyperparameters of the level below it, in the coordinates of the code.
 *
 * Chandra, Xie, Ragan-Kelley & Meijer, "Gradient Descent: The Ultimate Optimizer", NeurIPS 2022, arXiv 1909.13371; code
 * kach/gradient-descent-the-ultimate-optimizer.
 */
import {
  type CoordinateName,
  checkNames,
  groups,
  learned,
  movingAverage,
  type RuleFactory,
  real,
  rule,
  type Setting,
  type Spec,
  sub,
} from "@hypergrad/core";
import { frozen } from "./frozen.js";

const sgdRule: RuleFactory<"lr"> = rule({
  name: "gdtuo.sgd",
  hyperparameters: { lr: real(1e-2) },
  state: {},
  update: ({ p, g, lr }) => ({ p: p.sub(g.mul(lr)) }),
});

const momentumRule: RuleFactory<"lr" | "momentum"> = rule({
  name: "gdtuo.sgd (momentum)",
  hyperparameters: { lr: real(1e-2), momentum: real(0.9) },
  state: { velocity: 0 },
  update({ p, g, velocity, lr, momentum }) {
    const b = velocity.mul(momentum).add(g);
    return { p: p.sub(lr.mul(b)), velocity: b };
  },
});

/** v starts at ε, the same number that is added outside the root. */
const adamRule = (eps: number): RuleFactory<"lr" | "beta1" | "beta2"> =>
  rule({
    name: "gdtuo.adam",
    hyperparameters: { lr: real(1e-3), beta1: real(0.9), beta2: real(0.999) },
    state: { m: 0, v: eps },
    update({ p, g, t, lr, beta1, beta2, ...x }) {
      const m = movingAverage(x.m, g, beta1);
      const v = movingAverage(x.v, g.square(), beta2);
      const mHat = m.div(sub(1, beta1.pow(t)));
      const vHat = v.div(sub(1, beta2.pow(t)));
      return { p: p.sub(lr.mul(mHat).div(vHat.sqrt().add(eps))), m, v };
    },
  });

const rmspropRule: RuleFactory<"lr" | "gamma"> = rule({
  name: "gdtuo.rmsprop",
  hyperparameters: { lr: real(1e-2), gamma: real(0.99) },
  state: { s: 0 },
  update({ p, g, lr, gamma, ...x }) {
    const s = movingAverage(x.s, g.square(), gamma);
    return { p: p.sub(lr.mul(g).div(s.add(1e-8).sqrt())), s };
  },
});

const adagradRule: RuleFactory<"lr"> = rule({
  name: "gdtuo.adagrad",
  hyperparameters: { lr: real(1e-2) },
  state: { s: 0.1 },
  update({ p, g, lr, ...x }) {
    const s = x.s.add(g.square());
    return { p: p.sub(lr.mul(g).div(s.add(1e-10).sqrt())), s };
  },
});

/** A number, or what `by` learns from it. */
const setting = (value: number, by: Spec | undefined, coordinate: CoordinateName = "identity"): Setting =>
  by ? learned(value, by, { in: coordinate }) : value;

/** Options of `gdtuo.sgd`, with the defaults of the code. */
export interface GdtuoSgdOptions {
  /** Learning rate; default 0.01. */
  readonly alpha?: number;
  /** Momentum; default 0, which means that there is none, now or later. */
  readonly mu?: number;
}

/** Options of `gdtuo.adam` and `gdtuo.adamBaydin`, with the defaults of the code. */
export interface GdtuoAdamOptions {
  /** Learning rate; default 0.001. */
  readonly alpha?: number;
  /** Decay of the first moment, in (0, 1); default 0.9. */
  readonly beta1?: number;
  /** Decay of the second moment, in (0, 1); default 0.999. */
  readonly beta2?: number;
  /** log₁₀ ε; default −8. */
  readonly logEps?: number;
}

/** Options of `gdtuo.rmsprop` and `gdtuo.rmspropAlpha`, with the defaults of the code. */
export interface GdtuoRmspropOptions {
  /** Learning rate > 0; default 0.01. */
  readonly alpha?: number;
  /** Decay of the mean square, in (0, 1); default 0.99. */
  readonly gamma?: number;
}

function sgd({ alpha = 1e-2, mu = 0, ...rest }: GdtuoSgdOptions = {}, by?: Spec): Spec {
  checkNames("gdtuo.sgd", rest, ["alpha", "mu"]);
  const lr = setting(alpha, by);
  return mu === 0 ? sgdRule({ lr }) : momentumRule({ lr, momentum: setting(mu, by) });
}

function sgdPerParam(alphas: Readonly<Record<string, number>>, by?: Spec): Spec {
  // As a learner it moves hyperparameters: their names end that of what they belong to, and alpha is `lr` here, mu `momentum`.
  const called = (name: string): string => ({ alpha: "lr", mu: "momentum" })[name] ?? name;
  return groups(
    Object.entries(alphas).map(([name, alpha]) => [
      (variable) => variable.name === name || variable.name.endsWith(`:${called(name)}`),
      sgdRule({ lr: setting(alpha, by) }),
    ]),
    frozen(),
  );
}

function adam(
  { alpha = 1e-3, beta1 = 0.9, beta2 = 0.999, logEps = -8, ...rest }: GdtuoAdamOptions = {},
  by?: Spec,
): Spec {
  checkNames("gdtuo.adam", rest, ["alpha", "beta1", "beta2", "logEps"]);
  return adamRule(10 ** logEps)({
    lr: setting(alpha, by),
    beta1: setting(beta1, by, "tanh"),
    beta2: setting(beta2, by, "tanh"),
  });
}

function adamBaydin(
  { alpha = 1e-3, beta1 = 0.9, beta2 = 0.999, logEps = -8, ...rest }: GdtuoAdamOptions = {},
  by?: Spec,
): Spec {
  checkNames("gdtuo.adamBaydin", rest, ["alpha", "beta1", "beta2", "logEps"]);
  return adamRule(10 ** logEps)({ lr: setting(alpha, by), beta1, beta2 });
}

function rmsprop({ alpha = 1e-2, gamma = 0.99, ...rest }: GdtuoRmspropOptions = {}, by?: Spec): Spec {
  checkNames("gdtuo.rmsprop", rest, ["alpha", "gamma"]);
  return rmspropRule({ lr: setting(alpha, by, "square"), gamma: setting(gamma, by, "tanh") });
}

function rmspropAlpha({ alpha = 1e-2, gamma = 0.99, ...rest }: GdtuoRmspropOptions = {}, by?: Spec): Spec {
  checkNames("gdtuo.rmspropAlpha", rest, ["alpha", "gamma"]);
  return rmspropRule({ lr: setting(alpha, by, "square"), gamma });
}

function adagrad({ alpha = 1e-2, ...rest }: Pick<GdtuoSgdOptions, "alpha"> = {}, by?: Spec): Spec {
  checkNames("gdtuo.adagrad", rest, ["alpha"]);
  return adagradRule({ lr: setting(alpha, by) });
}

/** The functions of `gdtuo`: options, and the optimizer that learns all that they say, in; a spec out. */
export interface Gdtuo {
  /** SGD, with momentum where μ is not 0: b ← μb + g; θ ← θ − αb. */
  readonly sgd: (options?: GdtuoSgdOptions, by?: Spec) => Spec;
  /** SGD with a rate for each named variable; others stay as they are. As a learner: a rate for each hyperparameter of the level below, such as `{ alpha: 1e-4, beta1: 0.5 }`. */
  readonly sgdPerParam: (alphas: Readonly<Record<string, number>>, by?: Spec) => Spec;
  /** Adam whose second moment starts at ε; betas are learned as (1 + tanh r)/2. */
  readonly adam: (options?: GdtuoAdamOptions, by?: Spec) => Spec;
  /** The same, of which α alone is learned. */
  readonly adamBaydin: (options?: GdtuoAdamOptions, by?: Spec) => Spec;
  /** RMSProp: s ← γs + (1 − γ)g²; θ ← θ − αg/√(s + 10⁻⁸); α is learned as r², γ as (1 + tanh r)/2. */
  readonly rmsprop: (options?: GdtuoRmspropOptions, by?: Spec) => Spec;
  /** The same, of which α alone is learned. */
  readonly rmspropAlpha: (options?: GdtuoRmspropOptions, by?: Spec) => Spec;
  /** AdaGrad, whose sum of squares starts at 0.1: s ← s + g²; θ ← θ − αg/√(s + 10⁻¹⁰). */
  readonly adagrad: (options?: Pick<GdtuoSgdOptions, "alpha">, by?: Spec) => Spec;
}

/**
 * The stacks of "Gradient Descent: The Ultimate Optimizer" by name; `gdtuo.adam({ alpha: 1e-3 }, gdtuo.sgd({ alpha: 1e-5 }))` is its Adam(optimizer=SGD(1e-5)):
 *
 *     gdtuo.sgd({ alpha, mu }, by)             gdtuo.adam({ alpha, beta1, beta2, logEps }, by)      gdtuo.rmsprop({ alpha, gamma }, by)         gdtuo.adagrad({ alpha }, by)
 *     gdtuo.sgdPerParam({ name: alpha }, by)   gdtuo.adamBaydin({ … }, by): α alone is learned      gdtuo.rmspropAlpha({ … }, by): α alone
 *
 * Everything that a level says is learned by `by`, if that is given, which can have a learner of its own. What they are called in `hyperparameters()`: α `lr`, μ `momentum`, others as here.
 * Trajectories equal those of the authors' code.
 *
 * Chandra, Xie, Ragan-Kelley & Meijer, "Gradient Descent: The Ultimate Optimizer", NeurIPS 2022, arXiv 1909.13371.
 *
 * @throws Error for an unknown option, and a start that its coordinate cannot reach.
 */
export const gdtuo: Gdtuo = Object.freeze({ sgd, sgdPerParam, adam, adamBaydin, rmsprop, rmspropAlpha, adagrad });
