/**
 * Fast Trainable Projection: any optimizer, kept near the pre-trained weights.
 *
 * What the base optimizer proposes is projected, row by row, onto a ball around the pre-trained value, and the ball's radius is a
 * hyperparameter like any other: learned by its one-step hyper-gradient.
 */
import {
  type ChannelAxis,
  clamp,
  type Expr,
  type GivenTensor,
  isLearned,
  learned,
  max,
  minimum,
  type Operand,
  positive,
  type Rule,
  ruleFactory,
  type Setting,
  type Spec,
  select,
  slot,
  stopGradient,
  straightThrough,
  sum,
  type VariablePattern,
  withChannelAxis,
} from "@hypergrad/core";
import { baseSpec, checkNames, choice, mapRuleSpecs, toExpr } from "@hypergrad/core/internal";
import { adam } from "@hypergrad/optimizers";
import type * as tf from "@tensorflow/tfjs-core";

/** Added to every norm, and the smallest radius: the official code's constants. */
const EPS = 1e-8;

/** The norms of the paper's family, of an offset c: one per row, and the largest of them. */
const norms = {
  /** MARS, maximum absolute row sum: the L1 norm of every row (output channel). */
  mars(c: Expr<"element">) {
    const n = sum(c.abs(), "channel").add(EPS);
    return { n, largest: max(n, "tensor") };
  },
  /** The L2 norm of the whole tensor, which is then one row. */
  l2(c: Expr<"element">) {
    const n = sum(c.square(), "tensor").sqrt().add(EPS);
    return { n, largest: n };
  },
};

/** How `ftp` projects. */
export interface FtpOptions {
  /**
   * The radius, one per tensor, in the units of the norm: learned (default: from 1e-8 by `adam({ lr: 1e-2 })`), a schedule or a number > 0. The radius rises by about its
   * learner's lr per step at most, whatever the base optimizer's is: in small nets and short runs it is the hyperparameter that matters.
   */
  readonly radius?: Setting;
  /** Annealing in [0, 1]: what a hyper-gradient that would shrink the radius is multiplied by. 1 (default) constrains most, 0 never shrinks. A learned `radius` with a `gradient` of its own has that instead. */
  readonly k?: number;
  /** Variables that take the base step alone, such as a new head that has no pre-trained value: names, leading paths ("head" is head/kernel), regular expressions or functions of the variable. */
  readonly exclude?: VariablePattern | readonly VariablePattern[];
  /** The pre-trained values: "initial" (default) takes each variable's value at its first step; "zeros" (for LoRA's deltas); or tensors by variable name. */
  readonly anchor?: "initial" | "zeros" | Readonly<Record<string, GivenTensor>>;
  /** Which axes name a row, by variable name or as a function of name and shape. Default: the last axis; the rows of embeddings and depthwise kernels of tf.layers are tokens and pairs of (channel, multiplier). See `ChannelAxis`. */
  readonly channelAxis?: ChannelAxis;
  /** "mars" (default): the L1 norm of every row. "l2": the L2 norm of the whole tensor. */
  readonly norm?: "mars" | "l2";
  /** True (default), as the official code: the hyper-gradient ignores that a row inside the ball is not scaled. False: such rows contribute nothing. */
  readonly straightThrough?: boolean;
}

/** The base rule, its proposal projected. */
function projected(
  base: Rule,
  { anchor = "initial", norm = "mars", straightThrough: ignoresCap = true }: FtpOptions,
): Rule {
  // Part of the name, so that a checkpoint of one variant is not taken for another's.
  const variant = `${norm === "mars" ? "" : `, ${norm}`}${ignoresCap ? "" : ", masked"}`;
  return {
    ...base,
    name: `ftp(${base.name}${variant})`,
    hyperparameters: { ...base.hyperparameters, radius: positive(EPS, { per: "tensor" }) },
    state: {
      ...base.state,
      anchor: slot(
        "element",
        anchor === "initial" ? ({ p }) => p as Expr : anchor === "zeros" ? 0 : { given: anchor, called: "ftp: anchor" },
      ),
    },
    update(x) {
      const proposed = base.update(x);
      const anchor = x.anchor as Expr<"element">;
      const radius = x.radius as Expr<"tensor">;

      const c = toExpr(proposed.p as Operand).sub(anchor);
      const { n, largest } = norms[norm](c);
      // Straight through the clip, and unless masked through the cap at 1: for the radius's own derivative alone, ∂/∂γ (γ/n)c = c/n.
      // Nothing is lost by stopping at the upper bound: where it is what counts, every row is scaled by 1. (And a rate per channel stays diagonal.)
      const clipped = clamp(stopGradient(radius), EPS, stopGradient(largest));
      const scale = ignoresCap
        ? minimum(1, clipped.div(n)).add(straightThrough(0, radius.div(stopGradient(n))))
        : minimum(1, clipped.add(straightThrough(0, radius)).div(n));
      return { ...proposed, p: anchor.add(c.mul(scale)), anchor, radius: clipped };
    },
    ...(base.evaluation && {
      // An average of proposals may lie outside the ball.
      evaluation(x) {
        const anchor = x.anchor as Expr<"element">;
        const c = toExpr((base.evaluation as NonNullable<Rule["evaluation"]>)(x)).sub(anchor);
        return anchor.add(c.mul(minimum(1, (x.radius as Expr).div(norms[norm](c).n))));
      },
    }),
  };
}

/** The radius as a setting: annealed, and learned per tensor unless said otherwise. */
function annealed(radius: Setting, k: number): Setting {
  if (!isLearned(radius)) return radius;
  const { per = "tensor", gradient = (d: Expr) => select(d.greater(0), d.mul(k), d) } = radius;
  return Object.freeze({ ...radius, per, gradient });
}

/**
 * Fast Trainable Projection around any optimizer:
 *
 *     c = θ̃ − θ₀;   n_i = ‖c_i‖₁ + 10⁻⁸ for every row i;   γ ← clip(Adam(γ, d), 10⁻⁸, max n);   θ_i ← θ₀,i + min(1, γ/n_i)·c_i
 *
 * with θ̃ what the base optimizer proposes, weight decay included, and d = Σ_i ⟨g_i, c_i/n_i⟩ of the step before, annealed by k.
 *
 * Tian, Liu, Smith & Kira, "Fast Trainable Projection for Robust Fine-Tuning", NeurIPS 2023, arXiv 2310.19182, Algorithm 1; trajectories
 * equal those of the official code (GT-RIPL/FTP). The first step puts every projected tensor onto its anchor.
 *
 * @param base The optimizer to project: a spec, with whatever it learns, or an existing tf.Optimizer such as tf.train.adam(1e-4).
 * @returns A spec, for `hyper`.
 * @throws Error for k outside [0, 1], a radius ≤ 0, an unknown norm; when the first step is taken: for a pattern in `exclude` that matches no
 *   variable, and for an anchor without a tensor for a variable or with another shape.
 */
export function ftp(base: Spec | tf.Optimizer, options: FtpOptions = {}): Spec {
  const {
    radius = learned(EPS, adam({ lr: 1e-2 })),
    k = 1,
    exclude = [],
    channelAxis,
    norm = "mars",
    anchor,
  } = options;
  checkNames("ftp", options, ["radius", "k", "exclude", "anchor", "channelAxis", "norm", "straightThrough"]);
  if (!(typeof k === "number" && k >= 0 && k <= 1)) {
    throw new Error(`ftp: k is ${typeof k === "number" ? k : JSON.stringify(k)}; expected a number from 0 to 1.`);
  }
  if (!Object.hasOwn(norms, norm)) throw new Error(`ftp: norm is ${JSON.stringify(norm)}; expected "mars" or "l2".`);
  if (anchor !== undefined && anchor !== "initial" && anchor !== "zeros" && !(typeof anchor === "object" && anchor)) {
    throw new Error(`ftp: anchor is ${JSON.stringify(anchor)}; expected "initial", "zeros" or a record of tensors.`);
  }
  const inside = baseSpec(base);
  const setting = annealed(radius, k);
  const projectedSpec = mapRuleSpecs(inside, ({ rule, settings }) => {
    if ("radius" in rule.hyperparameters || "anchor" in rule.state) {
      throw new Error(`ftp: the base ${rule.name} has a radius or an anchor already; expected an optimizer without.`);
    }
    return ruleFactory(projected(rule, options))({ ...settings, radius: setting });
  });
  const patterns = Array.isArray(exclude) ? exclude : [exclude as VariablePattern];
  const spec = patterns.length === 0 ? projectedSpec : choice(patterns, "ftp: exclude", inside, projectedSpec);
  return channelAxis !== undefined ? withChannelAxis(spec, channelAxis) : spec;
}
