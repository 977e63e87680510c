/** Values: arrays of numbers that are on the heap, or will be as soon as somebody needs them. */
import type { DataType } from "@tensorflow/tfjs-core";
import type { Reach } from "./geometry.js";
import { costOf, type Operation } from "./operations.js";

export interface Operand extends Reach {
  readonly value: Value;
}

/** How a value is computed of others. */
interface Expression {
  readonly operation: Operation;
  readonly operands: readonly Operand[];
  readonly constants: readonly number[];
}

export interface Value {
  /** By which the engine and the backend know it. */
  readonly dataId: object;
  readonly shape: readonly number[];
  readonly size: number;
  readonly dtype: DataType;
  /** As long as it is not computed. */
  expression: Expression | undefined;
  /** How often tensors refer to it, as long as it is not computed; the backend counts after that. */
  refs: number;
  /** How often values that are not computed yet have it as an operand. */
  uses: number;
  readonly users: Set<Value>;
  /** It is on the heap for its users alone; no tensor is left that refers to it. */
  orphan: boolean;
}

/** What has to be computed for a value: the values that are not, operands first. */
export function pendingOf(roots: readonly Value[]): Value[] {
  const found = new Set<Value>();
  const visit = (value: Value): void => {
    if (!value.expression || found.has(value)) return;
    for (const operand of value.expression.operands) visit(operand.value);
    found.add(value);
  };
  for (const root of roots) visit(root);
  return [...found];
}

/** The values on the heap that these are computed of, as large as they are. */
export function sourcesOf(pending: readonly Value[]): Set<Value> {
  const sources = new Set<Value>();
  for (const { expression, size } of pending) {
    for (const { value } of expression?.operands ?? []) {
      if (!value.expression && value.size === size) sources.add(value);
    }
  }
  return sources;
}

/** What it costs to compute these; an addition is 1. */
export const costOfAll = (pending: readonly Value[]): number =>
  pending.reduce((cost, { expression }) => cost + (expression ? costOf(expression.operation) : 0), 0);
