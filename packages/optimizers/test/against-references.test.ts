/**
 * The rules for which there are no recorded trajectories, against loops written for themselves from the papers, in plain numbers.
 */
import { float64, type Spec } from "@hypergrad/core";
import { adabelief, adan, ademamix, amsgrad, lamb, lars, lion, rprop, sgdw, yogi } from "@hypergrad/optimizers";
import { describe, expect, test } from "vitest";
import { noise } from "../../core/test/support.js";

const STEPS = 20;

/** One variable's step: changes w in place, with the gradient and the number of the step, from 1. */
type Step = (w: number[], g: readonly number[], t: number) => void;
/** A reference, ready for a variable of n elements. */
type Reference = (n: number) => Step;

const zeros = (n: number): number[] => new Array<number>(n).fill(0);
const length = (x: readonly number[]): number => Math.sqrt(x.reduce((total, xi) => total + xi * xi, 0));

/** A reference whose elements do not know of each other: `one` is a new one for each of them. */
const elementwise =
  (one: () => (w: number, g: number, t: number) => number): Reference =>
  (n) => {
    const steps = Array.from({ length: n }, one);
    return (w, g, t) => {
      steps.forEach((step, i) => {
        w[i] = step(w[i] as number, g[i] as number, t);
      });
    };
  };

/** Moments of Adam's kind, one element. */
function adamMoments(b1: number, b2: number) {
  let m = 0;
  let v = 0;
  return (g: number, t: number) => {
    m = b1 * m + (1 - b1) * g;
    v = b2 * v + (1 - b2) * g * g;
    return { mHat: m / (1 - b1 ** t), vHat: v / (1 - b2 ** t), v };
  };
}

const amsgradReference = ({ lr = 1e-3, b1 = 0.9, b2 = 0.999, eps = 1e-8, decay = 0 }): Reference =>
  elementwise(() => {
    const moments = adamMoments(b1, b2);
    let largest = 0;
    return (w, g, t) => {
      const { mHat, v } = moments(g + decay * w, t);
      if (v > largest) largest = v;
      return w - (lr * mHat) / (Math.sqrt(largest / (1 - b2 ** t)) + eps);
    };
  });

const adabeliefReference = ({ lr = 1e-3, b1 = 0.9, b2 = 0.999, eps = 1e-16, decay = 0 }): Reference =>
  elementwise(() => {
    let m = 0;
    let s = 0;
    return (w, g, t) => {
      m = b1 * m + (1 - b1) * g;
      s = b2 * s + (1 - b2) * (g - m) ** 2 + eps;
      const mHat = m / (1 - b1 ** t);
      const sHat = s / (1 - b2 ** t);
      return w - lr * decay * w - (lr * mHat) / (Math.sqrt(sHat) + eps);
    };
  });

/** In the paper's β, of which the decays are one minus. */
const adanReference = ({ lr = 1e-3, b1 = 0.02, b2 = 0.08, b3 = 0.01, eps = 1e-8, decay = 0 }): Reference =>
  elementwise(() => {
    let [m, v, n, last] = [0, 0, 0, 0];
    return (w, g, t) => {
      const change = t === 1 ? 0 : g - last;
      last = g;
      m = (1 - b1) * m + b1 * g;
      v = (1 - b2) * v + b2 * change;
      n = (1 - b3) * n + b3 * (g + (1 - b2) * change) ** 2;
      const mHat = m / (1 - (1 - b1) ** t);
      const vHat = v / (1 - (1 - b2) ** t);
      const nHat = n / (1 - (1 - b3) ** t);
      return (w - (lr * (mHat + (1 - b2) * vHat)) / (Math.sqrt(nHat) + eps)) / (1 + lr * decay);
    };
  });

const lionReference = ({ lr = 1e-4, b1 = 0.9, b2 = 0.99, decay = 0 }): Reference =>
  elementwise(() => {
    let m = 0;
    return (w, g) => {
      const update = Math.sign(b1 * m + (1 - b1) * g);
      m = b2 * m + (1 - b2) * g;
      return w - lr * (update + decay * w);
    };
  });

const yogiReference = ({ lr = 1e-2, b1 = 0.9, b2 = 0.999, eps = 1e-3, start = 1e-6 }): Reference =>
  elementwise(() => {
    let m = 0;
    let v = start;
    return (w, g) => {
      m = b1 * m + (1 - b1) * g;
      v -= (1 - b2) * Math.sign(v - g * g) * g * g;
      return w - (lr * m) / (Math.sqrt(v) + eps);
    };
  });

const rpropReference = ({ lr = 1e-2, shrink = 0.5, grow = 1.2, min = 1e-6, max = 50 }): Reference =>
  elementwise(() => {
    let size = lr;
    let last = 0;
    return (w, g) => {
      if (g * last > 0) size *= grow;
      if (g * last < 0) size *= shrink;
      if (size > max) size = max;
      if (size < min) size = min;
      if (g * last < 0) {
        last = 0;
        return w;
      }
      last = g;
      return g > 0 ? w - size : g < 0 ? w + size : w;
    };
  });

const sgdwReference = ({ lr = 1e-2, mu = 0.9, decay = 1e-4, multiplier = (_t: number) => 1 }): Reference =>
  elementwise(() => {
    let m = 0;
    return (w, g, t) => {
      m = mu * m + multiplier(t) * lr * g;
      return w - m - multiplier(t) * decay * w;
    };
  });

/** With the schedulers as the paper writes them. */
function ademamixReference(
  options: Partial<Record<"b1" | "b2" | "b3" | "alpha" | "eps" | "decay" | "warmup", number>>,
) {
  const { b1 = 0.9, b2 = 0.999, b3 = 0.9999, alpha = 5, eps = 1e-8, decay = 0, warmup } = options;
  const lr = 1e-3;
  return elementwise(() => {
    const moments = adamMoments(b1, b2);
    let slow = 0;
    return (w, g, t) => {
      let [alphaNow, b3Now] = [alpha, b3];
      if (warmup !== undefined) {
        const s = t / warmup;
        alphaNow = Math.min(s * alpha, alpha);
        const exponent = (Math.log(b1) * Math.log(b3)) / ((1 - s) * Math.log(b3) + s * Math.log(b1));
        if (s < 1) b3Now = Math.min(Math.exp(exponent), b3);
      }
      slow = b3Now * slow + (1 - b3Now) * g;
      const { mHat, vHat } = moments(g, t);
      return w - lr * ((mHat + alphaNow * slow) / (Math.sqrt(vHat) + eps) + decay * w);
    };
  });
}

const larsReference =
  ({ lr = 0.1, mu = 0.9, decay = 0, trust = 1e-3 }): Reference =>
  (n) => {
    const v = zeros(n);
    return (w, g) => {
      const [wNorm, gNorm] = [length(w), length(g)];
      const local = wNorm > 0 && gNorm > 0 ? (trust * wNorm) / (gNorm + decay * wNorm) : 1;
      for (let i = 0; i < n; i++) {
        v[i] = mu * (v[i] as number) + lr * local * ((g[i] as number) + decay * (w[i] as number));
        w[i] = (w[i] as number) - (v[i] as number);
      }
    };
  };

const lambReference =
  ({ lr = 1e-3, b1 = 0.9, b2 = 0.999, eps = 1e-6, decay = 0 }): Reference =>
  (n) => {
    const moments = Array.from({ length: n }, () => adamMoments(b1, b2));
    return (w, g, t) => {
      const u = moments.map((step, i) => {
        const { mHat, vHat } = step(g[i] as number, t);
        return mHat / (Math.sqrt(vHat) + eps) + decay * (w[i] as number);
      });
      const [wNorm, uNorm] = [length(w), length(u)];
      const ratio = wNorm > 0 && uNorm > 0 ? wNorm / uNorm : 1;
      u.forEach((ui, i) => {
        w[i] = (w[i] as number) - lr * ratio * ui;
      });
    };
  };

/** Half a wave, as a function of the steps that are done. */
const wave = (t: number): number => 0.5 + 0.5 * Math.cos(t / STEPS);

const cases: readonly [string, Spec, Reference][] = [
  ["amsgrad", amsgrad(), amsgradReference({})],
  [
    "amsgrad, coupled decay",
    amsgrad({ lr: 0.02, beta1: 0.8, beta2: 0.9, eps: 1e-4, weightDecay: 0.1 }),
    amsgradReference({ lr: 0.02, b1: 0.8, b2: 0.9, eps: 1e-4, decay: 0.1 }),
  ],
  ["adabelief", adabelief(), adabeliefReference({})],
  [
    "adabelief, decay",
    adabelief({ lr: 0.02, beta1: 0.8, beta2: 0.9, eps: 1e-8, weightDecay: 0.1 }),
    adabeliefReference({ lr: 0.02, b1: 0.8, b2: 0.9, eps: 1e-8, decay: 0.1 }),
  ],
  ["adan", adan(), adanReference({})],
  [
    "adan, decay",
    adan({ lr: 0.02, beta1: 0.75, beta2: 0.5, beta3: 0.875, eps: 1e-4, weightDecay: 0.1 }),
    adanReference({ lr: 0.02, b1: 0.25, b2: 0.5, b3: 0.125, eps: 1e-4, decay: 0.1 }),
  ],
  ["lion", lion(), lionReference({})],
  [
    "lion, decay",
    lion({ lr: 0.02, beta1: 0.8, beta2: 0.7, weightDecay: 0.1 }),
    lionReference({ lr: 0.02, b1: 0.8, b2: 0.7, decay: 0.1 }),
  ],
  ["lars", lars(), larsReference({})],
  [
    "lars, decay",
    lars({ lr: 0.5, momentum: 0.5, weightDecay: 0.1, trustCoefficient: 0.1 }),
    larsReference({ lr: 0.5, mu: 0.5, decay: 0.1, trust: 0.1 }),
  ],
  ["lamb", lamb(), lambReference({})],
  [
    "lamb, decay",
    lamb({ lr: 0.02, beta1: 0.8, beta2: 0.9, eps: 1e-3, weightDecay: 0.1 }),
    lambReference({ lr: 0.02, b1: 0.8, b2: 0.9, eps: 1e-3, decay: 0.1 }),
  ],
  ["yogi", yogi(), yogiReference({})],
  [
    "yogi, other start",
    yogi({ lr: 0.02, beta1: 0.8, beta2: 0.9, eps: 1e-2, initialAccumulator: 0.3 }),
    yogiReference({ lr: 0.02, b1: 0.8, b2: 0.9, eps: 1e-2, start: 0.3 }),
  ],
  ["rprop", rprop(), rpropReference({})],
  [
    "rprop at its bounds",
    rprop({ lr: 0.02, etaMinus: 0.3, etaPlus: 1.7, stepMin: 5e-3, stepMax: 0.05 }),
    rpropReference({ lr: 0.02, shrink: 0.3, grow: 1.7, min: 5e-3, max: 0.05 }),
  ],
  ["ademamix", ademamix(), ademamixReference({})],
  [
    "ademamix, decay",
    ademamix({ beta1: 0.8, beta2: 0.9, beta3: 0.99, alpha: 2, eps: 1e-4, weightDecay: 0.1 }),
    ademamixReference({ b1: 0.8, b2: 0.9, b3: 0.99, alpha: 2, eps: 1e-4, decay: 0.1 }),
  ],
  ["ademamix that warms up", ademamix({ warmup: 12 }), ademamixReference({ warmup: 12 })],
  ["sgdw", sgdw(), sgdwReference({})],
  [
    "sgdw, with a schedule of both",
    sgdw({ lr: 0.1, momentum: 0.5, weightDecay: 0.05, multiplier: wave }),
    sgdwReference({ lr: 0.1, mu: 0.5, decay: 0.05, multiplier: (t) => wave(t - 1) }),
  ],
];

/** Two variables, the second of them 0 at the start, and gradients that are now and then 0: everywhere, or always for one element. */
function problem(seed: number) {
  const sizes = { a: 6, b: 4 };
  const start = { a: [...noise(sizes.a, seed)], b: zeros(sizes.b) };
  const gradients = Array.from({ length: STEPS }, (_, t) => {
    const g = { a: [...noise(sizes.a, 100 * seed + t)], b: [...noise(sizes.b, 100 * seed + 50 + t)] };
    if (t === 0 || t === 7) g.b.fill(0);
    if (t === 4 || t === 7) g.a.fill(0);
    g.a[2] = 0;
    if (t % 3 === 0) g.a[3] = 0;
    return g;
  });
  return { start, gradients };
}

describe.each(cases)("%s", (_, spec, reference) => {
  test.each([1, 2, 3])("goes where the loop goes, on problem %i", (seed) => {
    const { start, gradients } = problem(seed);
    const ours = float64(spec, {
      a: { shape: [2, 3], values: start.a },
      b: { shape: [4], values: start.b },
    });
    const theirs = { a: [...start.a], b: [...start.b] };
    const steps = { a: reference(theirs.a.length), b: reference(theirs.b.length) };
    for (const [i, g] of gradients.entries()) {
      ours.step(g);
      for (const name of ["a", "b"] as const) {
        steps[name](theirs[name], g[name], i + 1);
        theirs[name].forEach((expected, j) => {
          const got = ours.parameters[name]?.values[j] as number;
          // Relative to the parameter; of one that passes 0, to what a small step is.
          expect(Math.abs(got - expected), `${name}[${j}] after step ${i + 1}`).toBeLessThanOrEqual(
            1e-12 * Math.max(Math.abs(expected), 1e-3),
          );
        });
      }
    }
    expect(theirs.a).not.toEqual(start.a);
  });
});
