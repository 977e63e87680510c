/**
 * Linear least squares whose Hessian has a condition number of ten thousand, with exact gradients: the textbook case of a problem in
 * which no single learning rate suits all directions.
 *
 * The data are A = √n·Q·diag(s)·Vᵀ with orthonormal Q and V, so that the eigenvalues of the Hessian AᵀA/n are exactly s². Half the mean
 * square at the solution is zero: y = A·x* without noise. Every draw starts from a loss of 1.
 */
import { type Random, randomStream } from "@hypergrad/example-kit";
import { named, type Problem } from "./problem.js";

const ROWS = 64;
const SIZE = 16;
const CONDITION = 1e4;

const dot = (a: Float64Array, b: Float64Array): number => a.reduce((sum, value, i) => sum + value * b[i]!, 0);

/** Orthonormal columns, by Gram and Schmidt from normally distributed numbers; each column is one array. */
function orthonormal(rows: number, columns: number, random: Random): Float64Array[] {
  const basis: Float64Array[] = [];
  while (basis.length < columns) {
    const column = Float64Array.from({ length: rows }, () => random.normal());
    for (const before of basis) {
      const along = dot(column, before);
      for (let i = 0; i < rows; i++) column[i]! -= along * before[i]!;
    }
    const length = Math.hypot(...column);
    basis.push(column.map((value) => value / length));
  }
  return basis;
}

/** Draws the problem. */
export function leastSquares(seed: number): Problem {
  const random = randomStream(seed, "least squares");
  const [left, right] = [orthonormal(ROWS, SIZE, random), orthonormal(SIZE, SIZE, random)];
  const singular = Float64Array.from({ length: SIZE }, (_, k) => CONDITION ** (-k / (2 * (SIZE - 1))));
  const a = new Float64Array(ROWS * SIZE);
  for (let k = 0; k < SIZE; k++) {
    for (let i = 0; i < ROWS; i++) {
      for (let j = 0; j < SIZE; j++) a[i * SIZE + j]! += Math.sqrt(ROWS) * singular[k]! * left[k]![i]! * right[k]![j]!;
    }
  }
  const direction = Float64Array.from({ length: SIZE }, () => random.normal());
  // Scaled so that every draw starts from a loss of 1: that of x = 0 is half of Σ s²(v·x*)².
  const loss0 = singular.reduce((sum, s, k) => sum + (s * dot(right[k]!, direction)) ** 2 / 2, 0);
  const solution = direction.map((value) => value / Math.sqrt(loss0));
  const sum = new Float64Array(SIZE);
  const residualAt = (x: Float32Array, row: number): number => {
    let total = 0;
    for (let j = 0; j < SIZE; j++) total += a[row * SIZE + j]! * (x[j]! - solution[j]!);
    return total;
  };
  return {
    parameters: { x: { shape: [SIZE], values: new Float32Array(SIZE) } },
    rows: ROWS,
    batch: ROWS,
    loss(at, rows, gradients) {
      const x = named(at, "x");
      let total = 0;
      sum.fill(0);
      for (let k = 0; k < rows.length; k++) {
        const residual = residualAt(x, rows[k]!);
        total += residual * residual;
        if (gradients) for (let j = 0; j < SIZE; j++) sum[j]! += residual * a[rows[k]! * SIZE + j]!;
      }
      if (gradients) named(gradients, "x").set(sum.map((value) => value / rows.length));
      return total / (2 * rows.length);
    },
  };
}
