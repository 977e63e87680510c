/**
 * Gradient clipping: by value, by the norm of each tensor, by the norm of the whole gradient.
 */
import { clamp, type Expr, maximum, positive, sum, type WrapperFactory, wrapper } from "@hypergrad/core";

/** g shortened to a norm of at most c. */
const shortened = (g: Expr<"element">, norm: Expr, c: Expr): Expr<"element"> => g.mul(c.div(maximum(norm, c)));

/** Every element of the gradient is moved into [−`maxValue`, `maxValue`], > 0; default 1. The hyper-gradient is that of the unclipped loss. */
export const clipByValue: WrapperFactory<"maxValue"> = wrapper({
  name: "clipByValue",
  hyperparameters: { maxValue: positive(1) },
  state: {},
  gradient: ({ g, maxValue }) => clamp(g, maxValue.neg(), maxValue),
});

/** The gradient of each tensor is shortened to an L2 norm of `maxNorm`, > 0, where it is longer; default 1. */
export const clipByNorm: WrapperFactory<"maxNorm"> = wrapper({
  name: "clipByNorm",
  hyperparameters: { maxNorm: positive(1) },
  state: {},
  gradient: ({ g, maxNorm }) => shortened(g, sum(g.square(), "tensor").sqrt(), maxNorm),
});

/**
 * The gradient of all variables together, those of one step that this stands around, is shortened to an L2 norm of `maxNorm`, > 0, where it is longer; default 1.
 *
 * Pascanu, Mikolov & Bengio, "On the difficulty of training recurrent neural networks", ICML 2013, arXiv 1211.5063, Algorithm 1.
 */
export const clipByGlobalNorm: WrapperFactory<"maxNorm"> = wrapper({
  name: "clipByGlobalNorm",
  hyperparameters: { maxNorm: positive(1) },
  state: {},
  totals: { squares: ({ g }) => sum(g.square(), "tensor") },
  gradient: ({ g, squares, maxNorm }) => shortened(g, squares.sqrt(), maxNorm),
});
