/**
 * The specs that the property tests draw from: optimizers with settings of every kind.
 */
import { type CoordinateName, type Grain, learned, type Setting, type Spec } from "@hypergrad/core";
import { adam, adamw, sgd } from "@hypergrad/optimizers";
import fc from "fast-check";
import type { Optimizer } from "./bases.js";
import { coarser, coordinatesFor, finestOf, grains, optimizers, valuesOf } from "./optimizers.js";

/** Something drawn, with a text that says what it is in a counterexample. */
export interface Drawn<T> {
  readonly it: T;
  readonly text: string;
}

const drawn = <T>(it: T, text: string): Drawn<T> => ({ it, text, toString: () => text }) as Drawn<T>;

/**
 * Learners: of one level, or towers of two and three.
 *
 * @param options.normalising Only those that move a hyperparameter by about their rate whatever the size of its hyper-gradient; the others
 *   suit only gradients of ordinary size.
 * @param options.eps Adam's ε: hyper-gradients well below it hardly move anything.
 */
export function learners({
  normalising = false,
  eps = 1e-8,
}: {
  normalising?: boolean;
  eps?: number;
} = {}): fc.Arbitrary<Drawn<Spec>> {
  const middle = adam({
    lr: learned(1e-3, adam({ lr: 1e-2, eps }), { in: "log" }),
    beta2: learned(0.99, adam({ lr: 1e-3, eps })),
    eps,
  });
  const adams = [
    drawn(adam({ lr: 1e-2, eps }), "adam(0.01)"),
    drawn(adamw({ lr: 1e-3, weightDecay: 0.1, eps }), "adamw(0.001)"),
    drawn(adam({ lr: 1e-2, amsgrad: true, eps }), "adam(0.01, amsgrad)"),
    drawn(adam({ lr: (t) => 1e-2 / (1 + t), eps }), "adam(1/t)"),
    drawn(adam({ lr: learned(1e-2, adam({ lr: 1e-3, eps })), eps }), "adam(learned)"),
    drawn(adam({ lr: learned(1e-2, middle), eps }), "adam(learned(learned in log))"),
  ];
  const sgds = [
    drawn(sgd({ lr: 1e-3 }), "sgd(0.001)"),
    drawn(sgd({ lr: 1e-3, momentum: 0.9 }), "sgd(0.001, momentum)"),
    drawn(sgd({ lr: 1e-3, momentum: 0.5, nesterov: true }), "sgd(0.001, nesterov)"),
    drawn(sgd({ lr: learned(1e-3, sgd({ lr: 1e-6 })) }), "sgd(learned)"),
    drawn(
      sgd({ lr: learned(1e-3, sgd({ lr: learned(1e-3, adam({ lr: 1e-2, eps })) }), { in: "log" }) }),
      "sgd(learned(learned))",
    ),
  ];
  return fc.constantFrom(...adams, ...(normalising ? [] : sgds));
}

/** How specs are drawn. */
export interface SpecOptions {
  readonly from?: readonly Optimizer[];
  readonly learners?: fc.Arbitrary<Drawn<Spec>>;
  readonly grains?: readonly Grain[];
  readonly coordinates?: readonly CoordinateName[];
  /** Whether hyperparameters may follow a schedule; default true. */
  readonly schedules?: boolean;
}

/** Specs with settings of every kind: numbers, schedules, and learned ones of every grain and coordinate, some by one learner. */
export function specs({
  from = optimizers,
  learners: by = learners(),
  grains: among = grains,
  coordinates,
  schedules = true,
}: SpecOptions = {}): fc.Arbitrary<Drawn<Spec>> {
  return fc.constantFrom(...from).chain((optimizer) => {
    const names = Object.keys(optimizer.values);
    const one = fc.record({
      how: fc.constantFrom(
        "number",
        ...(schedules ? ["schedule"] : []),
        "learned",
        "learned",
        "learned as the first one",
      ),
      by,
      per: fc.constantFrom(...among),
      coordinate: fc.nat(),
    });
    const all = fc.tuple(valuesOf(optimizer), fc.tuple(...names.map(() => one)));
    return all.map(([values, how]) => {
      const parts = names.map((name, i): [string, Drawn<Setting>] => {
        const value = values[name] as number;
        const { how: kind, by, per: fine, coordinate } = how[i] as (typeof how)[number];
        if (kind === "number") return [name, drawn(value, `${value}`)];
        if (kind === "schedule") {
          return [name, drawn((t: number) => value * (1 - 0.1 * (t % 3)), `schedule from ${value}`)];
        }
        const learner = kind === "learned" ? by : (how[0] as (typeof how)[number]).by;
        const per = coarser(fine, finestOf(optimizer, name));
        const legal = coordinatesFor(value).filter((each) => !coordinates || coordinates.includes(each));
        const within = legal[coordinate % legal.length] as CoordinateName;
        const text = `learned(${value}, ${learner.text}, per ${per}, in ${within})`;
        return [name, drawn(learned(value, learner.it, { per, in: within }), text)];
      });
      const spec = optimizer.build(Object.fromEntries(parts.map(([name, { it }]) => [name, it])));
      return drawn(spec, `${optimizer.name} { ${parts.map(([name, { text }]) => `${name}: ${text}`).join(", ")} }`);
    });
  });
}
