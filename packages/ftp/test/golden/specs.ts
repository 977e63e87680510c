/**
 * The recorded optimizers as our specs, by family.
 */
import type { Spec } from "@hypergrad/core";
import { ftp } from "@hypergrad/ftp";
import { adam, adamw, sgd } from "@hypergrad/optimizers";
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

/** By class: FTP's AdamP and SGDP are what they project, AdamW and SGD. */
const bases: Readonly<Record<string, (options: Options) => Spec>> = {
  Adam: (options) => adam(adamSettings(options)),
  AdamW: (options) => adamw(adamSettings(options)),
  SGD: (options) => sgd(sgdSettings(options)),
  AdamP: (options) => adamw(adamSettings(options)),
  SGDP: (options) => sgd(sgdSettings(options)),
};

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
  return spec;
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
