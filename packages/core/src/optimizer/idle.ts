/**
 * Learned hyperparameters that nothing can move: building an optimizer with one is no error, but it is said.
 */
import { type Reach, reachesAtOnce, reachOf } from "../plan/reach.js";
import { isLearned, type Learned, ruleSpecsOf, type Spec } from "../rule/spec.js";

/** What was said already. */
const said = new Set<string>();

/** Warns, once in a program, of each hyperparameter whose hyper-gradient is 0 in every step, those of learners included. */
export function warnOfIdle(spec: Spec, path = ""): void {
  for (const ruleSpec of ruleSpecsOf(spec)) {
    for (const [name, setting] of Object.entries(ruleSpec.settings)) {
      if (!isLearned(setting)) continue;
      warnOfIdle(setting.by, `${path}${name}.`);
      if (reachesAtOnce(ruleSpec, name)) continue;
      const reason = idleness(setting, reachOf(ruleSpec, name));
      const warning = `hyper: ${ruleSpec.rule.name}: ${path}${name} is learned, but ${reason}`;
      if (reason === undefined || said.has(warning)) continue;
      said.add(warning);
      console.warn(warning);
    }
  }
}

/** Why a hyperparameter does not move, and what to do; undefined where it can. */
function idleness({ horizon }: Learned, reach: Reach): string | undefined {
  const { step } = reach;
  if (step !== undefined) {
    if (step <= horizon) return undefined;
    return `never moves with a horizon of ${horizon}: the parameter depends on it in the ${ordinal(step)} step at the earliest. Learn it with { horizon: ${step} } or more, or make it a number or a schedule.`;
  }
  const { start } = reach;
  if (start !== undefined) {
    return `only the state before the first step depends on it, which is made before anything is learned: ${horizon < start ? "it never moves" : "it moves in the first steps, and that changes nothing"}. Make it a number.`;
  }
  return "never moves: with these settings, and at its grain, no derivative leads from it to the parameter, over however many steps. Make it a number or a schedule.";
}

const ordinal = (n: number): string => `${n}${{ 2: "nd", 3: "rd" }[n] ?? "th"}`;
