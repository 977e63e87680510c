/** What happened while it was trained: the loss and the learning rate over steps, medians over the seeds with a band from the least to the most. */
import {
  type Band,
  bandMarks,
  bottomAxis,
  type Chart,
  extent,
  type Line,
  linear,
  lineMarks,
  logExtent,
} from "@hypergrad/example-kit";
import { median } from "../../analysis.ts";
import type { Outcome } from "../../result.ts";
import { lossAxis, startLine, yAxis, yScale } from "./axes.ts";

/** A line of a chart: whose trajectories, and how it looks. */
export interface Traced {
  readonly outcome: Outcome;
  readonly label: string;
  readonly color: string;
  /** The parameter whose rate is drawn. @defaultValue the first */
  readonly parameter?: string;
}

const SIZE = { width: 262, padding: { left: 56, right: 12, top: 28, bottom: 40 } };
/** A rate below this part of the largest is at the end of a schedule, or was learned to be nothing: it lies at the lower edge. */
const FAINTEST = 1e-4;

interface Point {
  x: number;
  low: number;
  middle: number;
  high: number;
}

/** Values by step, over the seeds that came so far; a seed that diverged counts as infinite from then on. */
function overSeeds({ trajectories }: Outcome, pick: (run: number, at: number) => number | null | undefined): Point[] {
  const runs = trajectories ?? [];
  const longest = runs.reduce<readonly number[]>((a, { steps }) => (steps.length > a.length ? steps : a), []);
  return longest.map((x, at) => {
    const values = runs.map((_, run) => pick(run, at) ?? Number.POSITIVE_INFINITY);
    return { x, low: Math.min(...values), middle: median(values), high: Math.max(...values) };
  });
}

function drawn(
  series: readonly { color: string; points: Point[] }[],
  clamp: (y: number) => number,
): { lines: Line[]; bands: Band[] } {
  return {
    lines: series.map(({ color, points }) => ({
      color,
      points: points.map(({ x, middle }) => ({ x, y: clamp(middle) })),
    })),
    bands: series.map(({ color, points }) => ({
      color,
      points: points.map(({ x, low, high }) => ({ x, low: clamp(low), high: clamp(high) })),
    })),
  };
}

/** Training loss over steps. */
export function lossTraces(traced: readonly Traced[], start: number): Chart {
  const series = traced.map(({ outcome, color }) => ({
    color,
    points: overSeeds(outcome, (run, at) => outcome.trajectories?.[run]?.loss[at]),
  }));
  const all = series.flatMap(({ points }) => points);
  const { domain, clamp } = lossAxis(
    all.map(({ middle }) => middle),
    all.map(({ low }) => low),
    start,
  );
  const { lines, bands } = drawn(series, clamp);
  const parts = [bandMarks(bands), startLine(start, SIZE.width), lineMarks(lines)];
  return {
    ...SIZE,
    description: "Training loss over training steps.",
    height: 170,
    scales: [linear("x", extent(all.map(({ x }) => x)), "width"), yScale(domain)],
    axes: [bottomAxis("x", "training step", { grid: false }), yAxis("training loss", domain)],
    data: parts.flatMap(({ data }) => data),
    marks: parts.flatMap(({ marks }) => marks),
  };
}

/** Learning rate over steps. */
export function rateTraces(
  traced: readonly Traced[],
  { room = 330, height = 130 }: { room?: number | undefined; height?: number } = {},
): Chart {
  const width = room - SIZE.padding.left - SIZE.padding.right;
  const series = traced.map(({ outcome, color, parameter }) => ({
    color,
    points: overSeeds(outcome, (run, at) => {
      const lr = outcome.trajectories?.[run]?.lr ?? {};
      return (lr[parameter ?? Object.keys(lr)[0] ?? ""] ?? [])[at];
    }).filter(({ middle }) => Number.isFinite(middle)),
  }));
  const all = series.flatMap(({ points }) => points);
  const largest = Math.max(...all.map(({ middle }) => middle));
  const domain = logExtent(all.map(({ middle }) => middle).filter((rate) => rate > FAINTEST * largest));
  const { lines, bands } = drawn(series, (rate) => Math.min(domain[1], Math.max(domain[0], rate)));
  const parts = [bandMarks(bands), lineMarks(lines)];
  return {
    ...SIZE,
    description: "Learning rate over training steps.",
    width,
    height,
    scales: [linear("x", extent(all.map(({ x }) => x)), "width"), yScale(domain)],
    axes: [bottomAxis("x", "training step", { grid: false }), yAxis("learning rate", domain)],
    data: parts.flatMap(({ data }) => data),
    marks: parts.flatMap(({ marks }) => marks),
  };
}
