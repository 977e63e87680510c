/** Numbers as people read them. */

/** What stands where there is no number. */
export const NONE = "–";

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
