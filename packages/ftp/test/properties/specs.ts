/**
 * The optimizers that the property tests draw from: every rule with every hyperparameter, bare and inside every kind of projection.
 */
import { type CoordinateName, type Grain, learned, type Setting, type Spec, type Transform } from "@hypergrad/core";
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
import { type FtpOptions, ftp } from "../../src/index.js";

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
const powerOfTen = (min: number, max: number): fc.Arbitrary<number> =>
  fc.integer({ min: 8 * min, max: 8 * max }).map((e) => 10 ** (e / 8));

const lr = powerOfTen(-3, -1);
const weightDecay = fc.oneof(fc.constant(0), powerOfTen(-3, -1));
const momentum = fc.constantFrom(0.1, 0.5, 0.9, 0.95);
const adamValues = {
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
const everyday: readonly Optimizer[] = [
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
const others: readonly Optimizer[] = [
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

/** Every way to project. */
const projections: Readonly<Record<string, FtpOptions>> = {
  ftp: {},
  "ftp, L2": { norm: "l2", k: 0 },
  "ftp, masked": { straightThrough: false, k: 0.5 },
  "ftp, L2, masked, around 0": { norm: "l2", straightThrough: false, anchor: "zeros" },
};

/** A rule inside a projection. */
function projected(base: Optimizer, name: string, options: FtpOptions): Optimizer {
  return {
    name: `${name}(${base.name})`,
    build: ({ radius, ...settings }) =>
      ftp(base.build(settings), { ...options, ...(radius === undefined ? {} : { radius }) }),
    values: { ...base.values, radius: powerOfTen(-2, 0) },
    ftp: options,
    everyday: base.everyday,
    ...(base.finest && { finest: base.finest }),
    ...(base.carried && { carried: base.carried }),
    ...(base.steps && { steps: base.steps }),
    ...(base.mixes && { mixes: base.mixes }),
    ...(base.initial && { initial: base.initial }),
    ...(base.unfelt && { unfelt: base.unfelt }),
  };
}

/** The everyday rules inside every projection, the others inside one each, in turn. */
const projectedOptimizers: readonly Optimizer[] = [
  ...everyday.flatMap((base) => Object.entries(projections).map(([name, options]) => projected(base, name, options))),
  ...others.map((base, i) => {
    const [name, options] = Object.entries(projections)[i % 4] as [string, FtpOptions];
    return projected(base, name, options);
  }),
];

/** A projection that some variables are excluded from. Its radius is a number: the variable that is left out has none. */
const partlyExcluded: Optimizer = {
  ...projected(bases.find(({ name }) => name === "adamw") as Optimizer, "ftp, a excluded", {
    exclude: /(^|\/)a$/,
    radius: 0.1,
  }),
  values: adamValues,
};

/** All of them. */
export const optimizers: readonly Optimizer[] = [...bases, ...projectedOptimizers, partlyExcluded];

/** A value for each hyperparameter. */
export const valuesOf = ({ values }: Optimizer): fc.Arbitrary<Record<string, number>> => fc.record({ ...values });

/** All grains, from fine to coarse. */
export const grains: readonly Grain[] = ["element", "channel", "tensor", "model"];

/** The coarser of two grains. */
export const coarser = (a: Grain, b: Grain): Grain => (grains.indexOf(a) > grains.indexOf(b) ? a : b);

/**
 * The finest grain at which a hyperparameter can be learned: what one sum covers in which it appears, under a projection a norm.
 *
 * @param carried Where sensitivities are carried over several steps: those of elements that met in a sum.
 */
export function finestOf(
  { ftp, finest = {}, carried = "element", unfelt = [] }: Optimizer,
  name: string,
  isCarried = false,
): Grain {
  const own = coarser(finest[name] ?? "element", isCarried ? carried : "element");
  const norm = ftp?.norm === "l2" ? "tensor" : "channel";
  return ftp && (isCarried || (name !== "radius" && !unfelt.includes(name))) ? coarser(own, norm) : own;
}

/** The values that the coordinates can reach, ends excluded. */
const ranges: Readonly<Record<CoordinateName, readonly [number, number]>> = {
  identity: [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY],
  log: [0, Number.POSITIVE_INFINITY],
  logit: [0, 1],
  square: [0, Number.POSITIVE_INFINITY],
  tanh: [0, 1],
};

/** The coordinates in which a value can be learned. */
export const coordinatesFor = (value: number): CoordinateName[] =>
  (Object.keys(ranges) as CoordinateName[]).filter((name) => value > ranges[name][0] && value < ranges[name][1]);

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
