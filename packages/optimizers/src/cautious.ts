/**
 * Cautious masking: no step where it goes against the gradient.
 */
import { maximum, mean, select, type WrapperFactory, wrapper } from "@hypergrad/core";

/** The smallest share of elements by which a step is scaled up: as the official code has it. */
const SMALLEST = 1e-3;

/**
 * Of the step u that the optimizer inside proposes, only the elements that agree with the gradient: u ← u·φ/max(mean φ, 10⁻³) with φ = 1 where u·g < 0 (downhill), else 0; the mean is over
 * the tensor.
 *
 * Liang, Chen, Liu & Liu, "Cautious Optimizers: Improving Training with One Line of Code", 2024, arXiv 2411.16085, Algorithm 1, with the scale of the official code
 * (kyleliang919/C-Optim), where weight decay is masked as well because it is part of the step.
 */
export const cautious: WrapperFactory<never> = wrapper({
  name: "cautious",
  hyperparameters: {},
  state: {},
  update({ p, g, proposed }) {
    const u = proposed.sub(p);
    const mask = select(u.mul(g).less(0), 1, 0);
    return { p: p.add(u.mul(mask).div(maximum(mean(mask, "tensor"), SMALLEST))) };
  },
});
