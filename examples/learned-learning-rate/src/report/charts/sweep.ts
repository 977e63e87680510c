/** Final loss against initial learning rate, one line for each height of a tower: the flatter, the less the choice matters. */
import { bandMarks, type Chart, type Data, lineMarks, log, type Mark } from "@hypergrad/example-kit";
import { finalLoss, startOf, sweep } from "../../analysis.ts";
import type { Base, TowerName } from "../../methods.ts";
import type { ProblemName } from "../../problems/index.ts";
import type { StudyResult } from "../../result.ts";
import { logBottomAxis, lossAxis, startLine, yAxis, yScale } from "./axes.ts";

/** The colour of a height; 0 is a fixed rate. */
export const heightColor = (height: number): string => `var(--height-${height})`;

/** All heights, the fixed rate first. */
export const ALL_HEIGHTS = [0, 1, 2, 3, 4] as const;

/** Dots at the rates that were run. */
function dots(lines: readonly { color: string; points: { x: number; y: number }[] }[]): {
  data: Data[];
  marks: Mark[];
} {
  return {
    data: lines.map(({ points }, index) => ({ name: `dots${index}`, values: points })),
    marks: lines.map(({ color }, index) => ({
      type: "symbol",
      from: { data: `dots${index}` },
      encode: {
        update: {
          x: { scale: "x", field: "x" },
          y: { scale: "y", field: "y" },
          size: { value: 22 },
          fill: { value: color },
        },
      },
    })),
  };
}

/** The chart of one problem and base optimizer. */
export function sweepChart(
  study: StudyResult,
  problem: ProblemName,
  base: Base,
  tower: TowerName,
  { room = 500, height: tall = 250 }: { room?: number | undefined; height?: number } = {},
): Chart {
  const [left, right] = [56, 14];
  const width = room - left - right;
  const start = startOf(study, problem);
  const swept = ALL_HEIGHTS.map((height) => ({ height, outcomes: sweep(study, problem, base, { tower, height }) }));
  const ends = swept.flatMap(({ outcomes }) => outcomes.map(finalLoss));
  const { domain, clamp } = lossAxis(
    ends.map(({ middle }) => middle),
    ends.map(({ least }) => least),
    start,
  );
  const rates: [number, number] = [(study.rates[0] as number) / 1.5, (study.rates.at(-1) as number) * 1.5];
  const bands = swept.map(({ height, outcomes }) => ({
    color: heightColor(height),
    points: outcomes.map((outcome) => {
      const { least, most } = finalLoss(outcome);
      return { x: outcome.method.rate.lr, low: clamp(least), high: clamp(most) };
    }),
  }));
  const lines = swept.map(({ height, outcomes }) => ({
    color: heightColor(height),
    width: height === 0 ? 2.6 : 2,
    points: outcomes.map((outcome) => ({ x: outcome.method.rate.lr, y: clamp(finalLoss(outcome).middle) })),
  }));
  const parts = [bandMarks(bands), startLine(start, width), lineMarks(lines), dots(lines)];
  return {
    description: `Final training loss against the initial learning rate, one line for each height of the tower, on ${problem}.`,
    width,
    height: tall,
    padding: { left, right, top: 30, bottom: 44 },
    scales: [log("x", rates, "width"), yScale(domain)],
    axes: [logBottomAxis("initial learning rate", rates), yAxis("final training loss", domain)],
    data: parts.flatMap(({ data }) => data),
    marks: parts.flatMap(({ marks }) => marks),
  };
}
