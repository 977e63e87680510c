/**
 * The methods that the study compares, each a spec of Hypergrad's in a few lines. Their hyperparameters were chosen by `tune.ts`, all by the
 * same rule (see there), and stand in `tuning.json`.
 */
import { cosine, learned, type Schedule, type Spec, sequence, warmup } from "@hypergrad/core";
import { ftp } from "@hypergrad/ftp";
import { adam, adamw } from "@hypergrad/optimizers";

/** Values of a method's hyperparameters by name. */
export type Settings = Readonly<Record<string, number>>;

/** A method of the study. */
export interface Method {
  /** For people. */
  readonly label: string;
  /** One sentence: what it does. */
  readonly description: string;
  /** The optimizer, for a run of so many steps; undefined where nothing but a linear head is fitted. */
  readonly spec: ((settings: Settings, steps: number) => Spec) | undefined;
}

/** Variables that have no pre-trained value. */
const HEAD = /^head\//;

/** The rate rises in a straight line over the first 5 % of the steps, then falls along half a cosine. */
function warmCosine(peak: number, steps: number): Schedule {
  const warm = Math.ceil(steps / 20);
  return sequence([warmup(peak, { steps: warm, start: peak / warm }), warm], cosine(peak, { steps: steps - warm }));
}

/** The radius's learner: the paper's Adam, its rate exposed. */
const radius = (lr: number) => learned(1e-8, adam({ lr }));

/** The name of a method on the command line. */
export type MethodName = "probe" | "adamw" | "ftp" | "ftp-lr";

/** All methods by name. */
export const METHODS: Readonly<Record<MethodName, Method>> = {
  probe: {
    label: "No fine-tuning",
    description: "The pre-trained features stay as they are; a linear head is fitted on them.",
    spec: undefined,
  },
  adamw: {
    label: "AdamW",
    description: "Everything is trained, with decoupled weight decay.",
    spec: ({ lr, weightDecay }, steps) =>
      adamw({ lr: warmCosine(lr as number, steps), weightDecay: weightDecay as number }),
  },
  ftp: {
    label: "AdamW + FTP",
    description:
      "As AdamW, and every layer but the head is projected onto a ball around its pre-trained weights whose radius is learned.",
    spec: ({ lr, radiusLr }, steps) =>
      ftp(adamw({ lr: warmCosine(lr as number, steps), weightDecay: 0 }), {
        radius: radius(radiusLr as number),
        exclude: HEAD,
      }),
  },
  "ftp-lr": {
    label: "AdamW + FTP, learned rate",
    description: "As AdamW + FTP, and the learning rate is learned too, in place of a schedule.",
    spec: ({ lr, hyperLr, radiusLr }) =>
      ftp(adamw({ lr: learned(lr as number, adam({ lr: hyperLr as number }), { in: "log" }), weightDecay: 0 }), {
        radius: radius(radiusLr as number),
        exclude: HEAD,
      }),
  },
};

/** All names, in the order of the tables. */
export const METHOD_NAMES: readonly MethodName[] = Object.keys(METHODS) as MethodName[];
