/** Lines over training steps, the form of every curve in the report. */

import type { Data, Mark } from "vega";
import { ink } from "./svg.ts";
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

/** A name beside the end of a line, moved along the axis where names would overlap, with a thin leader to where the line ends. */
export function endLabels(
  labels: readonly { text: string; color: string; end: number }[],
  { width, height, spacing = 12 }: { width: number; height: number; spacing?: number },
): { data: Data[]; marks: Mark[] } {
  const places = spread(
    labels.map(({ end }) => end),
    spacing,
    height,
  );
  const values = labels.map((label, index) => ({ ...label, place: places[index] ?? label.end }));
  return {
    data: [{ name: "ends", values }],
    marks: [
      {
        type: "rule",
        from: { data: "ends" },
        encode: {
          update: {
            x: { value: width + 3 },
            x2: { value: width + 20 },
            y: { field: "end" },
            y2: { field: "place" },
            stroke: { field: "color" },
            strokeWidth: { value: 0.8 },
            strokeOpacity: { value: 0.7 },
          },
        },
      },
      {
        type: "text",
        from: { data: "ends" },
        encode: {
          update: {
            x: { value: width + 24 },
            y: { field: "place" },
            text: { field: "text" },
            baseline: { value: "middle" },
            fontSize: { value: 10.5 },
            fill: { value: ink.text },
          },
        },
      },
    ],
  };
}

/**
 * Moves places apart until neighbours are at least `spacing` from each other and all lie in [0, height], keeping their order:
 * clumps of places that are too close are laid out evenly around their own mean.
 */
export function spread(wanted: readonly number[], spacing: number, height: number): number[] {
  const order = wanted.map((_, index) => index).sort((a, b) => (wanted[a] ?? 0) - (wanted[b] ?? 0));
  const clumps: { members: number[]; center: number }[] = [];
  for (const index of order) {
    clumps.push({ members: [index], center: wanted[index] ?? 0 });
    for (
      let last = clumps.at(-1), previous = clumps.at(-2);
      last && previous && top(last) < bottom(previous) + spacing;
    ) {
      const members = [...previous.members, ...last.members];
      const center = (previous.center * previous.members.length + last.center * last.members.length) / members.length;
      clumps.splice(-2, 2, { members, center });
      last = clumps.at(-1);
      previous = clumps.at(-2);
    }
  }
  const places = wanted.map(() => 0);
  for (const clump of clumps)
    for (const [at, index] of clump.members.entries()) places[index] = top(clump) + at * spacing;
  return places;

  function half({ members }: { members: number[] }): number {
    return ((members.length - 1) * spacing) / 2;
  }
  function top(clump: { members: number[]; center: number }): number {
    return Math.min(Math.max(clump.center - half(clump), 0), Math.max(0, height - 2 * half(clump)));
  }
  function bottom(clump: { members: number[]; center: number }): number {
    return top(clump) + 2 * half(clump);
  }
}
