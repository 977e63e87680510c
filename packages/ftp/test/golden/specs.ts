/**
 * The recorded optimizers as our specs, by family.
 */
import { real, ruleFactory, type Spec } from "@hypergrad/core";
import { mapRuleSpecs } from "@hypergrad/core/internal";
import { ftp } from "@hypergrad/ftp";
import {
  adadelta,
  adagrad,
  adam,
  adamax,
  adamHd,
  adamw,
  nadam,
  radam,
  rmsprop,
  sgd,
  sgdHd,
} from "@hypergrad/optimizers";
import { towerSpec } from "./gdtuo.js";
import { fromTorch, type Tensor } from "./layouts.js";
import type { RecordedCase } from "./recorded.js";

/** The options of a case, read one by one, so that one that nobody reads is noticed. */
function reader({ name, options }: RecordedCase) {
  const unread = new Map(Object.entries(options));
  const take = (key: string): unknown => {
    const value = unread.get(key);
    unread.delete(key);
    return value;
  };
  return {
    number: (key: string) => take(key) as number,
    flag: (key: string) => take(key) === true,
    pair: (key: string) => take(key) as [number, number],
    names: (key: string) => (take(key) ?? []) as string[],
    done() {
      const active = [...unread].filter(([, value]) => value !== false && value !== null);
      if (active.length > 0)
        throw new Error(`${name}: no test knows the option ${active.map(([key]) => key).join(", ")}.`);
    },
  };
}
type Options = ReturnType<typeof reader>;

function adamSettings(options: Options) {
  const [beta1, beta2] = options.pair("betas");
  return {
    lr: options.number("lr"),
    beta1,
    beta2,
    eps: options.number("eps"),
    weightDecay: options.number("weight_decay"),
    amsgrad: options.flag("amsgrad"),
  };
}

function sgdSettings(options: Options) {
  return {
    lr: options.number("lr"),
    momentum: options.number("momentum"),
    dampening: options.number("dampening"),
    weightDecay: options.number("weight_decay"),
    nesterov: options.flag("nesterov"),
  };
}

/** What torch's relatives of Adam share. */
function momentSettings(options: Options) {
  const [beta1, beta2] = options.pair("betas");
  return {
    lr: options.number("lr"),
    beta1,
    beta2,
    eps: options.number("eps"),
    weightDecay: options.number("weight_decay"),
  };
}

/** By class: FTP's AdamP and SGDP are what they project, AdamW and SGD. */
const bases: Readonly<Record<string, (options: Options) => Spec>> = {
  Adam: (options) => adam(adamSettings(options)),
  AdamW: (options) => adamw(adamSettings(options)),
  SGD: (options) => sgd(sgdSettings(options)),
  AdamP: (options) => adamw(adamSettings(options)),
  SGDP: (options) => sgd(sgdSettings(options)),
  RMSprop: (options) =>
    rmsprop({
      lr: options.number("lr"),
      decay: options.number("alpha"),
      eps: options.number("eps"),
      momentum: options.number("momentum"),
      weightDecay: options.number("weight_decay"),
      centered: options.flag("centered"),
    }),
  Adagrad: (options) =>
    adagrad({
      lr: options.number("lr"),
      lrDecay: options.number("lr_decay"),
      eps: options.number("eps"),
      weightDecay: options.number("weight_decay"),
      initialAccumulator: options.number("initial_accumulator_value"),
    }),
  Adadelta: (options) =>
    adadelta({
      lr: options.number("lr"),
      rho: options.number("rho"),
      eps: options.number("eps"),
      weightDecay: options.number("weight_decay"),
    }),
  Adamax: (options) => adamax(momentSettings(options)),
  NAdam: (options) => nadam({ ...momentSettings(options), momentumDecay: options.number("momentum_decay") }),
  RAdam: (options) => radam(momentSettings(options)),
  SGDHD: (options) => sgdHd({ ...sgdSettings(options), hyperLr: options.number("hypergrad_lr") }),
  AdamHD: (options) => adamHd({ ...momentSettings(options), hyperLr: options.number("hypergrad_lr") }),
};

/** The spec with hyperparameters that may be any number, as those of the hypergradient reference may. */
const unguarded = (spec: Spec): Spec =>
  mapRuleSpecs(spec, ({ rule, settings }) =>
    ruleFactory({
      ...rule,
      hyperparameters: Object.fromEntries(
        Object.entries(rule.hyperparameters).map(([name, { default: value, per }]) => [name, real(value, { per })]),
      ),
    })(settings),
  );

function base({ optimizer }: RecordedCase, options: Options): Spec {
  const make = bases[optimizer];
  if (!make) throw new Error(`The optimizer ${optimizer} is not known; known are ${Object.keys(bases).join(", ")}.`);
  return make(options);
}

function ftpSpec(recorded: RecordedCase, options: Options): Spec {
  const exclude = [...options.names("exclude_set"), ...options.names("exclude_list")];
  const anchor = recorded.pre && tensorsByName(recorded, recorded.pre);
  return ftp(base(recorded, options), { k: options.number("k"), exclude, ...(anchor && { anchor }) });
}

/** The spec of a case. */
export function specOf(recorded: RecordedCase): Spec {
  if ("tower" in recorded.options) return towerSpec(recorded);
  const options = reader(recorded);
  const spec = "k" in recorded.options ? ftpSpec(recorded, options) : base(recorded, options);
  options.done();
  const wanders = recorded.trajectory.some(({ hypers: { lr } }) => lr !== undefined && lr < 0);
  return wanders ? unguarded(spec) : spec;
}

/** One tensor per parameter of a case, by name and in our layout. */
export function tensorsByName(
  { names, shapes }: RecordedCase,
  tensors: readonly (readonly number[])[],
): Record<string, Tensor> {
  return Object.fromEntries(
    names.map((name, i) => [name, fromTorch({ shape: shapes[i] as number[], values: tensors[i] as number[] })]),
  );
}
