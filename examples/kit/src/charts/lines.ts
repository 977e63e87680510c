/** Lines over training steps, the form of every curve in the report. */

import type { Data, Mark } from "vega";
import { thinned } from "./thin.ts";

/** One line. */
export interface Line {
  color: string;
  /** In pixels. @defaultValue 2 */
  width?: number;
  /** @defaultValue 1 */
  opacity?: number;
  points: { x: number; y: number }[];
}

const MOST_POINTS = 150;

/** The data sets and marks that draw lines with the scales `x` and `y`; where a number is not finite, a line has a gap at that point. */
export function lineMarks(lines: readonly Line[]): { data: Data[]; marks: Mark[] } {
  const data = lines.map(({ points }, index): Data => {
    const finite = points.filter(({ x, y }) => Number.isFinite(x) && Number.isFinite(y));
    return { name: `line${index}`, values: thinned(finite.length, MOST_POINTS).flatMap((at) => finite[at] ?? []) };
  });
  const marks = lines.map(
    ({ color, width = 2, opacity = 1 }, index): Mark => ({
      type: "line",
      from: { data: `line${index}` },
      encode: {
        update: {
          x: { scale: "x", field: "x" },
          y: { scale: "y", field: "y" },
          stroke: { value: color },
          strokeWidth: { value: width },
          strokeOpacity: { value: opacity },
          strokeJoin: { value: "round" },
        },
      },
    }),
  );
  return { data, marks };
}
