/**
 * Schedules: hyperparameters as functions of the step.
 *
 * A schedule is given the number of steps completed before this one (0 at the first step) and returns the value for this step. Any
 * function of a number is a schedule; these are the usual ones.
 */
import { power } from "../expression/power.js";

/** The value of a hyperparameter at step t = 0, 1, 2, … */
export type Schedule = (t: number) => number;

function wholeSteps(where: string, name: string, value: number): void {
  if (!Number.isInteger(value) || value < 1) {
    throw new Error(`${where}: ${name} is ${value}; expected a whole number of steps, at least 1.`);
  }
}

function finite(where: string, values: Record<string, number>): void {
  for (const [name, value] of Object.entries(values)) {
    if (!Number.isFinite(value)) throw new Error(`${where}: ${name} is ${value}; expected a finite number.`);
  }
}

/** How far a decay goes. */
export interface DecayOptions {
  /** Steps until the end is reached, a whole number ≥ 1. */
  readonly steps: number;
  /** Value from then on; default 0. */
  readonly end?: number;
}

/** How fast an exponential decay is. */
export interface ExponentialOptions {
  /** Factor over `steps` steps, > 0. */
  readonly rate: number;
  /** Steps over which the factor applies, a whole number ≥ 1; default 1. */
  readonly steps?: number;
  /** The value never passes this one; default: no bound. */
  readonly end?: number;
}

/** How long a warm-up is. */
export interface WarmupOptions {
  /** Steps until the peak, a whole number ≥ 1. */
  readonly steps: number;
  /** Value at the first step; default 0. */
  readonly start?: number;
}

/** The same value at every step. */
export function constant(value: number): Schedule {
  finite("constant", { value });
  return () => value;
}

/**
 * Half a cosine wave from `start` down (or up) to `end`, where it stays.
 *
 * h(t) = end + (start − end)·(1 + cos(π·min(t, steps)/steps))/2. Loshchilov & Hutter, "SGDR: Stochastic Gradient Descent with Warm
 * Restarts", 2017, arXiv 1608.03983, equation 5, without restarts.
 *
 * @param start Value at the first step.
 */
export function cosine(start: number, { steps, end = 0 }: DecayOptions): Schedule {
  wholeSteps("cosine", "steps", steps);
  finite("cosine", { start, end });
  // (1 + cos 2x) / 2 = 1 / (1 + tan² x): see power.ts for why not Math.cos.
  return (t) => (t >= steps ? end : end + (start - end) / (1 + Math.tan((Math.PI * t) / (2 * steps)) ** 2));
}

/**
 * A straight line from `start` to `end` over `steps` steps, then `end`.
 *
 */
export function linear(start: number, { steps, end = 0 }: DecayOptions): Schedule {
  wholeSteps("linear", "steps", steps);
  finite("linear", { start, end });
  return (t) => start + (end - start) * Math.min(1, t / steps);
}

/**
 * start · rate^(t / steps): a smooth exponential decay.
 *
 */
export function exponential(start: number, { rate, steps = 1, end }: ExponentialOptions): Schedule {
  wholeSteps("exponential", "steps", steps);
  finite("exponential", { start, rate, ...(end === undefined ? {} : { end }) });
  if (rate <= 0) throw new Error(`exponential: rate is ${rate}; expected a number > 0.`);
  const bound =
    end === undefined
      ? (h: number) => h
      : start >= end
        ? (h: number) => Math.max(h, end)
        : (h: number) => Math.min(h, end);
  return (t) => bound(start * power(rate, t / steps));
}

/**
 * A straight line from `start` up to `peak` over `steps` steps, then `peak`. For a warm-up followed by a decay, put this in `sequence`.
 *
 * @param peak Value from step `steps` on.
 */
export function warmup(peak: number, { steps, start = 0 }: WarmupOptions): Schedule {
  wholeSteps("warmup", "steps", steps);
  finite("warmup", { peak, start });
  return linear(start, { steps, end: peak });
}

/**
 * Schedules one after the other; each counts from its own first step.
 *
 * `sequence([warmup(1e-3, { steps: 100 }), 100], cosine(1e-3, { steps: 900 }))`
 *
 * @param parts All but the last come with the number of steps that they last; the last one goes on for ever.
 */
export function sequence(...parts: [...[Schedule, number][], Schedule]): Schedule {
  const last = parts.at(-1);
  if (typeof last !== "function") {
    throw new Error("sequence: the last part lasts for ever, so it is given without a number of steps; got a pair.");
  }
  const timed = parts.slice(0, -1) as [Schedule, number][];
  for (const [i, part] of timed.entries()) {
    if (!Array.isArray(part)) {
      throw new Error(
        `sequence: part ${i + 1} has no length; expected a pair such as [warmup(1e-3, { steps: 100 }), 100], as for all but the last.`,
      );
    }
    wholeSteps("sequence", `the length of part ${i + 1}`, part[1]);
  }
  return (t) => {
    let start = 0;
    for (const [schedule, steps] of timed) {
      if (t < start + steps) return schedule(t - start);
      start += steps;
    }
    return last(t - start);
  };
}
