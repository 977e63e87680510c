/**
 * `checkHypergradients`: what the optimizer applies as a hyper-gradient against its definition.
 *
 * The definition needs no derivative: a schedule moves the hyperparameter in one step alone, or in as many as the horizon covers, and the
 * parameters after that step, contracted with the next gradient, are differenced.
 */
import fc from "fast-check";
import { finer, type Grain, grains } from "../expression/grain.js";
import { learned } from "../rule/learned.js";
import { ruleSpecsOf, type Setting } from "../rule/spec.js";
import {
  type Case,
  contracted,
  contractedWith,
  type Differenced,
  differenced,
  type Expected,
} from "./finite-differences.js";
import { grainFor, grainsOf, plans } from "./learning.js";
import { about, Mismatch, pair } from "./mismatch.js";
import { initProgram } from "./plain.js";
import { inTurn, ordinaryKinds, problems } from "./problems.js";
import { coversOf, plainCoordinates, reveal, runFloat64, unbounded, valuesAt } from "./reveal.js";
import { roundCases } from "./round.js";
import { type CheckOptions, checkEach } from "./run.js";
import { drawnFor, type Subject, subjectOf, type Testable, unchecked } from "./subject.js";

/** How hyper-gradients are checked. */
export interface HypergradientOptions extends CheckOptions {
  /** Hyperparameters whose hyper-gradient is meant to be another one than that of the step: `straightThrough` is used on purpose. They are left out. */
  readonly straightThrough?: readonly string[];
  /** How many steps hyper-gradients look back, as in `learned`: 1 (default), a whole number above, or Infinity. */
  readonly horizon?: number;
  /** Hyperparameters that act on later steps only, so that their one-step hyper-gradient is 0 as it should be. */
  readonly delayed?: readonly string[];
}

/** How the comparisons went: the sum is everything that was looked at. */
export interface HypergradientReport {
  /** Hyper-gradients that were compared. */
  readonly compared: number;
  /** Points where the rule has no derivative: the differences to the left and to the right do not agree. */
  readonly kinks: number;
  /** Points that finite differences do not resolve, because rounding hides the derivative. */
  readonly unresolved: number;
  /** Cases that were tried. */
  readonly cases: number;
  /** What was not checked, and why: empty where all was. */
  readonly unchecked: readonly string[];
}

/** What was found out about one hyperparameter. */
interface Found {
  compared: number;
  kinks: number;
  /** True where its hyper-gradient was other than 0. */
  moved: boolean;
}

type Counts = { -readonly [K in "compared" | "kinks" | "unresolved"]: number };

/** One hyperparameter, and what its hyper-gradients should be at a grain. */
interface Wanted extends Differenced {
  readonly per: Grain;
  readonly sums: ReadonlyMap<string, Expected>;
  readonly largest: number;
  /** How exact a derivative is that the optimizer works out, relative to the sum of the sizes of its terms. */
  readonly precision: number;
  /** What revealed hyper-gradients are multiplied with, so that every coordinate can hold them. */
  readonly scale: number;
}

function wantedAt(
  subject: Subject,
  { problem, values, horizon }: Case,
  grain: Grain,
  all: readonly Differenced[],
): Wanted[] {
  const g = contractedWith(subject, problem, values, problem.steps - 1);
  const precision = subject.onTensors === undefined ? 1e-11 : 1e-3;
  return all.map((each) => {
    const per = grainFor(subject, each.name, grain, horizon);
    const sums = contracted(each, g, coversOf(problem, per));
    const finite = [...sums.values()].filter(({ error }) => Number.isFinite(error));
    const largest = Math.max(...finite.map(({ d, error, floor }) => Math.abs(d) + error + 1e-12 * floor), 2 ** -500);
    const scale = each.coordinate === "identity" ? 1 : 2 ** -Math.ceil(Math.log2(largest));
    return { ...each, per, sums, largest, precision, scale };
  });
}

/** Compares the hyper-gradients of some hyperparameters that are learned together, at one grain or the finest that each allows. */
function compareAt(
  subject: Subject,
  one: Case,
  all: readonly Differenced[],
  grain: Grain,
  counts: Counts,
  found: Map<string, Found>,
): void {
  const { problem, values, horizon } = one;
  const k = problem.steps - 1;
  const expected = wantedAt(subject, one, grain, all);
  const settings = expected.map(({ name, coordinate, per, scale }): [string, Setting] => {
    const by = reveal({ scale: (t) => (t === k ? scale : 0), offset: plainCoordinates[coordinate].offset });
    return [name, learned(values[name] as number, by, { per, in: coordinate, gradient: (d) => d, horizon })];
  });
  const after = runFloat64(unbounded(subject.build({ ...values, ...Object.fromEntries(settings) })), problem, k + 1);
  for (const wanted of expected) {
    const { name, coordinate, per, scale } = wanted;
    const { inverse, offset } = plainCoordinates[coordinate];
    const mine = found.get(name) ?? { compared: 0, kinks: 0, moved: false };
    found.set(name, mine);
    const revealed = valuesAt(after, problem, name, per);
    for (const [cover, sum] of wanted.sums) {
      const applied = (inverse(revealed.get(cover) as number) - offset) / scale;
      const refused = after.refusedHyperGradients > 0 ? " (of those it would apply, some are not finite)" : "";
      compareOne(wanted, `${cover} after step ${k}${refused}`, sum, applied, counts, mine);
    }
  }
}

/** Compares one hyper-gradient. */
function compareOne(
  { name, per, coordinate, largest, precision }: Wanted,
  where: string,
  { d, error, magnitude, floor }: Expected,
  applied: number,
  counts: Counts,
  mine: Found,
): void {
  if (!Number.isFinite(error)) {
    counts.kinks++;
    mine.kinks++;
    return;
  }
  if (error > 1e-2 * magnitude && error > 1e-9 * floor) {
    counts.unresolved++;
    return;
  }
  counts.compared++;
  mine.compared++;
  if (Math.abs(d) > 10 * error || applied !== 0) mine.moved = true;
  // Ridders' estimate is itself one; 1 − β multiplies rounding by up to 10³, operators theirs; what is not read off in the identity has lost digits.
  const tolerance = 10 * error + precision * magnitude + (coordinate === "identity" ? 0 : 1e-13 * largest);
  if (Math.abs(applied - d) <= tolerance) return;
  const [is, should] = pair(applied, d);
  throw new Mismatch(
    `the hyper-gradient of ${name}, learned per ${per} in the coordinate "${coordinate}", is wrong for ${where}:\n  the optimizer applies ${is},\n  finite differences give ${should} ${about(tolerance)}.\n  Something of the rule is hidden from the derivative: a stopGradient, a straightThrough or a number read from outside. Where straightThrough is meant, pass straightThrough: ["${name}"]`,
    applied,
    d,
  );
}

/** All grains at which one of the hyperparameters can be learned, each once. */
const grainsOfAll = (subject: Subject, names: readonly string[], horizon: number): readonly Grain[] => {
  const finest = names.map((name) => grainsOf(subject, name, horizon).at(-1) as Grain);
  return grains.filter((grain) => !finest.every((each) => finer(grain, each)));
};

function compare(
  subject: Subject,
  one: Case,
  leftOut: readonly string[],
  counts: Counts,
  found: Map<string, Found>,
): void {
  const { problem, values, horizon } = one;
  const all = Object.keys(values).flatMap((name, i) => (leftOut.includes(name) ? [] : [differenced(subject, one, i)]));
  for (const grain of grainsOfAll(
    subject,
    all.map(({ name }) => name),
    horizon,
  )) {
    const settings = all.map(({ name }): [string, Setting] => [
      name,
      learned(values[name] as number, reveal(), { per: grainFor(subject, name, grain, horizon), horizon }),
    ]);
    // Together, as far as the rule allows it.
    const together = plans(unbounded(subject.build({ ...values, ...Object.fromEntries(settings) })));
    for (const group of together ? [all] : all.map((each) => [each])) {
      compareAt(subject, { ...one, problem }, group, grain, counts, found);
    }
  }
}

/**
 * Checks that the hyper-gradient of every hyperparameter, at every grain at which it can be learned and in every coordinate that reaches it, is what
 * finite differences of the step give. It runs in float64 and needs no backend.
 *
 * Points where the rule has a kink have no derivative: they are recognised and counted, as are those that rounding hides.
 *
 * @param rule What `rule(…)` returned, a spec, or `{ name, build, values }`.
 * @param options By default 30 cases with the seed 1. About a second for a rule of five hyperparameters, on one core.
 * @throws CheckFailure with the simplest case found, both numbers, and the call that reproduces it.
 * @throws Error where so little was compared that the check means nothing, and for a hyperparameter whose hyper-gradient is always 0; for a horizon above 1, where a tensor rule remembers tensors.
 */
export function checkHypergradients(rule: Testable, options: HypergradientOptions = {}): HypergradientReport {
  const check = "checkHypergradients";
  const { straightThrough = [], delayed = [], horizon = 1 } = options;
  const subject = subjectOf(check, rule, options.values);
  for (const name of [...straightThrough, ...delayed]) {
    if (!(name in subject.values)) {
      throw new Error(
        `${check}: ${subject.name} has no hyperparameter "${name}"; it has ${Object.keys(subject.values).join(", ")}.`,
      );
    }
  }
  const counts: Counts = { compared: 0, kinks: 0, unresolved: 0 };
  const found = new Map<string, Found>();
  const asked = { maxVariables: 2, minSteps: startsFrom(subject) ? 3 : 2, ...options.problems };
  // TensorFlow.js squares what it divides by in a derivative, so that sizes which rules must bear are too much for it in float32.
  const ordinary = subject.onTensors === undefined ? {} : { kinds: ordinaryKinds };
  const drawn = drawnFor(check, subject, { ...ordinary, ...asked });
  if (horizon > 1 && subject.remembers !== undefined) {
    throw new Error(
      `${check}: ${subject.remembers} remembers tensors, through which nothing is differentiated: hyper-gradients that look back ${horizon} steps leave out what goes that way. Check them with horizon: 1.`,
    );
  }
  for (const name of Object.keys(subject.values)) grainsOf(subject, name, horizon);
  const { whole, ...progress } = checkEach<Case>(
    {
      check,
      of: subject.name,
      options,
      runs: 30,
      cases: (turn) =>
        fc.record({
          problem: problems(inTurn(turn, drawn)),
          values: fc.record({ ...subject.values }),
          coordinate: fc.nat({ max: 59 }),
          horizon: fc.constant(horizon),
        }),
      simpler: (failing) =>
        [...roundCases(subject, failing, asked)].map((one) => ({ ...one, coordinate: "identity", horizon })),
    },
    (one) => compare(subject, one, straightThrough, counts, found),
  );
  if (whole) expectEnough(subject, counts, found, straightThrough, delayed);
  return {
    ...counts,
    ...progress,
    unchecked: [...progress.unchecked, ...unchecked.small(subject), ...unchecked.sizes(subject)],
  };
}

/** True where a slot's first value depends on a hyperparameter: what is moved in the first step would move that too. */
const startsFrom = ({ build, example, values }: Subject): boolean =>
  ruleSpecsOf(build(example)).some(({ rule }) =>
    initProgram(rule, "inputs").instructions.some(({ kind }) => kind.op === "input" && kind.name in values),
  );

function expectEnough(
  { name, values }: Subject,
  counts: Counts,
  found: ReadonlyMap<string, Found>,
  straightThrough: readonly string[],
  delayed: readonly string[],
): void {
  for (const of of Object.keys(values)) {
    if (straightThrough.includes(of)) continue;
    const { compared = 0, kinks = 0, moved = false } = found.get(of) ?? {};
    if (compared === 0 || (!moved && kinks > 0 && !delayed.includes(of))) {
      throw new Error(
        `checkHypergradients: ${name}: nothing could be compared for ${of}: ${JSON.stringify(counts)}. The rule has a kink wherever it was looked at, or is not finite; give other values: { ${of}: … }, or more runs.`,
      );
    }
    if (!moved && !delayed.includes(of)) {
      throw new Error(
        `checkHypergradients: ${name}: the hyper-gradient of ${of} is 0 in all of ${compared} comparisons, so it can never be learned: the new p does not depend on ${of} within a step. Use the fresh value of a state slot that ${of} enters; where it is meant to act later, pass delayed: ["${of}"].`,
      );
    }
  }
  const all = counts.compared + counts.kinks + counts.unresolved;
  if (counts.compared < all / 2) {
    throw new Error(
      `checkHypergradients: ${name}: less than half could be compared: ${JSON.stringify(counts)}. Give values and problems at which the rule is smooth.`,
    );
  }
}
