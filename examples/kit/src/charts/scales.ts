/** Scales and axes that all charts share: what they span, and where their ticks stand. */

import type { Axis, Scale } from "vega";

/** The smallest and the largest of the finite numbers; [0, 1] if there are none. */
export function extent(values: readonly number[]): [number, number] {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const value of values) {
    if (!Number.isFinite(value)) continue;
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  return low <= high ? [low, high] : [0, 1];
}

/** The extent with some room at both ends, and never empty. */
export function padded([low, high]: readonly [number, number], share = 0.06): [number, number] {
  const room = (high - low || Math.abs(high) * 0.1 || 1) * share;
  return [low - room, high + room];
}

/** A linear scale over exactly this domain. */
export function linear(name: string, domain: readonly [number, number], range: "width" | "height"): Scale {
  return { name, type: "linear", domain: [...domain], range, zero: false, nice: false };
}

/** A logarithmic scale over a domain of positive numbers. */
export function log(name: string, domain: readonly [number, number], range: "width" | "height"): Scale {
  return { name, type: "log", domain: [...domain], range, nice: false };
}

/** The extent of the positive numbers, with room at both ends on a logarithmic axis. */
export function logExtent(values: readonly number[]): [number, number] {
  const [low, high] = extent(values.filter((value) => value > 0).map(Math.log10));
  const [from, to] = padded(high - low < 0.3 ? [low - 0.15, high + 0.15] : [low, high], 0.04);
  return [10 ** from, 10 ** to];
}

/** Ticks for a logarithmic axis: every power of ten (every second, third … of many), with 2 and 5 or 3 between them where there are few. */
export function logTicks([low, high]: readonly [number, number]): number[] {
  const [from, to] = [Math.floor(Math.log10(low)), Math.ceil(Math.log10(high))];
  const decades = Math.log10(high / low);
  const stride = Math.max(1, Math.round(decades / 6));
  const steps = decades < 2.2 ? [1, 2, 5] : decades < 4.2 ? [1, 3] : [1];
  const ticks: number[] = [];
  for (let power = from; power <= to; power += stride) {
    for (const step of steps) ticks.push(Number(`${step}e${power}`));
  }
  return ticks.filter((tick) => tick >= low && tick <= high);
}

/** Numbers of a logarithmic axis in short: 1e-6, 0.01, 1. */
export const logLabels: NonNullable<Axis["encode"]> = {
  labels: {
    update: {
      text: {
        signal:
          "datum.value >= 0.001 && datum.value < 10000 ? format(datum.value, '~g') : replace(format(datum.value, '~e'), '+', '')",
      },
    },
  },
};

/** A bottom axis with light vertical grid lines. */
export function bottomAxis(scale: string, title: string, more: Partial<Axis> = {}): Axis {
  return { scale, orient: "bottom", title, grid: true, tickCount: 5, ...more };
}

/** A left axis with light horizontal grid lines; its title lies flat above it, where it can be read. */
export function leftAxis(scale: string, title: string, more: Partial<Axis> = {}): Axis {
  return {
    scale,
    orient: "left",
    title,
    titleAngle: 0,
    titleAlign: "left",
    titleAnchor: "start",
    titleX: -46,
    titleY: -14,
    titleBaseline: "bottom",
    grid: true,
    tickCount: 5,
    ...more,
  };
}
