/**
 * A run that is saved before every test, on variables of its own, and taken away after it.
 */
import { type Checkpoint, type HyperOptimizer, hyper, type Spec } from "@hypergrad/core";
import * as tf from "@tensorflow/tfjs";
import { afterEach, beforeEach } from "vitest";
import { step, variables } from "./support.js";

export const shapes = { w: [2, 3], b: [3] } as const;

export let all: Record<keyof typeof shapes, tf.Variable>;
export let optimizer: HyperOptimizer;
export let saved: Checkpoint;

/** For the tests of a file: a run of so many steps, each with noise for gradients. */
export function saveBeforeEach(spec: Spec, steps: number): void {
  beforeEach(async () => {
    all = variables(shapes);
    optimizer = hyper(spec);
    for (let i = 0; i < steps; i++) step(optimizer, all, i);
    saved = await optimizer.checkpoint();
  });

  afterEach(() => {
    optimizer.dispose();
    tf.disposeVariables();
  });
}
