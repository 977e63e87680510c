/**
 * The optimizers of "Gradient Descent: The Ultimate Optimizer", named and stacked as in the authors' code:
 *
 *     gdtuo.adam({ alpha: 0.01 }, gdtuo.sgd({ alpha: 1e-4 }))
 *
 * is Adam whose α, β₁ and β₂ are learned by SGD, which may be learned by another in turn. The one learner serves all hyperparameters of the
 * level below it, in the coordinates in which that code stores them, and nothing keeps them in a domain.
 *
 * Chandra, Xie, Ragan-Kelley & Meijer, "Gradient Descent: The Ultimate Optimizer", NeurIPS 2022, arXiv 1909.13371.
 */
import {
  type CoordinateName,
  type Expr,
  learned,
  movingAverage,
  pow,
  type RuleFactory,
  real,
  rule,
  type Setting,
  type Spec,
  slot,
  sub,
} from "@hypergrad/core";
import { choice } from "@hypergrad/core/internal";
import { frozen } from "./frozen.js";

const sgdRule: RuleFactory<"alpha"> = rule({
  name: "gdtuo.sgd",
  hyperparameters: { alpha: real(0.01) },
  state: {},
  update: ({ p, g, alpha }) => ({ p: p.sub(g.mul(alpha)) }),
});

const sgdWithMomentum: RuleFactory<"alpha" | "mu"> = rule({
  name: "gdtuo.sgd (momentum)",
  hyperparameters: { alpha: real(0.01), mu: real(0) },
  state: { velocity: 0 },
  update({ p, g, velocity, alpha, mu }) {
    const b = velocity.mul(mu).add(g);
    return { p: p.sub(b.mul(alpha)), velocity: b };
  },
});

const adamRule: RuleFactory<"alpha" | "beta1" | "beta2" | "logEps"> = rule({
  name: "gdtuo.adam",
  hyperparameters: { alpha: real(0.001), beta1: real(0.9), beta2: real(0.999), logEps: real(-8) },
  // The second moment starts at ε: a root that is never 0.
  state: { m: 0, v: slot("element", ({ logEps }) => pow(10, logEps as Expr)) },
  update(x) {
    const m = movingAverage(x.m, x.g, x.beta1);
    const v = movingAverage(x.v, x.g.square(), x.beta2);
    const mHat = m.div(sub(1, x.beta1.pow(x.t)));
    const vHat = v.div(sub(1, x.beta2.pow(x.t)));
    return { p: x.p.sub(x.alpha.mul(mHat).div(vHat.sqrt().add(pow(10, x.logEps)))), m, v };
  },
});

const rmspropRule: RuleFactory<"alpha" | "gamma"> = rule({
  name: "gdtuo.rmsprop",
  hyperparameters: { alpha: real(0.01), gamma: real(0.99) },
  state: { s: 0 },
  update(x) {
    const s = movingAverage(x.s, x.g.square(), x.gamma);
    return { p: x.p.sub(x.g.div(s.add(1e-8).sqrt()).mul(x.alpha)), s };
  },
});

const adagradRule: RuleFactory<"alpha"> = rule({
  name: "gdtuo.adagrad",
  hyperparameters: { alpha: real(0.01) },
  state: { total: 0.1 },
  update({ p, g, total: before, alpha }) {
    const total = before.add(g.square());
    return { p: p.sub(g.div(total.add(1e-10).sqrt()).mul(alpha)), total };
  },
});

/** Settings of which those named are learned by `by`, each in its coordinate; without `by`, numbers all. */
function stacked<Name extends string>(
  settings: Readonly<Record<Name, number>>,
  by: Spec | undefined,
  coordinates: { readonly [N in Name]?: CoordinateName },
): Record<Name, Setting> {
  if (by === undefined) return { ...settings };
  const byName = Object.entries<number>(settings).map(([name, value]): [string, Setting] => {
    const coordinate = coordinates[name as Name];
    return [name, coordinate ? learned(value, by, { in: coordinate }) : value];
  });
  return Object.fromEntries(byName) as Record<Name, Setting>;
}

/** Hyperparameters of `gdtuo.sgd` at the start. */
export interface SgdOptions {
  /** Learning rate α; default 0.01. */
  readonly alpha?: number;
  /** Momentum μ; default 0. At 0 no velocity is kept, and μ is not learned. */
  readonly mu?: number;
}

/**
 * SGD: b ← μb + g; θ ← θ − αb.
 *
 * @param by What learns α and μ; default: nothing.
 * @throws Error for an unknown name or a number that is not finite.
 */
export function sgd({ mu = 0, alpha = 0.01, ...unknown }: SgdOptions = {}, by?: Spec): Spec {
  return mu === 0
    ? sgdRule({ ...unknown, ...stacked({ alpha }, by, { alpha: "identity" }) })
    : sgdWithMomentum({ ...unknown, ...stacked({ alpha, mu }, by, { alpha: "identity", mu: "identity" }) });
}

/** Hyperparameters of `gdtuo.adam` and `gdtuo.adamBaydin` at the start. */
export interface AdamOptions {
  /** Learning rate α; default 0.001. */
  readonly alpha?: number;
  /** Decay β₁ of the first moment, learned as (1 + tanh r)/2; default 0.9. */
  readonly beta1?: number;
  /** Decay β₂ of the second moment, learned as (1 + tanh r)/2; default 0.999. */
  readonly beta2?: number;
  /** log₁₀ ε, which is not learned; default −8. */
  readonly logEps?: number;
}

function adamWith(
  { alpha = 0.001, beta1 = 0.9, beta2 = 0.999, logEps = -8, ...unknown }: AdamOptions,
  by: Spec | undefined,
  coordinates: { readonly [N in "alpha" | "beta1" | "beta2"]?: CoordinateName },
): Spec {
  return adamRule({ ...unknown, ...stacked({ alpha, beta1, beta2, logEps }, by, coordinates) });
}

/**
 * Adam whose second moment starts at ε.
 *
 * @param by What learns α, β₁ and β₂; default: nothing.
 * @throws Error for an unknown name or a number that is not finite.
 */
export function adam(options: AdamOptions = {}, by?: Spec): Spec {
  return adamWith(options, by, { alpha: "identity", beta1: "tanh", beta2: "tanh" });
}

/**
 * The same Adam, of which only α is learned, as by Baydin et al., "Online Learning Rate Adaptation with Hypergradient Descent", ICLR 2018,
 * arXiv 1703.04782.
 *
 * @param by What learns α; default: nothing.
 * @throws Error for an unknown name or a number that is not finite.
 */
export function adamBaydin(options: AdamOptions = {}, by?: Spec): Spec {
  return adamWith(options, by, { alpha: "identity" });
}

/** Hyperparameters of `gdtuo.rmsprop` and `gdtuo.rmspropAlpha` at the start. */
export interface RmspropOptions {
  /** Learning rate α, learned as r²; default 0.01. */
  readonly alpha?: number;
  /** Decay γ of the second moment, learned as (1 + tanh r)/2; default 0.99. */
  readonly gamma?: number;
}

/**
 * RMSProp: s ← γs + (1 − γ)g²; θ ← θ − α·g/√(s + 10⁻⁸).
 *
 * @param by What learns α and γ; default: nothing.
 * @throws Error for an unknown name or a number that is not finite.
 */
export function rmsprop({ alpha = 0.01, gamma = 0.99, ...unknown }: RmspropOptions = {}, by?: Spec): Spec {
  return rmspropRule({ ...unknown, ...stacked({ alpha, gamma }, by, { alpha: "square", gamma: "tanh" }) });
}

/**
 * The same RMSProp, of which only α is learned.
 *
 * @param by What learns α; default: nothing.
 * @throws Error for an unknown name or a number that is not finite.
 */
export function rmspropAlpha({ alpha = 0.01, gamma = 0.99, ...unknown }: RmspropOptions = {}, by?: Spec): Spec {
  return rmspropRule({ ...unknown, ...stacked({ alpha, gamma }, by, { alpha: "square" }) });
}

/** Hyperparameters of `gdtuo.adagrad` at the start. */
export interface AdagradOptions {
  /** Learning rate α; default 0.01. */
  readonly alpha?: number;
}

/**
 * AdaGrad: G ← G + g², from 0.1; θ ← θ − α·g/√(G + 10⁻¹⁰).
 *
 * @param by What learns α; default: nothing.
 * @throws Error for an unknown name or a number that is not finite.
 */
export function adagrad({ alpha = 0.01, ...unknown }: AdagradOptions = {}, by?: Spec): Spec {
  return adagradRule({ ...unknown, ...stacked({ alpha }, by, { alpha: "identity" }) });
}

/** The variable of this name; as a learner's variable a hyperparameter of this name, which is called "*:beta1" there. */
const named = (name: string): RegExp => new RegExp(`(^|:)${name.replace(/[.*+?^${}()|[\]\\/]/g, "\\$&")}(~\\d+)?$`);

/**
 * SGD with a learning rate for each variable by name, or as a learner for each hyperparameter: `gdtuo.sgdPerParam({ alpha: 1e-4, beta1: 0.5 })`
 * learns the α and β₁ of a `gdtuo.adam`. What is not listed stays as it is.
 *
 * @param by What learns the rates; default: nothing.
 * @throws Error for a rate that is not finite, or an empty list; when the first step is taken, for the name of a variable that does not exist.
 */
export function sgdPerParam(rates: Readonly<Record<string, number>>, by?: Spec): Spec {
  const entries = Object.entries(rates);
  if (entries.length === 0) {
    throw new Error("gdtuo.sgdPerParam: there are no rates; expected some by name, such as { alpha: 1e-4 }.");
  }
  return entries.reduceRight(
    (others, [name, alpha]) => choice([named(name)], "gdtuo.sgdPerParam", sgd({ alpha }, by), others),
    frozen(),
  );
}
