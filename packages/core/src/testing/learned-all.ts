/**
 * A rule whose hyperparameters are all learned at once, by learners that do nothing, little or too much.
 */
import { type Grain, grains } from "../expression/grain.js";
import { learned } from "../rule/learned.js";
import type { Setting, Spec } from "../rule/spec.js";
import { bounded, coordinatesFor, descent, grainFor, plans } from "./learning.js";
import type { Subject } from "./subject.js";

/** Learners: one that does nothing, two that go slowly, alone and with such a one on top, and two that go astray. Each is planned once. */
export const idle: Spec = descent();
export const slow: Spec = bounded({ lr: 1e-3 });
export const slowTower: Spec = bounded({ lr: learned(1e-3, idle) });
export const wild: readonly Spec[] = [descent({ lr: 1e6 }), bounded({ lr: 30 })];

/** All hyperparameters learned, as far as the rule allows it together; a setting for each. */
export function learnedAll(
  subject: Subject,
  { values, rotation }: { readonly values: Readonly<Record<string, number>>; readonly rotation: number },
  by: Spec,
  { grain, leave }: { grain?: Grain; leave?: ReadonlySet<string> } = {},
): Spec {
  const settings: Record<string, Setting> = { ...values };
  const learning = Object.entries(values).flatMap(([name, value], i): [string, Setting][] => {
    if (leave?.has(name)) return [];
    const legal = coordinatesFor(value);
    const per = grainFor(subject, name, grain ?? (grains[(rotation + i) % grains.length] as Grain));
    return [[name, learned(value, by, { per, in: legal[(rotation + i) % legal.length] as "identity" })]];
  });
  const together = subject.build({ ...settings, ...Object.fromEntries(learning) });
  if (plans(together)) return together;
  for (const [name, setting] of learning) {
    if (plans(subject.build({ ...settings, [name]: setting }))) settings[name] = setting;
  }
  return subject.build(settings);
}
