/**
 * Averages of parameters, to evaluate a model with.
 */
import { belowOne, movingAverage, select, slot, type WrapperFactory, wrapper } from "@hypergrad/core";

/**
 * Keeps the exponential moving average θ̄ ← ρθ̄ + (1 − ρ)θ of the parameters beside any optimizer, which it does not change; `optimizer.swap()` puts the average in their place
 * for evaluation. `decay` is ρ in [0, 1); default 0.999. The average is that of the steps taken, corrected for its start as Adam's moments are.
 *
 * Polyak & Juditsky, "Acceleration of Stochastic Approximation by Averaging", SIAM Journal on Control and Optimization, 1992; with decay as in Tarvainen & Valpola, "Mean teachers are better
 * role models", NeurIPS 2017, arXiv 1703.01780.
 */
export const averaged: WrapperFactory<"decay"> = wrapper({
  name: "averaged",
  hyperparameters: { decay: belowOne(0.999) },
  // How much of the average is parameters and not its start at 0: 1 − ρᵗ where ρ is constant.
  state: { average: 0, weight: slot("tensor", 0) },
  update: ({ proposed, average, weight, decay }) => ({
    p: proposed,
    average: movingAverage(average, proposed, decay),
    weight: movingAverage(weight, 1, decay),
  }),
  evaluation: ({ proposed, average, weight }) => select(weight.greater(0), average.div(weight), proposed),
});
