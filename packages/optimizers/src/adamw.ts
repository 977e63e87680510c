/**
 * AdamW: Adam whose weight decay is decoupled from the gradient's moments.
 */
import { nonNegative, type RuleFactory, rule, type Spec, sub } from "@hypergrad/core";
import { decoupledAmsgrad } from "./amsgrad.js";
import { type AdamOptions, adamHyperparameters, adamStep, moments } from "./moments.js";

const hyperparameters = { ...adamHyperparameters, weightDecay: nonNegative(1e-2) };

const adamwRule: RuleFactory<keyof typeof hyperparameters> = rule({
  name: "adamw",
  hyperparameters,
  state: { m: 0, v: 0 },
  update(x) {
    const decayed = x.p.mul(sub(1, x.lr.mul(x.weightDecay)));
    const { m, v } = moments(x.g, x);
    return { p: decayed.sub(adamStep(m, v, x)), m, v };
  },
});

/**
 * AdamW: Adam with decoupled weight decay,
 *
 *     θ ← (1 − αλ)θ − α·m̂/(√v̂ + ε)
 *
 * Loshchilov & Hutter, "Decoupled Weight Decay Regularization", ICLR 2019, arXiv 1711.05101, Algorithm 2, with the schedule multiplier
 * inside α, as torch.optim.AdamW has it. With `amsgrad`, see there.
 *
 * @throws Error for an unknown name or a number outside its domain.
 */
export function adamw({ amsgrad = false, ...settings }: AdamOptions = {}): Spec {
  return (amsgrad ? decoupledAmsgrad : adamwRule)(settings);
}
