/**
 * Schedules: hyperparameters as functions of the step.
 *
 * A schedule is given the number of steps completed before this one (0 at the first step) and returns the value for this step. Any
 * function of a number is a schedule; these are the usual ones.
 */

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
 * @param options.steps Steps until `end` is reached, a whole number ≥ 1.
 * @param options.end Value from then on; default 0.
 */
export function cosine(start: number, { steps, end = 0 }: { steps: number; end?: number }): Schedule {
  wholeSteps("cosine", "steps", steps);
  finite("cosine", { start, end });
  return (t) => end + ((start - end) * (1 + Math.cos((Math.PI * Math.min(t, steps)) / steps))) / 2;
}

/**
 * A straight line from `start` to `end` over `steps` steps, then `end`.
 *
 * @param options.steps Steps until `end` is reached, a whole number ≥ 1.
 * @param options.end Value from then on; default 0.
 */
export function linear(start: number, { steps, end = 0 }: { steps: number; end?: number }): Schedule {
  wholeSteps("linear", "steps", steps);
  finite("linear", { start, end });
  return (t) => start + (end - start) * Math.min(1, t / steps);
}

/**
 * start · rate^(t / steps): a smooth exponential decay.
 *
 * @param options.rate Factor over `steps` steps, > 0.
 * @param options.steps Steps over which the factor applies, a whole number ≥ 1; default 1.
 * @param options.end The value never passes this one; default none.
 */
export function exponential(
  start: number,
  { rate, steps = 1, end }: { rate: number; steps?: number; end?: number },
): Schedule {
  wholeSteps("exponential", "steps", steps);
  finite("exponential", { start, rate, ...(end === undefined ? {} : { end }) });
  if (rate <= 0) throw new Error(`exponential: rate is ${rate}; expected a number > 0.`);
  const bound =
    end === undefined
      ? (h: number) => h
      : start >= end
        ? (h: number) => Math.max(h, end)
        : (h: number) => Math.min(h, end);
  return (t) => bound(start * rate ** (t / steps));
}

/**
 * A straight line from `start` up to `peak` over `steps` steps, then `peak`. For a warm-up followed by a decay, put this in `sequence`.
 *
 * @param peak Value from step `steps` on.
 * @param options.steps Length of the warm-up, a whole number ≥ 1.
 * @param options.start Value at the first step; default 0.
 */
export function warmup(peak: number, { steps, start = 0 }: { steps: number; start?: number }): Schedule {
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
