/** What a method did to every layer (tensor of weights): its learned radius, the share of its rows that are bound, how far it went. */

import {
  bottomAxis,
  type Chart,
  extent,
  ink,
  linear,
  log,
  logExtent,
  logLabels,
  logTicks,
  type Mark,
  significant,
  thinned,
} from "@hypergrad/example-kit";
import type { LayerTrace, MethodResult, Run, StudyResult } from "../../result.ts";
import { mean } from "../../statistics.ts";
import { methodColors } from "./colors.ts";
import { across, markOf } from "./marks.ts";
import { roomFor, shortName } from "./names.ts";

/** Height of a layer's row. */
const ROW = 19;

/**
 * The radius of every layer over training steps, from the first seed: one row a layer, filled to the radius on a scale that all rows share (see {@link largestRadius}),
 * and the radius at the end in numbers.
 */
export function learnedRadii(method: MethodResult, room = 500): Chart | null {
  const [run] = method.runs;
  const layers = tracedLayers(run, "radius");
  if (run === undefined || layers.length === 0) return null;
  const names = layers.map(([name]) => name);
  const [left, right] = [10 + roomFor(names), 56];
  const width = room - left - right;
  const steps = thinned(run.traced.length, 80);
  const base = (row: number) => ROW * (row + 1) - 2;
  const rows = layers.map(([, layer], row) => ({
    row,
    points: steps.flatMap((at) => {
      const radius = layer.radius[at] ?? Number.NaN;
      return Number.isFinite(radius) ? [{ x: run.traced[at], radius }] : [];
    }),
  }));
  const ends = layers.map(([, layer], row) => ({
    y: ROW * (row + 0.5),
    text: significant(Number((layer.radius.at(-1) ?? Number.NaN).toPrecision(2))),
  }));
  return {
    description: `Learned radius of every layer over training steps, ${method.label}.`,
    width,
    height: ROW * layers.length,
    padding: { left, right, top: 4, bottom: 44 },
    scales: [
      linear("x", extent(run.traced), "width"),
      { name: "y", type: "linear", domain: [0, largestRadius(method)], range: [ROW - 4, 0] },
    ],
    axes: [bottomAxis("x", "training step", { grid: false, tickCount: Math.max(2, Math.round(width / 50)) })],
    data: [
      ...rows.map(({ row, points }) => ({ name: `row${row}`, values: points })),
      { name: "ends", values: ends },
      { name: "bases", values: rows.map(({ row }) => ({ y: base(row) })) },
      rowNames(names, ROW),
    ],
    marks: [
      across("bases", { value: 0 }, { signal: "width" }),
      ...rows.map(({ row }) => radiusMark(row, base(row))),
      rowLabels(),
      endMarks(),
    ],
  };
}

/** The radius of one layer, filled down to the base of its row. */
const radiusMark = (row: number, base: number): Mark =>
  markOf("area", `row${row}`, {
    x: { scale: "x", field: "x" },
    y: { scale: "y", field: "radius", offset: base - ROW + 4 },
    y2: { value: base },
    fill: { value: ink.accent },
    fillOpacity: { value: 0.75 },
  });

/** Numbers at the end of the rows. */
const endMarks = (): Mark =>
  markOf("text", "ends", {
    x: { signal: "width + 8" },
    y: { field: "y" },
    text: { field: "text" },
    baseline: { value: "middle" },
    fontSize: { value: 10.5 },
    fill: { value: ink.text },
  });

/** The top of a row of {@link learnedRadii}: the largest radius of all layers. */
export function largestRadius({ runs: [run] }: MethodResult): number {
  return Math.max(...tracedLayers(run, "radius").flatMap(([, { radius }]) => radius.filter(Number.isFinite)));
}

const CELL = 15;

/** Share of rows bound, layers from top to bottom, steps from left to right; the mean over the seeds, darker is more. */
export function boundShares(method: MethodResult, room = 500): Chart | null {
  const [run] = method.runs;
  const layers = tracedLayers(run, "bound");
  if (run === undefined || layers.length === 0) return null;
  const columns = thinned(run.traced.length, 60);
  const names = layers.map(([name]) => name);
  const left = 10 + roomFor(names);
  const width = room - left - 14;
  const height = CELL * layers.length;
  const [first, last] = [run.traced[columns[0] ?? 0] ?? 0, run.traced[columns.at(-1) ?? 0] ?? 1];
  const half = (last - first) / Math.max(1, columns.length - 1) / 2 || 0.5;
  return {
    description: `Share of rows bound by the radius, by layer and training step, ${method.label}.`,
    width,
    height,
    padding: { left, right: 14, top: 4, bottom: 44 },
    scales: [linear("x", [first - half, last + half], "width")],
    axes: [bottomAxis("x", "training step", { grid: false, tickCount: Math.max(2, Math.round(width / 50)) })],
    data: [{ name: "cells", values: boundCells(method, names, columns, width) }, rowNames(names, CELL)],
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
      markOf("rect", "cells", {
        x: { field: "x" },
        y: { field: "y" },
        width: { value: width / columns.length },
        height: { value: CELL - 1.5 },
        fill: { value: ink.accent },
        fillOpacity: { field: "share" },
      }),
      rowLabels(),
    ],
  };
}

/** Where each share stands, those that are known. */
function boundCells(
  method: MethodResult,
  names: readonly string[],
  columns: readonly number[],
  width: number,
): object[] {
  const cells = names.flatMap((name, row) =>
    columns.map((at, column) => ({
      x: rounded((width * column) / columns.length),
      y: CELL * row,
      share: rounded(mean(method.runs.flatMap(({ layers: all }) => all[name]?.bound[at] ?? []))),
    })),
  );
  return cells.filter(({ share }) => Number.isFinite(share));
}

/** Distance from the pre-trained weights at the end of training, one row a layer, one dot a method; the mean over the seeds. */
export function distances(result: StudyResult, room = 1060): Chart | null {
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
  const left = 10 + roomFor(names);
  const span = logExtent(dots.map(({ distance }) => distance));
  const lines = names.map((_, index) => {
    const y = row * (index + 0.5);
    const [low, high] = extent(dots.filter((dot) => dot.y === y).map(({ distance }) => distance));
    return { y, low: Math.max(low, span[0]), high: Math.max(high, span[0]) };
  });
  return {
    description:
      "Mean L1 distance of every layer’s rows from their pre-trained values at the end of training, by method.",
    width: room - left - 18,
    height: row * names.length,
    padding: { left, right: 18, top: 4, bottom: 44 },
    scales: [log("x", span, "width")],
    axes: [
      bottomAxis("x", "L1 distance (log scale)", { values: logTicks(span), encode: logLabels, labelOverlap: true }),
    ],
    data: [{ name: "dots", values: dots }, { name: "lines", values: lines }, rowNames(names, row)],
    marks: [...distanceMarks(), rowLabels()],
  };
}

/** A dot for every method, and a line from the first of a layer to the last. */
const distanceMarks = (): Mark[] => [
  markOf("rule", "lines", {
    x: { scale: "x", field: "low" },
    x2: { scale: "x", field: "high" },
    y: { field: "y" },
    stroke: { value: ink.muted },
    strokeOpacity: { value: 0.5 },
  }),
  markOf("symbol", "dots", {
    x: { scale: "x", field: "distance" },
    y: { field: "y" },
    size: { value: 64 },
    fill: { field: "color" },
    fillOpacity: { value: 0.9 },
    stroke: { value: ink.surface },
    strokeWidth: { value: 1 },
  }),
];

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

const rowLabels = (): Mark =>
  markOf("text", "names", {
    x: { value: -8 },
    y: { field: "y" },
    text: { field: "text" },
    align: { value: "right" },
    baseline: { value: "middle" },
    fontSize: { value: 10.5 },
    fill: { value: ink.text },
  });
