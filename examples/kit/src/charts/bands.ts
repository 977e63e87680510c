/** Bands between two lines: how far seeds lie apart. */

import type { Data, Mark } from "vega";

/** One band. */
export interface Band {
  color: string;
  points: { x: number; low: number; high: number }[];
}

/** The data sets and marks that draw bands with the scales `x` and `y`. */
export function bandMarks(bands: readonly Band[]): { data: Data[]; marks: Mark[] } {
  return {
    data: bands.map(({ points }, index) => ({ name: `band${index}`, values: points })),
    marks: bands.map(
      ({ color }, index): Mark => ({
        type: "area",
        from: { data: `band${index}` },
        encode: {
          update: {
            x: { scale: "x", field: "x" },
            y: { scale: "y", field: "high" },
            y2: { scale: "y", field: "low" },
            fill: { value: color },
            fillOpacity: { value: 0.16 },
          },
        },
      }),
    ),
  };
}
