/**
 * SGD: stochastic gradient descent, with momentum, dampening, Nesterov momentum and coupled weight decay, as torch.optim.SGD defines them.
 */
import {
  belowOne,
  nonNegative,
  type RuleFactory,
  real,
  rule,
  type Setting,
  type Spec,
  select,
  sub,
} from "@hypergrad/core";

const plain: RuleFactory<"lr" | "weightDecay"> = rule({
  name: "sgd",
  hyperparameters: { lr: nonNegative(1e-2), weightDecay: nonNegative(0) },
  state: {},
  update({ p, g, lr, weightDecay }) {
    const decayed = g.add(p.mul(weightDecay));
    return { p: p.sub(decayed.mul(lr)) };
  },
});

function withMomentum(nesterov: boolean): RuleFactory<"lr" | "momentum" | "dampening" | "weightDecay"> {
  return rule({
    name: nesterov ? "sgd (nesterov)" : "sgd (momentum)",
    hyperparameters: {
      lr: nonNegative(1e-2),
      momentum: belowOne(0.9),
      dampening: real(0),
      weightDecay: nonNegative(0),
    },
    state: { velocity: 0 },
    update({ p, g, t, velocity, lr, momentum, dampening, weightDecay }) {
      const decayed = g.add(p.mul(weightDecay));
      // The first gradient enters undampened, as in torch; the velocity before it is 0.
      const fresh = decayed.mul(select(t.equal(1), 1, sub(1, dampening)));
      const b = velocity.mul(momentum).add(fresh);
      const direction = nesterov ? decayed.add(b.mul(momentum)) : b;
      return { p: p.sub(direction.mul(lr)), velocity: b };
    },
  });
}

const momentumRules = { heavyBall: withMomentum(false), nesterov: withMomentum(true) };

/** Hyperparameters of `sgd`; each is a number, a schedule or learned. */
export interface SgdOptions {
  /** Learning rate α ≥ 0; default 0.01. */
  readonly lr?: Setting;
  /** Momentum μ in [0, 1); default 0. The number 0 means no velocity is kept, and then dampening has no effect. */
  readonly momentum?: Setting;
  /** Dampening τ of the gradient that enters the velocity, any number; default 0. */
  readonly dampening?: Setting;
  /** Coupled (L2) weight decay λ ≥ 0; default 0. */
  readonly weightDecay?: Setting;
  /** Look ahead along the velocity; needs momentum. Default false. */
  readonly nesterov?: boolean;
}

/**
 * Stochastic gradient descent:
 *
 *     ĝ = g + λθ;   b ← μb + (1 − τ)ĝ   (the first time b = ĝ);   θ ← θ − αb,   or with Nesterov θ ← θ − α(ĝ + μb)
 *
 * Sutskever, Martens, Dahl & Hinton, "On the importance of initialization and momentum in deep learning", ICML 2013 (for Nesterov's
 * momentum as used here, and the formulation of torch.optim.SGD).
 *
 * @throws Error for an unknown name, a number outside its domain, or `nesterov` without momentum.
 */
export function sgd({ nesterov = false, momentum = 0, dampening, ...settings }: SgdOptions = {}): Spec {
  if (momentum === 0) {
    if (nesterov) throw new Error("sgd: nesterov is true, but momentum is 0; expected a momentum > 0, such as 0.9.");
    // Without a velocity there is nothing to dampen, but a mistake is one here too.
    if (dampening !== undefined) momentumRules.heavyBall({ dampening });
    return plain(settings);
  }
  const factory = nesterov ? momentumRules.nesterov : momentumRules.heavyBall;
  return factory({ ...settings, momentum, ...(dampening === undefined ? {} : { dampening }) });
}
