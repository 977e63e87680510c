/**
 * Mechanic: any optimizer, without a learning rate.
 */
import {
  clamp,
  type Expr,
  maximum,
  nonNegative,
  positive,
  type Slot,
  slot,
  sum,
  type WrapperFactory,
  wrapper,
} from "@hypergrad/core";

/** The discount factors of the paper: 1 − 10⁻¹, …, 1 − 10⁻⁶. Each has a learner of its own, and the scale is the sum of what they say. */
const betas = [0.9, 0.99, 0.999, 0.9999, 0.99999, 0.999999];

type Scalars = Readonly<Record<string, Expr<"tensor">>>;

const scalars: Readonly<Record<string, Slot<"tensor">>> = Object.fromEntries(
  betas.flatMap((_, i) => ["s", "m", "v", "r"].map((name) => [`${name}${i + 1}`, slot("tensor", 0)])),
);

const total = (xs: readonly Expr<"tensor">[]): Expr<"tensor"> => xs.reduce((a, b) => a.add(b));

/** Σ s_i as it was before this step. */
const scaleOf = (x: object): Expr<"tensor"> =>
  total(betas.map((_, i) => (x as Scalars)[`s${i + 1}`] as Expr<"tensor">));

/**
 * Scales the updates of any optimizer by a factor that it finds itself; the optimizer's own rate then gives only a schedule. With u the updates, Δ = Σ u and the factor s = Σ_i s_i:
 *
 *     θ = θ₁ + s·Δ;   h = −⟨Δ, g + λ·s·‖g‖/(‖θ‖ + ε)·θ⟩   (over all variables)
 *     m_i ← max(β_i·m_i, |h| + ε);   v_i ← β_i²·v_i + h²;   r_i ← β_i·r_i + s_i·clip(h, ±m_i);   s_i ← (s_init·m_i/6 + max(0, r_i))/(√v_i + ε)
 *
 * `sInit` > 0 is the first scale, default 1e-6; `weightDecay` is λ ≥ 0, default 0.01; `eps` > 0, default 1e-8. The six β_i are the paper's.
 *
 * Cutkosky, Defazio & Mehta, "Mechanic: A Learning Rate Tuner", NeurIPS 2023, arXiv 2306.00144, Algorithm 1, with the clipping of h that its authors added later (optax.contrib.mechanize).
 */
export const mechanic: WrapperFactory<"sInit" | "weightDecay" | "eps"> = wrapper({
  name: "mechanic",
  hyperparameters: { sInit: positive(1e-6), weightDecay: nonNegative(1e-2), eps: positive(1e-8) },
  state: { start: slot("element", ({ p }) => p as Expr), delta: 0, ...scalars },
  totals: {
    along: ({ g, delta }) => sum(g.mul(delta), "tensor"),
    inward: ({ p, delta }) => sum(p.mul(delta), "tensor"),
    gradientSquared: ({ g }) => sum(g.square(), "tensor"),
    parameterSquared: ({ p }) => sum(p.square(), "tensor"),
  },
  update(x) {
    const { p, proposed, start, delta, along, inward, gradientSquared, parameterSquared, sInit, weightDecay, eps } = x;
    const decay = weightDecay.mul(scaleOf(x)).mul(gradientSquared.sqrt()).div(parameterSquared.sqrt().add(eps));
    const h = along.add(decay.mul(inward)).neg();
    const next: Record<string, Expr<"tensor">> = {};
    betas.forEach((beta, i) => {
      const [s, m, v, r] = ["s", "m", "v", "r"].map((name) => (x as unknown as Scalars)[`${name}${i + 1}`]) as [
        Expr<"tensor">,
        Expr<"tensor">,
        Expr<"tensor">,
        Expr<"tensor">,
      ];
      const newM = maximum(m.mul(beta), h.abs().add(eps));
      const newV = v.mul(beta * beta).add(h.square());
      const newR = r.mul(beta).add(clamp(h, m.neg(), m).mul(s));
      const wealth = sInit.div(betas.length).mul(newM).add(maximum(0, newR));
      Object.assign(next, {
        [`s${i + 1}`]: wealth.div(newV.sqrt().add(eps)),
        [`m${i + 1}`]: newM,
        [`v${i + 1}`]: newV,
        [`r${i + 1}`]: newR,
      });
    });
    const moved = delta.add(proposed.sub(p));
    return { p: start.add(moved.mul(scaleOf(next))), start, delta: moved, ...next };
  },
});
