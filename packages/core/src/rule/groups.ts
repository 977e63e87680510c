/**
 * Parameter groups: another optimizer, or other settings, for some of the variables.
 */
import { checkSpec, choice, type Spec } from "./spec.js";
import type { VariablePattern } from "./variable.js";

/** Which variables, and their optimizer. */
export type Group = readonly [which: VariablePattern | readonly VariablePattern[], spec: Spec];

/**
 * An optimizer for each group of variables:
 *
 *     groups([[/bias$|norm/, adamw({ weightDecay: 0 })], [({ shape }) => shape.length === 2, muon()]], adamw())
 *
 * The first group that a variable matches is its group. A learned object, or a learner, that stands in several groups is one for all of them.
 *
 * @param list Names, leading paths ("head" is head/kernel), regular expressions or functions of name and shape, each with an optimizer.
 * @param otherwise For variables that no group matches; `frozen()` keeps them as they are.
 * @throws Error for something that is no optimizer; when the first step is taken: for a pattern that matches no variable.
 */
export function groups(list: readonly Group[], otherwise: Spec): Spec {
  if (!Array.isArray(list) || !list.every((group) => Array.isArray(group) && group.length === 2)) {
    throw new Error(
      `groups: expected a list of pairs, such as [[/bias$/, sgd()]], and an optimizer for all other variables; got ${JSON.stringify(list)}.`,
    );
  }
  checkSpec("groups: otherwise", otherwise);
  return list.reduceRight<Spec>((rest, [which, spec], i) => {
    checkSpec(`groups: group ${i + 1}`, spec);
    return choice(Array.isArray(which) ? which : [which as VariablePattern], "groups", spec, rest);
  }, otherwise);
}
