/**
 * Accuracy as dots with error bars: a dot may be compared on an axis that does not begin at zero, where a bar would exaggerate.
 */

import { bottomAxis, type Chart, extent, ink, linear, type Mark, padded } from "@hypergrad/example-kit";
import type { Estimate, StudyResult } from "../../result.ts";
import { accuracyOn, finetunedDomain, shiftedDomains } from "../findings.ts";
import { percentEstimate } from "../format.ts";
import { methodColors } from "./colors.ts";
import { across, markOf } from "./marks.ts";

/** One dot with its error bar, at a height in pixels. */
interface Dot {
  y: number;
  mean: number;
  low: number;
  high: number;
  color: string;
}

const ROW = 48;
/** Room at both sides: half a number of the axis. */
const SIDE = 14;

/**
 * Two charts, in distribution and mean out of distribution, one labelled row a method; small dots are the seeds. Both axes span
 * equally many points of accuracy, so that a gap here and a gap there compare.
 */
export function accuracyByMethod(result: StudyResult, room = 496): { inside: Chart; outside: Chart } {
  const domains = { inside: [finetunedDomain(result)], outside: shiftedDomains(result) };
  const spans = { inside: valuesOn(result, domains.inside), outside: valuesOn(result, domains.outside) };
  const widest = Math.max(...Object.values(spans).map(([low, high]) => high - low));
  const draw = (side: "inside" | "outside", title: string): Chart => {
    const middle = (spans[side][0] + spans[side][1]) / 2;
    return byMethod(result, domains[side], [middle - widest / 2, middle + widest / 2], title, room);
  };
  return {
    inside: draw("inside", `accuracy on ${domains.inside.join()} (%)`),
    outside: draw("outside", `mean accuracy on the ${domains.outside.length} other domains (%)`),
  };
}

function valuesOn(result: StudyResult, domains: readonly string[]): [number, number] {
  const means = result.methods.map((method) =>
    domains.length === 1 ? method.accuracy[domains[0] ?? ""] : method.shifted,
  );
  const bars = means.flatMap((value) => (value === undefined ? [] : ends(value)));
  return padded(extent([...bars, ...seedsOn(result, domains)].map((share) => 100 * share)), 0.08);
}

function seedsOn(result: StudyResult, domains: readonly string[]): number[] {
  return result.methods.flatMap((method) => method.runs.map((run) => accuracyOn(run, domains)));
}

/** The rows of a chart by method: a title, the value in words, and the dot between them. */
function methodRows(result: StudyResult, domains: readonly string[]) {
  const colors = methodColors(result);
  return result.methods.map((method, index) => {
    const value = (domains.length === 1 ? method.accuracy[domains[0] ?? ""] : method.shifted) ?? nothing;
    const color = colors[method.name] ?? ink.text;
    return { method, value, color, y: ROW * index + 32 };
  });
}

function byMethod(
  result: StudyResult,
  domains: readonly string[],
  span: [number, number],
  title: string,
  room: number,
): Chart {
  const width = room - 2 * SIDE;
  const rows = methodRows(result, domains);
  const seeds = rows.flatMap(({ method, color, y }) =>
    method.runs.map((run) => ({ x: 100 * accuracyOn(run, domains), y, color })),
  );
  const labels = rows.flatMap(({ method, value, y }) => [
    { x: 0, y: y - 12, text: method.label, align: "left" },
    { x: width, y: y - 12, text: `${percentEstimate(value)}`, align: "right" },
  ]);
  return {
    description: `${title}: ${rows.map(({ method, value }) => `${method.label} ${percentEstimate(value)}`).join(", ")}.`,
    width,
    height: ROW * rows.length + 4,
    padding: { left: SIDE, right: SIDE, top: 4, bottom: 42 },
    scales: [linear("x", span, "width")],
    axes: [bottomAxis("x", title)],
    marks: [across("rows", { value: 0 }, { value: width }), seedMarks(), ...dotMarks(110), labelMarks()],
    data: [
      { name: "seeds", values: seeds.filter(({ x }) => Number.isFinite(x)) },
      { name: "dots", values: rows.flatMap(({ value, color, y }) => dotAt(value, color, y)) },
      { name: "labels", values: labels },
      { name: "rows", values: rows.map(({ y }) => ({ y })) },
    ],
  };
}

const seedMarks = (): Mark =>
  markOf("symbol", "seeds", {
    x: { scale: "x", field: "x" },
    y: { field: "y" },
    size: { value: 24 },
    fill: { field: "color" },
    fillOpacity: { value: 0.4 },
  });

const labelMarks = (): Mark =>
  markOf("text", "labels", {
    x: { field: "x" },
    y: { field: "y" },
    text: { field: "text" },
    align: { field: "align" },
    fontSize: { value: 13 },
    fill: { value: ink.text },
  });

/** One chart: a group of rows for every domain, the fine-tuned one first, one dot a method in it. */
export function accuracyByDomain(result: StudyResult, room = 1106): Chart {
  const left = 92;
  const width = room - left - SIDE;
  const colors = methodColors(result);
  const domains = [finetunedDomain(result), ...shiftedDomains(result)];
  const line = 13;
  const group = line * result.methods.length + 20;
  const dots = domains.flatMap((domain, row) =>
    result.methods.flatMap((method, index) =>
      dotAt(
        method.accuracy[domain] ?? nothing,
        colors[method.name] ?? ink.text,
        group * row + 10 + line * (index + 0.5),
      ),
    ),
  );
  const labels = domains.map((domain, row) => ({
    y: group * (row + 0.5),
    text: domain,
    note: row === 0 ? "fine-tuned" : "",
  }));
  return {
    description: "Accuracy of every method on every domain; the same numbers are in the table.",
    width,
    height: group * domains.length,
    padding: { left, right: SIDE, top: 6, bottom: 42 },
    scales: [linear("x", padded(extent(dots.flatMap(({ low, high }) => [low, high])), 0.04), "width")],
    axes: [bottomAxis("x", "accuracy (%)", { tickCount: Math.min(8, width / 50) })],
    data: [
      { name: "dots", values: dots },
      { name: "labels", values: labels },
      { name: "lines", values: domains.slice(1).map((_, row) => ({ y: group * (row + 1) })) },
    ],
    marks: [across("lines", { value: -left }, { value: width }), ...domainMarks(), ...dotMarks(70)],
  };
}

/** The name of a domain at the left, with a note below it. */
function domainMarks(): Mark[] {
  const at = { align: { value: "right" }, baseline: { value: "middle" } };
  return [
    markOf("text", "labels", {
      x: { value: -14 },
      y: { signal: "datum.y + (datum.note ? -7 : 0)" },
      text: { field: "text" },
      ...at,
      fontSize: { value: 13 },
      fill: { value: ink.text },
    }),
    markOf("text", "labels", {
      x: { value: -14 },
      y: { signal: "datum.y + 9" },
      text: { field: "note" },
      ...at,
      fill: { value: ink.muted },
    }),
  ];
}

const nothing: Estimate = { mean: Number.NaN, standardError: null };

function ends({ mean, standardError }: Estimate): [number, number] {
  return [mean - (standardError ?? 0), mean + (standardError ?? 0)];
}

function dotAt(value: Estimate, color: string, y: number): Dot[] {
  const [low, high] = ends(value);
  return Number.isFinite(value.mean) ? [{ y, color, mean: 100 * value.mean, low: 100 * low, high: 100 * high }] : [];
}

/** Error bars and dots of the data set `dots`. */
const dotMarks = (size: number): Mark[] => [
  markOf("rule", "dots", {
    x: { scale: "x", field: "low" },
    x2: { scale: "x", field: "high" },
    y: { field: "y" },
    stroke: { field: "color" },
    strokeWidth: { value: 2 },
  }),
  markOf("symbol", "dots", {
    x: { scale: "x", field: "mean" },
    y: { field: "y" },
    size: { value: size },
    fill: { field: "color" },
    stroke: { value: ink.surface },
    strokeWidth: { value: 1.5 },
  }),
];
