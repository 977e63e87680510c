/**
 * Frozen variables.
 */
import { type RuleFactory, rule } from "@hypergrad/core";

/** Keeps variables as they are: for `groups`. A step costs nothing but the check that the gradient is finite. */
export const frozen: RuleFactory<never> = rule({
  name: "frozen",
  hyperparameters: {},
  state: {},
  update: ({ p }) => ({ p }),
});
