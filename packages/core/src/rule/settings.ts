/**
 * Settings: what the hyperparameters of a rule are given, checked against their domains.
 */

import { coordinates, inDomain } from "./domain.js";
import type { Rule } from "./rule.js";
import type { RuleSpec, Setting } from "./spec.js";
import { isLearned } from "./spec.js";

/**
 * A rule with its settings; defaults fill what is left out.
 *
 * @throws Error for a name that the rule does not have, a number outside its domain, a coordinate that cannot reach the initial value.
 */
export function specOf(rule: Rule, settings: Readonly<Record<string, Setting | undefined>>): RuleSpec {
  const known = Object.keys(rule.hyperparameters);
  for (const [name, setting] of Object.entries(settings)) {
    if (!known.includes(name)) {
      throw new Error(
        `${rule.name}: there is no hyperparameter "${name}"; it has ${known.length ? known.join(", ") : "none"}.`,
      );
    }
    if (setting !== undefined) checkSetting(rule, name, setting);
  }
  const filled = Object.entries(rule.hyperparameters).map(([name, type]) => [name, settings[name] ?? type.default]);
  return Object.freeze({ kind: "rule", rule, settings: Object.freeze(Object.fromEntries(filled)) });
}

function checkSetting(rule: Rule, name: string, setting: Setting): void {
  const { domain } = rule.hyperparameters[name] as Rule["hyperparameters"][string];
  if (typeof setting === "number") {
    if (!inDomain(setting, domain)) {
      throw new Error(`${rule.name}: ${name} is ${setting}; expected ${domain.description}.`);
    }
  } else if (isLearned(setting)) {
    const { init } = setting;
    if (!inDomain(init, domain)) {
      throw new Error(`${rule.name}: ${name} is learned from ${init}; expected ${domain.description}.`);
    }
    const [low, high] = coordinates[setting.in].range;
    if (!(init > low && init < high)) {
      throw new Error(
        `${rule.name}: ${name} is learned from ${init} in the coordinate "${setting.in}", which reaches only numbers between ${low} and ${high}, ends excluded. Start inside, or use in: "identity".`,
      );
    }
  } else if (typeof setting !== "function") {
    throw new Error(
      `${rule.name}: ${name} is ${JSON.stringify(setting)}; expected a number, a schedule (a function of the step) or learned(…).`,
    );
  }
}
