/** Numbers as people read them: the terminal's table and the report's words must not disagree about a digit. */

import type { Estimate } from "../result.ts";

/** What stands where there is no number. */
const NONE = "–";

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

/** Three significant digits, without an exponent where that stays short. */
export function significant(value: number): string {
  if (!Number.isFinite(value)) return NONE;
  const size = Math.abs(value);
  const rounded = Number(value.toPrecision(3));
  return size === 0 || (size >= 1e-4 && size < 1e5) ? String(rounded) : rounded.toExponential();
}

/** A duration for people: `8 s`, `2 min 05 s`, `1 h 04 min`. */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return `${minutes} min ${String(whole % 60).padStart(2, "0")} s`;
  return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, "0")} min`;
}

/** A count with thin spaces between its thousands: `312 588`. */
export function count(value: number): string {
  return String(value).replace(/\B(?=(\d{3})+$)/g, "\u202f");
}
