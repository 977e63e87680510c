/**
 * What a rule's hyperparameters can be, other than numbers: learned at every grain that the rule allows, in every coordinate that reaches the value, by
 * small learners of this package (the core knows no update rule).
 */
import fc from "fast-check";
import { finer, type Grain, grains } from "../expression/grain.js";
import { type RuleFactory, rule } from "../rule/define.js";
import { type CoordinateName, coordinates } from "../rule/domain.js";
import { type LearnedOptions, learned } from "../rule/learned.js";
import { nonNegative } from "../rule/rule.js";
import type { Setting, Spec } from "../rule/spec.js";
import { labelled } from "./cases.js";
import { oracle } from "./oracle.js";
import type { Subject } from "./subject.js";

/** Gradient descent: the learner that can be told to do nothing. */
export const descent: RuleFactory<"lr"> = rule({
  name: "descent",
  hyperparameters: { lr: nonNegative(0) },
  state: {},
  update: ({ p, g, lr }) => ({ p: p.sub(g.mul(lr)) }),
});

/** Steps of at most lr, whatever the size of the hyper-gradient, with a memory: what an adaptive learner is like. */
export const bounded: RuleFactory<"lr"> = rule({
  name: "bounded descent",
  hyperparameters: { lr: nonNegative(1e-2) },
  state: { m: 0 },
  update({ p, g, m: before, lr }) {
    const m = before.mul(0.5).add(g.mul(0.5));
    return { p: p.sub(m.div(m.abs().add(1e-2)).mul(lr)), m };
  },
});

/** The optimizer with one hyperparameter learned. */
const learnedAt = (subject: Subject, name: string, per: Grain, horizon: number): Spec =>
  subject.build({ ...subject.example, [name]: learned(subject.example[name] as number, descent(), { per, horizon }) });

const known = new WeakMap<Subject, Map<string, readonly Grain[]>>();

/**
 * The grains at which a hyperparameter can be learned, from coarse to fine.
 *
 * @param horizon How many steps its hyper-gradient looks back.
 * @throws Error as building the optimizer does, where it cannot be learned for the whole model.
 */
export function grainsOf(subject: Subject, name: string, horizon = 1): readonly Grain[] {
  const cache = known.get(subject) ?? new Map<string, readonly Grain[]>();
  known.set(subject, cache);
  const key = `${name} ${horizon}`;
  let found = cache.get(key);
  if (!found) {
    oracle(learnedAt(subject, name, "model", horizon), {});
    found = grains.filter((per) => {
      try {
        oracle(learnedAt(subject, name, per, horizon), {});
        return true;
      } catch {
        return false;
      }
    });
    cache.set(key, found);
  }
  return found;
}

/** The grain, or the finest at which the hyperparameter can be learned where that is coarser. */
export function grainFor(subject: Subject, name: string, per: Grain, horizon = 1): Grain {
  const finest = grainsOf(subject, name, horizon).at(-1) as Grain;
  return finer(per, finest) ? finest : per;
}

/** The coordinates in which a value can be learned. */
export const coordinatesFor = (value: number): readonly CoordinateName[] =>
  (Object.keys(coordinates) as CoordinateName[]).filter((name) => {
    const [low, high] = coordinates[name].range;
    return value > low && value < high;
  });

/** True where the optimizer can be built. */
export function plans(spec: Spec): boolean {
  try {
    oracle(spec, {});
    return true;
  } catch {
    return false;
  }
}

/** How specs are drawn. */
export interface SpecOptions {
  /** Whether hyperparameters may follow a schedule; default true. */
  readonly schedules?: boolean;
  /** What learned values may cover; default: anything. */
  readonly grains?: readonly Grain[];
  /** Learners that hyper-gradients of any size suit; default true: also plain descent. */
  readonly descents?: boolean;
}

/** How one hyperparameter is set, given its value. */
interface How {
  readonly kind: "number" | "schedule" | "learned";
  readonly by: readonly [name: string, learner: Spec];
  readonly per: Grain;
  /** Chooses among the coordinates that reach the value. */
  readonly coordinate: number;
}

/** A spec, with what it was made of. */
export interface DrawnSpec {
  readonly spec: Spec;
  readonly values: Readonly<Record<string, number>>;
  /** In the order of the values. */
  readonly how: readonly How[];
}

const tower = bounded({ lr: learned(1e-2, bounded({ lr: 1e-3 }), { in: "log" }) });

/** Specs with settings of every kind: numbers, schedules, and learned ones of every grain and coordinate, by learners and towers. */
export function specsOf(
  subject: Subject,
  { schedules = true, grains: among = grains, descents = true }: SpecOptions = {},
): fc.Arbitrary<DrawnSpec> {
  const learners: readonly How["by"][] = [
    ["bounded descent", bounded()],
    ["bounded descent of a learned rate", tower],
    ...(descents ? ([["descent", descent({ lr: 1e-3 })]] as const) : []),
  ];
  const kinds: readonly How["kind"][] = ["number", ...(schedules ? (["schedule"] as const) : []), "learned", "learned"];
  const one: fc.Arbitrary<How> = fc.record({
    kind: fc.constantFrom(...kinds),
    by: fc.constantFrom(...learners),
    per: fc.constantFrom(...among),
    coordinate: fc.nat({ max: 59 }),
  });
  return fc
    .tuple(fc.record({ ...subject.values }), fc.tuple(...Object.keys(subject.values).map(() => one)))
    .map(([values, how]) => specFrom(subject, values, how));
}

/** The spec with these values, set so; what can be learned so alone, but not beside the others, is a number. */
function specFrom(subject: Subject, values: DrawnSpec["values"], how: readonly How[]): DrawnSpec {
  const settings: Record<string, Setting> = {};
  const texts = Object.entries(values).map(([name, value], i) => {
    const { kind, by, per, coordinate } = how[i] as How;
    const [learner, it] = by;
    settings[name] = kind === "schedule" ? (t: number) => value * (1 - 0.1 * (t % 3)) : value;
    if (kind !== "learned") return `${name}: ${kind} ${value}`;
    const legal = coordinatesFor(value);
    const options: LearnedOptions = {
      per: grainFor(subject, name, per),
      in: legal[coordinate % legal.length] as CoordinateName,
    };
    const setting = learned(value, it, options);
    if (!plans(subject.build({ ...values, ...settings, [name]: setting }))) return `${name}: number ${value}`;
    settings[name] = setting;
    return `${name}: learned(${value}, ${learner}, ${JSON.stringify(options)})`;
  });
  return labelled({ spec: subject.build(settings), values, how }, () => `{ ${texts.join(", ")} }`);
}

/** The same hyperparameters with other values: all of them numbers, and set as they were. */
export function* respecified(subject: Subject, { how }: DrawnSpec, values: DrawnSpec["values"]): Iterable<DrawnSpec> {
  if (how.some(({ kind }) => kind !== "number")) {
    yield specFrom(
      subject,
      values,
      how.map((each) => ({ ...each, kind: "number" })),
    );
  }
  yield specFrom(subject, values, how);
}
