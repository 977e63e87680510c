/** Numbers as people read them: the terminal's table and the report's words must not disagree about a digit. */

import { NONE, significant } from "@hypergrad/example-kit";
import type { Estimate } from "../result.ts";

/** A share in [0, 1] as percent with one decimal, without the sign: `71.2`. */
export function percent(share: number): string {
  return Number.isFinite(share) ? (100 * share).toFixed(1) : NONE;
}

/** Like {@link percent}, with `± standard error` where it is known: `71.2 ± 0.4`. */
export function percentEstimate({ mean, standardError }: Estimate): string {
  return standardError === null ? percent(mean) : `${percent(mean)} ± ${percent(standardError)}`;
}

/** A difference of shares in percentage points, with its sign: `+6.3 ± 0.7`, `−0.3`. */
export function points({ mean, standardError }: Estimate): string {
  const size = percent(Math.abs(mean));
  const sign = size === NONE || Number(size) === 0 ? "" : mean < 0 ? "−" : "+";
  return `${sign}${size}${standardError === null ? "" : ` ± ${percent(standardError)}`}`;
}

/** Seconds of one step with three significant digits; a dash where nothing was trained by steps. */
export function stepSeconds(seconds: number): string {
  return seconds > 0 ? significant(seconds) : NONE;
}

/** The seconds of a training step, and by how much that is more than with plain fine-tuning. */
export function stepCost({ secondsPerStep, overhead }: { secondsPerStep: number; overhead: number | null }): string {
  if (overhead === null) return stepSeconds(secondsPerStep);
  const percent = Math.round(1000 * overhead) / 10;
  return `${stepSeconds(secondsPerStep)} (${percent < 0 ? "−" : "+"}${Math.abs(percent).toFixed(1)} %)`;
}

/** What the settings of the methods are called in a sentence; in a program and in study.json they have the names on the left. */
const SETTING_NAMES: Readonly<Record<string, string>> = {
  lr: "learning rate",
  weightDecay: "weight decay",
  radiusLr: "rate of the radius’s learner",
  hyperLr: "rate of the learning rate’s learner",
  l2: "L2 penalty on the head",
};

/** A setting's name for people. */
export function settingName(name: string): string {
  return SETTING_NAMES[name] ?? name;
}
