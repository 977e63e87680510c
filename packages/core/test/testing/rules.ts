/**
 * Update rules, each right or with one mistake of the kind that people make, and what they should compute as loops over plain numbers.
 */
import {
  belowOne,
  type Expr,
  minimum,
  movingAverage,
  nonNegative,
  positive,
  type RuleFactory,
  rule,
  slot,
  sub,
  sum,
} from "../../src/index.js";
import type { Reference } from "../../src/testing/index.js";

type Element = Expr<"element">;
type Tensor = Expr<"tensor">;

/** The two moments, the step count, and the hyperparameters of Adam. */
interface AdamParts {
  readonly p: Element;
  readonly g: Element;
  readonly t: Expr<"model">;
  readonly m: Element;
  readonly v: Element;
  readonly lr: Tensor;
  readonly beta1: Tensor;
  readonly beta2: Tensor;
  readonly eps: Tensor;
  readonly weightDecay: Tensor;
}

/** What of AdamW may be replaced by something wrong. */
interface AdamMistakes {
  readonly g?: (x: AdamParts) => Element;
  readonly m?: (x: AdamParts, g: Element) => Element;
  readonly v?: (x: AdamParts, g: Element) => Element;
  /** 1 − β₁ᵗ and 1 − β₂ᵗ. */
  readonly correction1?: (x: AdamParts) => Expr | number;
  readonly correction2?: (x: AdamParts) => Expr | number;
  readonly denominator?: (vHat: Element, x: AdamParts) => Element;
  readonly p?: (x: AdamParts, step: Element) => Element;
  readonly slots?: (m: Element, v: Element) => { m: Element; v: Element };
}

type AdamNames = "lr" | "beta1" | "beta2" | "eps" | "weightDecay";

/** AdamW, Loshchilov & Hutter 2019, Algorithm 2. */
export const adam = (wrong: AdamMistakes = {}): RuleFactory<AdamNames> =>
  rule({
    name: "adam",
    hyperparameters: {
      lr: nonNegative(1e-2),
      beta1: belowOne(0.9),
      beta2: belowOne(0.99),
      eps: positive(1e-8),
      weightDecay: nonNegative(0.01),
    },
    state: { m: 0, v: 0 },
    update(x) {
      const g = wrong.g?.(x) ?? x.g;
      const m = wrong.m?.(x, g) ?? movingAverage(x.m, g, x.beta1);
      const v = wrong.v?.(x, g) ?? movingAverage(x.v, g.square(), x.beta2);
      const mHat = m.div(wrong.correction1?.(x) ?? sub(1, x.beta1.pow(x.t))) as Element;
      const vHat = v.div(wrong.correction2?.(x) ?? sub(1, x.beta2.pow(x.t))) as Element;
      const step = mHat.div(wrong.denominator?.(vHat, x) ?? vHat.sqrt().add(x.eps)).mul(x.lr);
      const p = wrong.p?.(x, step) ?? x.p.mul(sub(1, x.lr.mul(x.weightDecay))).sub(step);
      return { p, ...(wrong.slots?.(m, v) ?? { m, v }) };
    },
  });

/** AdamW as a loop. */
export const adamReference: Reference<AdamNames> = ({ p, g, t, h, state }) => {
  const [m, v] = [state("m"), state("v")];
  for (let i = 0; i < p.length; i++) {
    m[i] = h.beta1 * m[i]! + (1 - h.beta1) * g[i]!;
    v[i] = h.beta2 * v[i]! + (1 - h.beta2) * g[i]! ** 2;
    const mHat = m[i]! / (1 - h.beta1 ** t);
    const vHat = v[i]! / (1 - h.beta2 ** t);
    p[i] = p[i]! - h.lr * h.weightDecay * p[i]! - (h.lr * mHat) / (Math.sqrt(vHat) + h.eps);
  }
};

interface MomentumParts {
  readonly p: Element;
  readonly g: Element;
  readonly velocity: Element;
  readonly lr: Tensor;
  readonly momentum: Tensor;
}

/** SGD with momentum, as torch.optim has it. */
export const momentum = (
  update: (x: MomentumParts, fresh: Element) => { p: Element; velocity: Element } = ({ p, lr }, fresh) => ({
    p: p.sub(fresh.mul(lr)),
    velocity: fresh,
  }),
): RuleFactory<"lr" | "momentum"> =>
  rule({
    name: "momentum",
    hyperparameters: { lr: nonNegative(0.1), momentum: belowOne(0.9) },
    state: { velocity: 0 },
    update: (x) => update(x, x.velocity.mul(x.momentum).add(x.g)),
  });

/** The same as a loop. */
export const momentumReference: Reference<"lr" | "momentum"> = ({ p, g, h, state }) => {
  const velocity = state("velocity");
  for (let i = 0; i < p.length; i++) {
    velocity[i] = h.momentum * velocity[i]! + g[i]!;
    p[i] = p[i]! - h.lr * velocity[i]!;
  }
};

/** RMSProp: Tieleman & Hinton 2012. */
export const rmsprop = ({
  initial = 0,
  denominator = (v: Element, eps: Tensor): Element => v.sqrt().add(eps),
} = {}): RuleFactory<"lr" | "rho" | "eps"> =>
  rule({
    name: "rmsprop",
    hyperparameters: { lr: nonNegative(1e-2), rho: belowOne(0.9), eps: positive(1e-6) },
    state: { v: initial },
    update(x) {
      const v = movingAverage(x.v, x.g.square(), x.rho);
      return { p: x.p.sub(x.g.div(denominator(v, x.eps)).mul(x.lr)), v };
    },
  });

/** The same as a loop. */
export const rmspropReference: Reference<"lr" | "rho" | "eps"> = ({ p, g, h, state }) => {
  const v = state("v");
  for (let i = 0; i < p.length; i++) {
    v[i] = h.rho * v[i]! + (1 - h.rho) * g[i]! ** 2;
    p[i] = p[i]! - (h.lr * g[i]!) / (Math.sqrt(v[i]!) + h.eps);
  }
};

/** Lion: Chen et al. 2023, Algorithm 2. */
export const lion = ({
  decay = (x: { lr: Tensor; weightDecay: Tensor }): Tensor => x.lr.mul(x.weightDecay),
  remembered = (x: { beta1: Tensor; beta2: Tensor }): Tensor => x.beta2,
} = {}): RuleFactory<"lr" | "beta1" | "beta2" | "weightDecay"> =>
  rule({
    name: "lion",
    hyperparameters: {
      lr: nonNegative(1e-3),
      beta1: belowOne(0.9),
      beta2: belowOne(0.99),
      weightDecay: nonNegative(0.1),
    },
    state: { m: 0 },
    update(x) {
      const direction = movingAverage(x.m, x.g, x.beta1).sign();
      const p = x.p.sub(direction.mul(x.lr)).sub(x.p.mul(decay(x)));
      return { p, m: movingAverage(x.m, x.g, remembered(x)) };
    },
  });

/** The same as a loop. */
export const lionReference: Reference<"lr" | "beta1" | "beta2" | "weightDecay"> = ({ p, g, h, state }) => {
  const m = state("m");
  for (let i = 0; i < p.length; i++) {
    const c = h.beta1 * m[i]! + (1 - h.beta1) * g[i]!;
    p[i] = p[i]! - h.lr * (Math.sign(c) + h.weightDecay * p[i]!);
    m[i] = h.beta2 * m[i]! + (1 - h.beta2) * g[i]!;
  }
};

/** A layer-wise rate, per output channel: the size of the parameters over that of their step, as LARS and LAMB have it. */
export const layerwise = ({
  per = "channel" as "channel" | "tensor",
  size = (x: Element, per: "channel" | "tensor"): Expr => sum(x.square(), per as "channel").sqrt(),
} = {}): RuleFactory<"lr" | "eps"> =>
  rule({
    name: "layerwise",
    hyperparameters: { lr: nonNegative(1e-2), eps: positive(1e-3) },
    state: {},
    update({ p, g, lr, eps }) {
      const trust = size(p, per).div(size(g, per).add(eps)) as Expr<"channel">;
      return { p: p.sub(g.mul(trust).mul(lr)) };
    },
  });

/** The same as a loop. */
export const layerwiseReference: Reference<"lr" | "eps"> = ({ p, g, h, channelOf, channels }) => {
  const [ps, gs] = [new Float64Array(channels), new Float64Array(channels)];
  channelOf.forEach((c, i) => {
    ps[c] = ps[c]! + p[i]! ** 2;
    gs[c] = gs[c]! + g[i]! ** 2;
  });
  channelOf.forEach((c, i) => {
    p[i] = p[i]! - (h.lr * g[i]! * Math.sqrt(ps[c]!)) / (Math.sqrt(gs[c]!) + h.eps);
  });
};

interface BallParts {
  readonly c: Element;
  readonly n: Expr<"channel">;
  readonly radius: Tensor;
}

/** A descent that is kept in a ball around the first value, per output channel. */
export const projected = ({
  size = (c: Element): Expr<"channel"> => sum(c.square(), "channel").sqrt(),
  scale = ({ n, radius }: BallParts): Expr => minimum(1, radius.div(n)),
} = {}): RuleFactory<"lr" | "radius"> =>
  rule({
    name: "projected",
    hyperparameters: { lr: nonNegative(0.1), radius: positive(0.2, { per: "tensor" }) },
    state: { anchor: slot("element", ({ p }) => p as Element) },
    update({ p, g, anchor, lr, radius }) {
      const c = p.sub(g.mul(lr)).sub(anchor);
      const n = size(c).add(1e-8);
      return { p: anchor.add(c.mul(scale({ c, n, radius }))) as Element, anchor };
    },
  });

/** The same as a loop. */
export const projectedReference: Reference<"lr" | "radius"> = ({ p, g, t, h, state, channelOf, channels }) => {
  const anchor = state("anchor");
  if (t === 1) anchor.set(p);
  const n = new Float64Array(channels);
  const c = p.map((x, i) => x - h.lr * g[i]! - anchor[i]!);
  channelOf.forEach((channel, i) => {
    n[channel] = n[channel]! + c[i]! ** 2;
  });
  channelOf.forEach((channel, i) => {
    p[i] = anchor[i]! + c[i]! * Math.min(1, h.radius / (Math.sqrt(n[channel]!) + 1e-8));
  });
};
