/**
 * Totals that several rules have in common.
 */
import type { Plan } from "./plan.js";

/**
 * A total that several rules have in common passes on to each how it changes with what is learned in one: they must all learn it.
 *
 * @throws Error where one does not.
 */
export function checkTotals(plans: readonly Plan[]): void {
  const stagesOf = (plan: Plan) => plan.rounds.flatMap(({ stages }) => stages);
  for (const plan of plans) {
    for (const { name, over, tangents } of stagesOf(plan)) {
      for (const { name: hyperparameter, learned } of plan.learned) {
        if (!tangents.has(hyperparameter)) continue;
        const other = plans.find(
          (each) =>
            stagesOf(each).some((stage) => stage.over === over) &&
            !each.learned.some((its) => its.name === hyperparameter && its.learned === learned),
        );
        if (!other) continue;
        throw new Error(
          `${plan.spec.rule.name}: ${hyperparameter} cannot be learned with a horizon above 1 here. "${name}" adds up over the variables of ${other.spec.rule.name} as well, which come to depend on it but do not learn it. Give both the same learned object, or leave horizon out.`,
        );
      }
    }
  }
}
