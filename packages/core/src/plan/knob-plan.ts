/**
 * What is worked out in advance for one learned hyperparameter: how its hyper-gradient reaches the learner, and how what the learner
 * makes of it becomes the hyperparameter again.
 */

import { clamp, type Expr, input, maximum, minimum, type Operand, select, toExpr } from "../expression/expression.js";
import type { Grain } from "../expression/grain.js";
import { readingConditions } from "../expression/node.js";
import { compile, type Program } from "../expression/program.js";
import { type Coordinate, coordinates, type Domain, reachable } from "../rule/domain.js";
import type { Hyperparameter } from "../rule/rule.js";
import type { Learned } from "../rule/spec.js";

/** What the programs of learned values are called. */
const LEARNED = "learned values";

/** A sensitivity that is held from one step to the next. */
interface Held {
  /** Under which it is held, and saved. */
  readonly key: string;
  /** What programs call it, as an input and as an output. */
  readonly name: string;
}

/** A learned hyperparameter of a plan. */
export interface LearnedHyperparameter {
  readonly name: string;
  /** The inputs and outputs of programs that belong to it. */
  readonly inputs: { readonly raw: string; readonly carry: string };
  readonly outputs: { readonly written: string };
  /** The parts of its hyper-gradient by what `transform` calls them: outputs of the plan's `contract`, each a sum over what one value covers. */
  readonly parts: readonly (readonly [part: string, output: string])[];
  /** The sensitivity of the parameter, then those of the state slots that a horizon above 1 carries along. */
  readonly held: readonly [Held, ...Held[]];
  readonly learned: Learned;
  readonly per: Grain;
  readonly coordinate: Coordinate;
  readonly domain: Domain;
  /**
   * From the number `raw` that the learner proposes, and the raw number `before` and the `value` so far: the hyperparameter `value`, inside its domain and its trust region,
   * and `raw` moved along where that clipped it. Both are as they were where the learner went to NaN or infinity.
   */
  readonly lift: Program;
  /** From `raw`, `value` and the value `written` by the rule: both as the rule wants them. Undefined where the rule writes nothing back. */
  readonly writeBack: Program | undefined;
  /** From the parts to what the learner sees, `d`; undefined where that is the one part `d` itself. */
  readonly transform: Program | undefined;
}

/** The largest float32: a learned value stays finite on every executor. */
const largest = (2 - 2 ** -23) * 2 ** 127;

/** h moved to where it may be. */
function bounded(h: Expr, [low, high]: readonly [number, number]): Expr {
  return clamp(h, Math.max(low, -largest), Math.min(high, largest));
}

/** The same; `otherwise` where h is not finite. */
function kept(h: Expr, bounds: readonly [number, number], otherwise: Expr): Expr {
  return select(h.sub(h).equal(0), bounded(h, bounds), otherwise);
}

/** h moved to where it differs from `before` by a share of it at most. */
function trusted(h: Expr, before: Expr, share: number): Expr {
  if (share === Number.POSITIVE_INFINITY) return h;
  const reach = before.abs().mul(share);
  return minimum(maximum(h, before.sub(reach)), before.add(reach));
}

function liftProgram(coordinate: Coordinate, domain: Domain, maxChange: number): Program {
  const [raw, before, value] = [input("raw", "element"), input("before", "element"), input("value", "element")];
  const bounds = reachable(domain, coordinate);
  if (coordinate.name === "identity") {
    const moved = trusted(kept(raw, bounds, before), before, maxChange);
    return compile({ raw: moved, value: moved }, LEARNED);
  }
  const free = toExpr(coordinate.forward(raw));
  const fresh = trusted(bounded(free, bounds), value, maxChange);
  // A learner that did not move leaves the value as it is, to the last bit: φ(φ⁻¹(h)) is h only up to rounding.
  const follow = (moved: Expr, stay: Expr): Expr =>
    select(raw.sub(raw).equal(0), select(raw.equal(before), stay, moved), stay);
  const lifted = { raw: follow(movedRaw(coordinate, raw, free, fresh), before), value: follow(fresh, value) };
  return compile(lifted, LEARNED);
}

function writeBackProgram(coordinate: Coordinate, domain: Domain): Program {
  const [raw, value] = [input("raw", "element"), input("value", "element")];
  const written = kept(input("written", "element"), reachable(domain, coordinate), value);
  return compile({ raw: movedRaw(coordinate, raw, value, written), value: written }, LEARNED);
}

/** The raw number for `value`, and exactly `raw` where `value` is still what `raw` gives. */
function movedRaw(coordinate: Coordinate, raw: Expr, before: Expr, value: Expr): Expr {
  return coordinate.name === "identity" ? value : select(value.equal(before), raw, coordinate.inverse(value));
}

function transformProgram({ normalise, clip, gradient }: Learned): Program | undefined {
  const part = input("d", "element");
  let d: Expr = part;
  if (normalise) {
    const norms = input("gg", "element").sqrt().mul(input("ss", "element").sqrt());
    // The cosine of an angle: rounding must not take it out of [−1, 1].
    d = select(norms.greater(0), clamp(d.div(norms), -1, 1), 0);
  }
  if (clip < Number.POSITIVE_INFINITY) d = clamp(d, -clip, clip);
  if (gradient) {
    const given = d;
    d = readingConditions("learned: gradient", () => toExpr(gradient(given), "learned: what gradient returns"));
  }
  return d === part ? undefined : compile({ d }, LEARNED);
}

/**
 * Everything of a learned hyperparameter that its rule does not decide.
 *
 * @param carried State slots whose sensitivities are carried along with the parameter's.
 * @param written What the rule writes back, if it does.
 */
export function knobPlan(
  name: string,
  learned: Learned,
  per: Grain,
  { domain }: Hyperparameter,
  carried: readonly string[],
  written: Operand | undefined,
): LearnedHyperparameter {
  const coordinate = coordinates[learned.in];
  return {
    name,
    inputs: { raw: `${name}.raw`, carry: `${name}.carry` },
    outputs: { written: `${name}.written` },
    parts: [
      ["d", `${name}.gradient`],
      ...(learned.normalise
        ? ([
            ["gg", `${name}.gradient²`],
            ["ss", `${name}.sensitivity²`],
          ] as const)
        : []),
    ],
    held: [
      { key: name, name: `${name}.sensitivity` },
      ...carried.map((slot) => ({ key: `${name}#${slot}`, name: `${name}.sensitivity of ${slot}` })),
    ],
    learned,
    per,
    coordinate,
    domain,
    lift: liftProgram(coordinate, domain, learned.maxChange),
    writeBack: written === undefined ? undefined : writeBackProgram(coordinate, domain),
    transform: transformProgram(learned),
  };
}
