/**
 * What the report shows of a run's inside: the learned radius of every layer, the share of its rows that the radius binds, and how far
 * the layer is from its pre-trained value.
 */
import type { Hyperparameters } from "@hypergrad/core";
import { HEAD, type Model } from "./model.js";
import type { LayerTrace } from "./result.js";
import type { Weights } from "./weights.js";

/** A row counts as bound where its norm has reached the radius, up to float32's rounding of both. */
const REACHED = 1 - 1e-3;

/** Collects the traces of one run. */
export interface Tracer {
  /** The steps traced so far. */
  readonly steps: number[];
  /** The learning rate at each of them. */
  readonly lr: number[];
  /** By variable name. */
  readonly layers: Record<string, LayerTrace>;
  /** Adds the present state. */
  add(step: number, hyperparameters: Hyperparameters): void;
}

/** The L1 distance of every row (output channel: the last axis; a 1-D tensor is one row) between two tensors. */
function rowDistances(now: ArrayLike<number>, before: ArrayLike<number>, shape: readonly number[]): Float64Array {
  const rows = shape.length < 2 ? 1 : (shape.at(-1) as number);
  const distances = new Float64Array(rows);
  for (let i = 0; i < now.length; i++) {
    const row = i % rows;
    distances[row] = (distances[row] as number) + Math.abs((now[i] as number) - (before[i] as number));
  }
  return distances;
}

/** Traces a model that began from these weights. */
export function createTracer(model: Model, pretrained: Weights): Tracer {
  const steps: number[] = [];
  const lr: number[] = [];
  const layers: Record<string, LayerTrace> = {};
  return {
    steps,
    lr,
    layers,
    add(step, hyperparameters) {
      steps.push(step);
      for (const [name, variable] of Object.entries(model.variables)) {
        const values = hyperparameters[variable.name] ?? {};
        if (name === HEAD.kernel) lr.push(values.lr as number);
        const before = pretrained[name];
        if (!before) continue;
        layers[name] ??= { radius: [], bound: [], distance: [] };
        const layer = layers[name];
        const rows = rowDistances(variable.dataSync(), before.values, variable.shape);
        layer.distance.push(rows.reduce((a, b) => a + b, 0) / rows.length);
        const radius = values.radius;
        if (typeof radius !== "number") continue;
        layer.radius.push(radius);
        layer.bound.push(rows.reduce((bound, n) => bound + Number(n >= radius * REACHED), 0) / rows.length);
      }
    },
  };
}
