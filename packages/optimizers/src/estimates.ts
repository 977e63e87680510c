/**
 * What D-Adaptation and Prodigy share: hyperparameters of rules that estimate their learning rate from a distance d.
 */
import { type Hyperparameter, nonNegative, positive, type Setting } from "@hypergrad/core";
import { adamHyperparameters } from "./moments.js";

/** The largest float32: no limit. */
const UNLIMITED = (2 - 2 ** -23) * 2 ** 127;

/** With the defaults of both papers. */
export const estimateHyperparameters: Readonly<
  Record<keyof typeof adamHyperparameters | "weightDecay" | "d0" | "growthRate", Hyperparameter>
> = {
  ...adamHyperparameters,
  lr: nonNegative(1),
  weightDecay: nonNegative(0),
  d0: positive(1e-6),
  growthRate: positive(UNLIMITED),
};

/** Hyperparameters of `dAdaptAdam`, and most of `prodigy`'s; each is a number, a schedule or learned. */
export interface EstimateOptions {
  /** A factor on the estimated rate, ≥ 0: 1 (default), or a schedule that goes down from 1. */
  readonly lr?: Setting;
  /** Decay β₁ of the first moment, in [0, 1); default 0.9. */
  readonly beta1?: Setting;
  /** Decay β₂ of the second moment, in [0, 1); default 0.999. */
  readonly beta2?: Setting;
  /** ε > 0 outside the root, in Prodigy in units of d; default 1e-8. */
  readonly eps?: Setting;
  /** Decoupled weight decay λ ≥ 0; default 0. */
  readonly weightDecay?: Setting;
  /** The first estimate d₀ > 0, which should be too small; default 1e-6. The estimates begin with it: learned with a horizon above 1, or not at all. */
  readonly d0?: Setting;
  /** By which factor the estimate may grow in one step, > 0; default: without limit. */
  readonly growthRate?: Setting;
}
