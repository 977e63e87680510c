/**
 * L2 regularisation: a penalty on the parameters, as part of the loss.
 */
import { nonNegative, type WrapperFactory, wrapper } from "@hypergrad/core";

/**
 * Adds (λ/2)‖θ‖² to the loss: the optimizer inside is given g + λθ, and hyper-gradients are contracted with that too, as they are in hypergradient descent. (The
 * `weightDecay` of a rule is part of its step instead, and its hyper-gradients are those of the loss alone.) `weightDecay` is λ ≥ 0; default 0.01.
 */
export const l2: WrapperFactory<"weightDecay"> = wrapper({
  name: "l2",
  hyperparameters: { weightDecay: nonNegative(1e-2) },
  state: {},
  gradient: ({ p, g, weightDecay }) => g.add(p.mul(weightDecay)),
  objective: ({ p, g, weightDecay }) => g.add(p.mul(weightDecay)),
});
