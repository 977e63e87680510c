/** What happened while the methods were trained: one bold line a method, the mean of its seeds, and one thin line a seed. */

import {
  bottomAxis,
  type Chart,
  extent,
  ink,
  type Line,
  leftAxis,
  linear,
  lineMarks,
  log,
  logExtent,
  logLabels,
  logTicks,
  padded,
} from "@hypergrad/example-kit";
import type { CurvePoint, MethodResult, StudyResult } from "../../result.ts";
import { mean } from "../../statistics.ts";
import { methodColors } from "./colors.ts";

type Quantity = "trainLoss" | "validation" | "shifted";

const TITLES: Record<Quantity, string> = {
  trainLoss: "loss (nats per picture)",
  validation: "validation accuracy (%)",
  shifted: "mean validation accuracy (%)",
};

/** One training curve. Accuracy is drawn in percent. */
export function trainingCurve(result: StudyResult, quantity: Quantity): Chart {
  const colors = methodColors(result);
  const factor = quantity === "trainLoss" ? 1 : 100;
  const lines = result.methods.flatMap((method): Line[] => {
    const color = colors[method.name] ?? ink.text;
    const seeds = method.runs.map(({ curve }) =>
      curve.map((point) => ({
        x: point.step,
        y: Number.isFinite(point[quantity]) ? factor * point[quantity] : Number.NaN,
      })),
    );
    const thin = seeds.length < 2 ? [] : seeds.map((points): Line => ({ color, width: 1, opacity: 0.35, points }));
    return [
      ...thin,
      { color, width: 2.2, points: meanCurve(method, quantity).map(({ x, y }) => ({ x, y: factor * y })) },
    ];
  });
  const points = lines.flatMap((line) => line.points);
  return {
    description: `${TITLES[quantity]} over training steps, by method.`,
    width: 256,
    height: 200,
    padding: { left: 38, right: 12, top: 30, bottom: 44 },
    scales: [
      linear("x", extent(points.map(({ x }) => x)), "width"),
      linear("y", padded(extent(points.map(({ y }) => y))), "height"),
    ],
    axes: [bottomAxis("x", "training step", { grid: false }), leftAxis("y", TITLES[quantity], { titleX: -38 })],
    ...lineMarks(lines),
  };
}

/** The mean of a method's seeds at every step that was evaluated. */
function meanCurve(method: MethodResult, quantity: Quantity): { x: number; y: number }[] {
  const byStep = new Map<number, CurvePoint[]>();
  for (const { curve } of method.runs)
    for (const point of curve) byStep.set(point.step, [...(byStep.get(point.step) ?? []), point]);
  return [...byStep]
    .sort(([a], [b]) => a - b)
    .map(([step, points]) => ({ x: step, y: mean(points.map((point) => point[quantity]).filter(Number.isFinite)) }));
}

/** A rate below this part of the largest is at the end of a schedule that goes to zero; a logarithmic axis has no place for it. */
const FAINTEST = 1e-3;

/** The learning rate in force over training steps, one line a method and seed; null where no method had one. */
export function learningRates(result: StudyResult, room = 1030): Chart | null {
  const colors = methodColors(result);
  const runs = result.methods.flatMap((method) => method.runs.map((run) => ({ method, run })));
  const largest = Math.max(...runs.flatMap(({ run }) => run.lr));
  if (!(largest > 0)) return null;
  const lines = runs.map(
    ({ method, run }): Line => ({
      color: colors[method.name] ?? ink.text,
      // Methods with the same schedule lie on each other: the ones below are wider and show at both sides.
      width: 1.6 + 1.8 * Math.min(2, result.methods.length - 1 - result.methods.indexOf(method)),
      points: run.traced.map((step, at) => {
        const rate = run.lr[at] ?? Number.NaN;
        return { x: step, y: rate >= FAINTEST * largest ? rate : Number.NaN };
      }),
    }),
  );
  const points = lines.flatMap((line) => line.points);
  const span = logExtent(points.map(({ y }) => y));
  return {
    description: "Learning rate over training steps, by method and seed.",
    width: room - 56 - 14,
    height: 230,
    padding: { left: 56, right: 14, top: 28, bottom: 42 },
    scales: [linear("x", extent(points.map(({ x }) => x)), "width"), log("y", span, "height")],
    axes: [
      bottomAxis("x", "training step", { grid: false, tickCount: room / 90 }),
      leftAxis("y", "learning rate (log scale)", { values: logTicks(span), encode: logLabels, titleX: -56 }),
    ],
    ...lineMarks(lines),
  };
}
