/**
 * Charts are drawn once, when the report is written: Vega turns a specification into SVG text without a browser. Colours are CSS
 * variables of the page, so that one drawing is right in light and in dark; the sizes inside are fixed and the page scales the whole.
 */

import type { Axis, Data, Mark, Scale, Spec } from "vega";

export type { Data, Mark };

/** A chart: what goes inside its frame, and how much room the frame leaves for axes and labels. */
export interface Chart {
  /** One sentence for those who can't see it. */
  description: string;
  /** Width of the plotting area, in pixels. */
  width: number;
  /** Height of the plotting area, in pixels. */
  height: number;
  /** Room around the plotting area, in pixels. */
  padding: { left: number; right: number; top: number; bottom: number };
  data: Data[];
  scales: Scale[];
  axes: Axis[];
  marks: Mark[];
}

/** Colours of the page that charts refer to. */
export const ink = {
  text: "var(--text)",
  muted: "var(--muted)",
  grid: "var(--grid)",
  surface: "var(--card)",
  accent: "var(--accent)",
} as const;

const FONT = "inherit";

/** Draws a chart as an `<svg>` element that can stand in an HTML page as it is. */
export async function drawSvg(chart: Chart): Promise<string> {
  const { description, ...parts } = chart;
  const spec: Spec = {
    ...parts,
    description,
    autosize: { type: "none" },
    background: "transparent",
    config: {
      axis: {
        domain: false,
        ticks: false,
        gridColor: ink.grid,
        labelColor: ink.muted,
        labelFont: FONT,
        labelFontSize: 12,
        labelPadding: 6,
        titleColor: ink.muted,
        titleFont: FONT,
        titleFontSize: 12,
        titleFontWeight: "normal",
        titlePadding: 8,
        aria: false,
      },
      text: { font: FONT, fontSize: 11, fill: ink.text },
      group: { stroke: "transparent" },
    },
  };
  // Loaded only where something is drawn: workers import the kit, too, and draw nothing.
  const { parse, View } = await import("vega");
  const view = new View(parse(withoutAria(spec)), { renderer: "none" });
  try {
    return standalone(await view.toSVG());
  } finally {
    view.finalize();
  }
}

/** Screen readers get the chart's one sentence, not thousands of marks. */
function withoutAria(spec: Spec): Spec {
  return { ...spec, marks: (spec.marks ?? []).map((mark) => ({ ...mark, aria: false })) };
}

/** An `<svg>` inside HTML needs no namespaces, and takes its size from the page. */
function standalone(svg: string): string {
  return svg
    .replace(/ xmlns(:xlink)?="[^"]*"/g, "")
    .replace(/^<svg([^>]*?) width="[^"]*" height="[^"]*"/, '<svg role="img"$1');
}
