import { hyper, type Spec } from "@hypergrad/core";
import { expect } from "vitest";
import { refusesUnchanged, step, variables } from "../../core/test/support.js";

export const shapes = { "body/kernel": [4, 3], "body/bias": [3], "head/kernel": [3, 2] } as const;

/** Expects the first step of a new optimizer to be refused, with nothing changed. */
export async function refusesFirstStep(spec: Spec, ...parts: string[]): Promise<void> {
  const all = variables(shapes);
  const optimizer = hyper(spec);
  await refusesUnchanged(optimizer, all, () => step(optimizer, all, 1), ...parts);
  expect(optimizer.iterations).toBe(0);
  optimizer.dispose();
}
