/**
 * What the schedules of a level say: in the coming step, and in the last one.
 */
import { inDomain } from "../rule/domain.js";
import type { Rule } from "../rule/rule.js";
import type { Schedule } from "../rule/schedule.js";
import type { RuleSpec } from "../rule/spec.js";

type Values = ReadonlyMap<string, number>;

/** The values of schedules by rule and hyperparameter. */
export class Timetable {
  /** Of the coming step, and of the last one: who takes the step makes the one the other. */
  next: ReadonlyMap<RuleSpec, Values> = new Map();
  last: ReadonlyMap<RuleSpec, Values> = new Map();

  /**
   * Evaluates all schedules for the coming step.
   *
   * @param step Steps taken so far.
   * @throws Error where a schedule leaves the domain of its hyperparameter; the values stay as they were.
   */
  prepare(specs: Iterable<RuleSpec>, step: number): void {
    this.next = new Map([...specs].map((spec) => [spec, valuesAt(spec, step)]));
  }

  /** The values of a rule's schedules in the coming step. */
  coming(spec: RuleSpec): Values {
    return this.next.get(spec) ?? new Map();
  }

  /**
   * A schedule's value in the last step.
   *
   * @param steps Steps taken so far.
   */
  inLastStep(spec: RuleSpec, name: string, schedule: Schedule, steps: number): number {
    // After a restore no step was taken yet: the schedule says what its value was.
    return this.last.get(spec)?.get(name) ?? schedule(Math.max(0, steps - 1));
  }
}

function valuesAt({ rule, settings }: RuleSpec, step: number): Values {
  const values = new Map<string, number>();
  for (const [name, setting] of Object.entries(settings)) {
    if (typeof setting !== "function") continue;
    const value = setting(step);
    const { domain } = rule.hyperparameters[name] as Rule["hyperparameters"][string];
    if (!inDomain(value, domain)) {
      throw new Error(
        `${rule.name}: the schedule of ${name} gives ${value} at step ${step}; expected ${domain.description}.`,
      );
    }
    values.set(name, value);
  }
  return values;
}
