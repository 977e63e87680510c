/**
 * The rules that the property tests draw from: every one with every hyperparameter, bare.
 */
import type { Grain, Setting, Spec, Transform } from "@hypergrad/core";
import {
  adabelief,
  adadelta,
  adagrad,
  adam,
  adamax,
  adamw,
  adan,
  ademamix,
  averaged,
  cautious,
  clipByGlobalNorm,
  clipByNorm,
  clipByValue,
  dAdaptAdam,
  lamb,
  lars,
  lion,
  lookahead,
  mechanic,
  nadam,
  prodigy,
  radam,
  rmsprop,
  rprop,
  scheduleFreeAdamw,
  scheduleFreeSgd,
  sgd,
  sgdw,
  yogi,
} from "@hypergrad/optimizers";
import fc from "fast-check";
import type { FtpOptions } from "../../src/index.js";

/** A rule, ready to be given settings, and values that its hyperparameters may have. */
export interface Optimizer {
  readonly name: string;
  readonly build: (settings: Readonly<Record<string, Setting>>) => Spec;
  readonly values: Readonly<Record<string, fc.Arbitrary<number>>>;
  /** How it is projected, if it is. */
  readonly ftp: FtpOptions | undefined;
  /** The steps after which all of the rule was in use, if 5 are too few. */
  readonly steps?: number;
  /** False for the many rules on which fewer cases are tried. */
  readonly everyday: boolean;
  /** The finest grain at which each hyperparameter can be learned; "element" for those that are not named. */
  readonly finest?: Readonly<Record<string, Grain>>;
  /** The same for all of them where sensitivities are carried over several steps: what one reduction of the rule covers. */
  readonly carried?: Grain;
  /** Whose gradients and values an element's step depends on, besides its own: its tensor's, or those of the whole model. */
  readonly mixes?: "tensor" | "model";
  /** Hyperparameters that the initial state depends on. */
  readonly initial?: readonly string[];
  /** Hyperparameters with which one step does not change: no reduction over them can be in the way. */
  readonly unfelt?: readonly string[];
}

/** 10 to a power between two whole ones. */
export const powerOfTen = (min: number, max: number): fc.Arbitrary<number> =>
  fc.integer({ min: 8 * min, max: 8 * max }).map((e) => 10 ** (e / 8));

const lr = powerOfTen(-3, -1);
const weightDecay = fc.oneof(fc.constant(0), powerOfTen(-3, -1));
const momentum = fc.constantFrom(0.1, 0.5, 0.9, 0.95);
export const adamValues = {
  lr,
  beta1: fc.constantFrom(0, 0.5, 0.9, 0.98),
  beta2: fc.constantFrom(0.5, 0.9, 0.99, 0.999),
  eps: powerOfTen(-8, -1),
  weightDecay,
};
const momentumValues = { lr, momentum, dampening: fc.constantFrom(-0.5, 0, 0.1, 1), weightDecay };

type More = Pick<Optimizer, "steps" | "finest" | "carried" | "mixes" | "initial" | "unfelt">;

const bare = (name: string, build: Optimizer["build"], values: Optimizer["values"], more: More = {}): Optimizer => ({
  name,
  build,
  values,
  ftp: undefined,
  everyday: false,
  ...more,
});

/** The rules that every battery runs on inside every projection. */
export const everyday: readonly Optimizer[] = [
  bare("sgd", (settings) => sgd(settings), { lr, weightDecay }),
  bare("sgd with momentum", (settings) => sgd(settings), momentumValues),
  bare("sgd with Nesterov momentum", (settings) => sgd({ ...settings, nesterov: true }), momentumValues),
  bare("adam", (settings) => adam(settings), adamValues),
  bare("adam with amsgrad", (settings) => adam({ ...settings, amsgrad: true }), adamValues),
  bare("adamw", (settings) => adamw(settings), adamValues),
  bare("adamw with amsgrad", (settings) => adamw({ ...settings, amsgrad: true }), adamValues),
].map((optimizer) => ({ ...optimizer, everyday: true }));

const decay = fc.constantFrom(0.5, 0.9, 0.99);
const eps = powerOfTen(-4, -1);
const rmspropValues = { lr, decay, eps, weightDecay };
const dValues = { ...adamValues, eps, d0: powerOfTen(-3, -1), growthRate: fc.constantFrom(1.02, 1.5, 10) };
const averagingValues = { r: fc.constantFrom(0.5, 1), power: fc.constantFrom(1, 2) };
const averagingFinest = { lr: "tensor", r: "tensor", power: "tensor" } as const;

/** Adam inside a wrapper that has these settings. */
const around =
  (names: readonly string[], wrap: (settings: Readonly<Record<string, Setting>>) => Transform): Optimizer["build"] =>
  (settings) => {
    const own = Object.entries(settings).filter(([name]) => names.includes(name));
    const others = Object.entries(settings).filter(([name]) => !names.includes(name));
    return wrap(Object.fromEntries(own))(adam(Object.fromEntries(others)));
  };

/** All other rules, and wrappers around Adam. */
export const others: readonly Optimizer[] = [
  bare("sgdw", (settings) => sgdw(settings), { lr, momentum, weightDecay, multiplier: fc.constantFrom(0.5, 1) }),
  bare("rmsprop", (settings) => rmsprop(settings), rmspropValues),
  bare("rmsprop, centered", (settings) => rmsprop({ ...settings, centered: true }), rmspropValues),
  bare("rmsprop with momentum", (settings) => rmsprop(settings), { ...rmspropValues, momentum }),
  bare("rmsprop, centered, with momentum", (settings) => rmsprop({ ...settings, centered: true }), {
    ...rmspropValues,
    momentum,
  }),
  bare(
    "adagrad",
    (settings) => adagrad(settings),
    { lr, lrDecay: fc.constantFrom(0, 0.1), eps, weightDecay, initialAccumulator: powerOfTen(-2, 0) },
    { initial: ["initialAccumulator"], unfelt: ["initialAccumulator"] },
  ),
  bare("adadelta", (settings) => adadelta(settings), { lr: powerOfTen(-1, 0), rho: decay, eps, weightDecay }),
  bare("adamax", (settings) => adamax(settings), adamValues),
  bare("nadam", (settings) => nadam(settings), {
    ...adamValues,
    beta1: fc.constantFrom(0.5, 0.9),
    momentumDecay: powerOfTen(-3, -1),
  }),
  bare("radam", (settings) => radam(settings), adamValues, { steps: 9 }),
  bare(
    "yogi",
    (settings) => yogi(settings),
    // Where v reaches g² it jumps: with gradients of one size after 1/(1 − β₂) steps, which are not taken here.
    {
      lr,
      beta1: adamValues.beta1,
      beta2: fc.constantFrom(0.9, 0.99, 0.999),
      eps,
      initialAccumulator: powerOfTen(-3, 0),
    },
    { initial: ["initialAccumulator"], unfelt: ["initialAccumulator"] },
  ),
  bare("adabelief", (settings) => adabelief(settings), { ...adamValues, eps: powerOfTen(-6, -1) }),
  bare("adan", (settings) => adan(settings), { ...adamValues, beta3: decay }),
  bare("ademamix", (settings) => ademamix(settings), {
    ...adamValues,
    beta3: fc.constantFrom(0.9, 0.999),
    alpha: fc.constantFrom(0, 1, 5),
  }),
  bare("ademamix with a warm-up", (settings) => ademamix({ warmup: 3.5, ...settings }), {
    ...adamValues,
    // At 0 a warm-up of β₃ has no derivative by β₁: there its logarithm is infinite.
    beta1: fc.constantFrom(0.5, 0.8),
    warmup: fc.constantFrom(1.5, 3.5, 50.5),
    beta3: fc.constantFrom(0.9, 0.999),
    alpha: fc.constantFrom(0, 1, 5),
  }),
  bare(
    "lion",
    (settings) => lion(settings),
    { lr, beta1: decay, beta2: decay, weightDecay },
    { unfelt: ["beta1", "beta2"] },
  ),
  bare(
    "lars",
    (settings) => lars(settings),
    { lr: powerOfTen(-1, 0), momentum, weightDecay, trustCoefficient: powerOfTen(-3, -1) },
    { carried: "tensor", mixes: "tensor" },
  ),
  bare(
    "lamb",
    (settings) => lamb(settings),
    { ...adamValues, eps },
    {
      finest: { beta1: "tensor", beta2: "tensor", eps: "tensor", weightDecay: "tensor" },
      carried: "tensor",
      mixes: "tensor",
    },
  ),
  bare(
    "rprop",
    (settings) => rprop(settings),
    {
      lr,
      etaMinus: fc.constantFrom(0.3, 0.5),
      etaPlus: fc.constantFrom(1.2, 1.5),
      stepMin: powerOfTen(-5, -2),
      stepMax: fc.constantFrom(0.02, 1),
    },
    { unfelt: ["etaMinus"] },
  ),
  bare(
    "dAdaptAdam",
    (settings) => dAdaptAdam(settings),
    { ...dValues, lr: fc.constantFrom(0.5, 1) },
    {
      finest: { lr: "model", beta2: "model", eps: "model", d0: "tensor", growthRate: "tensor" },
      carried: "model",
      mixes: "model",
      initial: ["d0"],
      unfelt: ["d0"],
    },
  ),
  bare(
    "prodigy",
    (settings) => prodigy(settings),
    { ...dValues, lr: fc.constantFrom(0.5, 1), dCoefficient: fc.constantFrom(0.5, 2) },
    {
      finest: { lr: "model", beta2: "model", d0: "model", dCoefficient: "tensor", growthRate: "tensor" },
      carried: "model",
      mixes: "model",
      initial: ["d0"],
    },
  ),
  bare(
    "scheduleFreeSgd",
    (settings) => scheduleFreeSgd(settings),
    { lr, beta: fc.constantFrom(0.1, 0.9, 1), weightDecay, ...averagingValues },
    { finest: averagingFinest, carried: "tensor" },
  ),
  bare(
    "scheduleFreeAdamw",
    (settings) => scheduleFreeAdamw(settings),
    { ...adamValues, beta1: fc.constantFrom(0.1, 0.9), eps, ...averagingValues },
    { finest: averagingFinest, carried: "tensor" },
  ),
  bare(
    "mechanic around adam",
    // Adam has a weight decay of its own.
    around(["sInit", "weightDecay2"], ({ sInit = 1, weightDecay2 = 0 }) =>
      mechanic({ sInit, weightDecay: weightDecay2 }),
    ),
    { lr, beta1: decay, sInit: powerOfTen(-2, 0), weightDecay2: powerOfTen(-3, -1) },
    { finest: { sInit: "tensor", weightDecay2: "tensor" }, carried: "model", mixes: "model" },
  ),
  bare(
    "cautious around adam",
    around([], () => cautious()),
    adamValues,
    { mixes: "tensor" },
  ),
  bare(
    "averaged around adam",
    around(["decay"], (own) => averaged(own)),
    { ...adamValues, decay },
    { finest: { decay: "tensor" } },
  ),
  bare(
    "lookahead around adam",
    around(["alpha"], (own) => lookahead({ ...own, steps: 2 })),
    {
      ...adamValues,
      alpha: fc.constantFrom(0, 0.5, 1),
    },
  ),
  bare(
    "clipByValue around adam",
    around(["maxValue"], (own) => clipByValue(own)),
    { ...adamValues, maxValue: powerOfTen(-1, 1) },
  ),
  bare(
    "clipByNorm around adam",
    around(["maxNorm"], (own) => clipByNorm(own)),
    { ...adamValues, maxNorm: powerOfTen(-1, 1) },
    { mixes: "tensor" },
  ),
  bare(
    "clipByGlobalNorm around adam",
    around(["maxNorm"], (own) => clipByGlobalNorm(own)),
    {
      ...adamValues,
      maxNorm: powerOfTen(-1, 1),
    },
    { mixes: "model" },
  ),
];

/** Every rule of @hypergrad/optimizers that is made of expressions. */
export const bases: readonly Optimizer[] = [...everyday, ...others];
