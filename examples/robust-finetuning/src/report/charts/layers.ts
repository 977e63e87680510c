/** What a method did to every layer (tensor of weights): its learned radius, the share of its rows that are bound, how far it went. */

import {
  bottomAxis,
  type Chart,
  endLabels,
  extent,
  ink,
  type Line,
  leftAxis,
  linear,
  lineMarks,
  log,
  logExtent,
  logTicks,
  thinned,
} from "@hypergrad/example-kit";
import type { LayerTrace, MethodResult, Run, StudyResult } from "../../result.ts";
import { mean } from "../../statistics.ts";
import { layerColor, methodColors } from "./colors.ts";
import { roomFor, shortName } from "./names.ts";

/** The radius of every layer over training steps, from the first seed; every line is named at its end. */
export function learnedRadii(method: MethodResult): Chart | null {
  const [run] = method.runs;
  const layers = tracedLayers(run, "radius");
  if (run === undefined || layers.length === 0) return null;
  const width = 280;
  const height = Math.max(300, 13 * layers.length);
  const span = radiusSpan(layers.map(([, layer]) => layer.radius));
  const clip = (radius: number) => (radius > 0 ? Math.max(radius, span[0]) : Number.NaN);
  const lines = layers.map(
    ([, layer], index): Line => ({
      color: layerColor(index, layers.length),
      width: 1.5,
      points: run.traced.map((step, at) => ({ x: step, y: clip(layer.radius[at] ?? Number.NaN) })),
    }),
  );
  const place = (radius: number) => (height * Math.log(span[1] / radius)) / Math.log(span[1] / span[0]);
  const names = layers.map(([name, layer], index) => ({
    text: shortName(name),
    color: layerColor(index, layers.length),
    end: place(clip(layer.radius.at(-1) ?? Number.NaN)),
  }));
  const drawn = lineMarks(lines);
  const named = endLabels(names, { width, height });
  return {
    description: `Learned radius of every layer over training steps, ${method.label}, seed ${run.seed}.`,
    width,
    height,
    padding: { left: 52, right: 26 + roomFor(layers.map(([name]) => name)), top: 30, bottom: 44 },
    scales: [linear("x", extent(run.traced), "width"), log("y", span, "height")],
    axes: [
      bottomAxis("x", "training step", { grid: false }),
      leftAxis("y", "learned radius (log scale)", { values: logTicks(span), format: "~g", titleX: -52 }),
    ],
    data: [...drawn.data, ...named.data],
    marks: [...drawn.marks, ...named.marks],
  };
}

/** A radius begins at next to nothing (1e-8) and leaves it within a few steps: the axis does not go down there for a few points only. */
function radiusSpan(radii: readonly number[][]): [number, number] {
  const positive = radii.flat().filter((radius) => radius > 0);
  const settled = radii.flatMap((radius) => radius.slice(Math.ceil(radius.length / 10))).filter((radius) => radius > 0);
  return logExtent(settled.length > 0 ? settled : positive);
}

const CELL = 15;

/** Share of rows bound, layers from top to bottom, steps from left to right; the mean over the seeds, darker is more. */
export function boundShares(method: MethodResult): Chart | null {
  const [run] = method.runs;
  const layers = tracedLayers(run, "bound");
  if (run === undefined || layers.length === 0) return null;
  const columns = thinned(run.traced.length, 60);
  const width = 310;
  const height = CELL * layers.length;
  const cells = layers.flatMap(([name], row) =>
    columns.map((at, column) => ({
      x: rounded((width * column) / columns.length),
      y: CELL * row,
      share: rounded(mean(method.runs.flatMap(({ layers: all }) => all[name]?.bound[at] ?? []))),
    })),
  );
  const [first, last] = [run.traced[columns[0] ?? 0] ?? 0, run.traced[columns.at(-1) ?? 0] ?? 1];
  const half = (last - first) / Math.max(1, columns.length - 1) / 2 || 0.5;
  return {
    description: `Share of rows bound by the radius, by layer and training step, ${method.label}.`,
    width,
    height,
    padding: { left: 10 + roomFor(layers.map(([name]) => name)), right: 14, top: 4, bottom: 44 },
    scales: [linear("x", [first - half, last + half], "width")],
    axes: [bottomAxis("x", "training step", { grid: false })],
    data: [
      { name: "cells", values: cells.filter(({ share }) => Number.isFinite(share)) },
      rowNames(
        layers.map(([name]) => name),
        CELL,
      ),
    ],
    marks: [
      {
        type: "rect",
        encode: {
          update: {
            width: { value: width },
            height: { value: height },
            fill: { value: ink.grid },
            fillOpacity: { value: 0.5 },
          },
        },
      },
      {
        type: "rect",
        from: { data: "cells" },
        encode: {
          update: {
            x: { field: "x" },
            y: { field: "y" },
            width: { value: width / columns.length },
            height: { value: CELL - 1.5 },
            fill: { value: ink.accent },
            fillOpacity: { field: "share" },
          },
        },
      },
      rowLabels(),
    ],
  };
}

/** Distance from the pre-trained weights at the end of training, one row a layer, one dot a method; the mean over the seeds. */
export function distances(result: StudyResult): Chart | null {
  const colors = methodColors(result);
  const row = 19;
  const names = [
    ...new Set(result.methods.flatMap(({ runs }) => tracedLayers(runs[0], "distance").map(([name]) => name))),
  ];
  const dots = names.flatMap((name, index) =>
    result.methods.flatMap((method) => {
      const distance = mean(method.runs.flatMap(({ layers }) => layers[name]?.distance.at(-1) ?? []));
      return distance > 0 ? [{ y: row * (index + 0.5), distance, color: colors[method.name] ?? ink.text }] : [];
    }),
  );
  if (dots.length === 0) return null;
  const span = logExtent(dots.map(({ distance }) => distance));
  const lines = names.map((_, index) => {
    const y = row * (index + 0.5);
    const [low, high] = extent(dots.filter((dot) => dot.y === y).map(({ distance }) => distance));
    return { y, low: Math.max(low, span[0]), high: Math.max(high, span[0]) };
  });
  return {
    description:
      "Mean L1 distance of every layer’s rows from their pre-trained values at the end of training, by method.",
    width: 900,
    height: row * names.length,
    padding: { left: 10 + roomFor(names), right: 14, top: 4, bottom: 44 },
    scales: [log("x", span, "width")],
    axes: [
      bottomAxis("x", "distance from the pre-trained weights (mean over rows of the L1 distance, log scale)", {
        values: logTicks(span),
        format: "~g",
      }),
    ],
    data: [{ name: "dots", values: dots }, { name: "lines", values: lines }, rowNames(names, row)],
    marks: [
      {
        type: "rule",
        from: { data: "lines" },
        encode: {
          update: {
            x: { scale: "x", field: "low" },
            x2: { scale: "x", field: "high" },
            y: { field: "y" },
            stroke: { value: ink.muted },
            strokeOpacity: { value: 0.5 },
          },
        },
      },
      {
        type: "symbol",
        from: { data: "dots" },
        encode: {
          update: {
            x: { scale: "x", field: "distance" },
            y: { field: "y" },
            size: { value: 64 },
            fill: { field: "color" },
            fillOpacity: { value: 0.9 },
            stroke: { value: ink.surface },
            strokeWidth: { value: 1 },
          },
        },
      },
      rowLabels(),
    ],
  };
}

/** Three decimals are more than a screen shows; the rest would make up half of the file. */
function rounded(value: number): number {
  return Math.round(1000 * value) / 1000;
}

function tracedLayers(run: Run | undefined, quantity: keyof LayerTrace): [name: string, layer: LayerTrace][] {
  return Object.entries(run?.layers ?? {}).filter(([, layer]) => layer[quantity].length > 0);
}

function rowNames(names: readonly string[], height: number): { name: string; values: object[] } {
  return {
    name: "names",
    values: names.map((name, index) => ({ text: shortName(name), y: height * (index + 0.5) - 0.5 })),
  };
}

function rowLabels() {
  return {
    type: "text" as const,
    from: { data: "names" },
    encode: {
      update: {
        x: { value: -8 },
        y: { field: "y" },
        text: { field: "text" },
        align: { value: "right" as const },
        baseline: { value: "middle" as const },
        fontSize: { value: 10.5 },
        fill: { value: ink.text },
      },
    },
  };
}
