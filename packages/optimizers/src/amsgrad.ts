/**
 * AMSGrad: Adam, and AdamW, whose second moment never shrinks.
 */
import { maximum, nonNegative, type RuleFactory, rule, type Spec, sub } from "@hypergrad/core";
import { type AdamOptions, adamHyperparameters, adamStep, moments } from "./moments.js";

type AdamRule = RuleFactory<keyof typeof adamHyperparameters | "weightDecay">;

/** With weight decay as part of the gradient. */
const coupled: AdamRule = rule({
  name: "adam (amsgrad)",
  hyperparameters: { ...adamHyperparameters, weightDecay: nonNegative(0) },
  state: { m: 0, v: 0, vMax: 0 },
  update(x) {
    const { m, v } = moments(x.g.add(x.p.mul(x.weightDecay)), x);
    const vMax = maximum(x.vMax, v);
    return { p: x.p.sub(adamStep(m, vMax, x)), m, v, vMax };
  },
});

/** With decoupled weight decay: AdamW's variant. */
export const decoupledAmsgrad: AdamRule = rule({
  name: "adamw (amsgrad)",
  hyperparameters: { ...adamHyperparameters, weightDecay: nonNegative(1e-2) },
  state: { m: 0, v: 0, vMax: 0 },
  update(x) {
    const decayed = x.p.mul(sub(1, x.lr.mul(x.weightDecay)));
    const { m, v } = moments(x.g, x);
    const vMax = maximum(x.vMax, v);
    return { p: decayed.sub(adamStep(m, vMax, x)), m, v, vMax };
  },
});

/**
 * AMSGrad, with moments as in Adam:
 *
 *     v_max ← max(v_max, v);   θ ← θ − α·m̂/(√v̂_max + ε)
 *
 * Reddi, Kale & Kumar, "On the Convergence of Adam and Beyond", ICLR 2018, arXiv 1904.09237, Algorithm 2, with the bias corrections of torch.optim. `adam({ amsgrad: true })` is the same;
 * `adamw({ amsgrad: true })` decouples the weight decay.
 *
 * @throws Error for an unknown name or a number outside its domain.
 */
export function amsgrad(options: Omit<AdamOptions, "amsgrad"> = {}): Spec {
  return coupled(options);
}
