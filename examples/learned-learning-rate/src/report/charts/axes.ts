/**
 * Axes that the charts share. A loss is drawn on a logarithmic axis that ends a little above the loss before training: what is worse, or
 * diverged, is drawn at that edge, so that a loss of 1e40 does not take the room of those that matter.
 */
import {
  bottomAxis,
  type Chart,
  type Data,
  ink,
  leftAxis,
  log,
  logExtent,
  logLabels,
  logTicks,
  type Mark,
} from "@hypergrad/example-kit";

type Axis = Chart["axes"][number];

/** Where the axis of losses lies. */
export interface LossAxis {
  readonly domain: readonly [number, number];
  /** The nearest loss that is drawn. */
  readonly clamp: (loss: number) => number;
}

/** The axis of losses that holds these medians, and what the bands reach below them within a factor of 10, up to somewhat above the start. */
export function lossAxis(medians: readonly number[], least: readonly number[], start: number): LossAxis {
  const shown = (losses: readonly number[], above: number) => losses.filter((loss) => loss > above && loss < start);
  const middle = [...shown(medians, 0), start];
  const [low] = logExtent([...middle, ...shown(least, Math.min(...middle) / 10)]);
  const high = start * (start / low) ** 0.07;
  return { domain: [low, high], clamp: (loss) => Math.max(low, Math.min(loss, high)) };
}

/** An axis at the left for a scale "y" with this domain. */
export function yAxis(title: string, domain: readonly [number, number]): Axis {
  return leftAxis("y", title, { values: logTicks(domain), encode: logLabels, titleX: -44 });
}

/** A scale "y" with this domain. */
export function yScale(domain: readonly [number, number]): Chart["scales"][number] {
  return log("y", domain, "height");
}

/** Vega leaves out labels of a logarithmic axis beyond the number of ticks that is wished for; the values are few enough. */
const MANY = 100;

/** A logarithmic axis at the bottom. */
export function logBottomAxis(title: string, domain: readonly [number, number]): Axis {
  return bottomAxis("x", title, {
    values: logTicks(domain),
    encode: logLabels,
    grid: false,
    labelOverlap: false,
    tickCount: MANY,
  });
}

/** A dashed line across the chart at the loss before training. */
export function startLine(start: number, width: number): { data: Data[]; marks: Mark[] } {
  return {
    data: [],
    marks: [
      {
        type: "rule",
        encode: {
          update: {
            x: { value: 0 },
            x2: { value: width },
            y: { scale: "y", value: start },
            stroke: { value: ink.muted },
            strokeDash: { value: [3, 4] },
            strokeWidth: { value: 1 },
          },
        },
      },
    ],
  };
}
