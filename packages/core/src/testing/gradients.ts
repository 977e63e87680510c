/**
 * Gradient sequences: a few ways to behave from step to step, each of which finds mistakes that the others do not.
 */
import { type Draw, noise, random } from "./random.js";

/**
 * How the gradients of a sequence behave from step to step:
 *
 * - "noise": independent, of size 1;
 * - "drift": much the same at every step;
 * - "sparse": three entries in five are 0;
 * - "zero": all 0;
 * - "huge", "tiny": of size 10¹² and 10⁻¹², whose squares, and sums of those, are still normal float32 numbers;
 * - "flips": exactly the opposite at every step;
 * - "ties": near the kinks of rules: entries that are exactly the last step's, exactly its opposite, one unit in the last place beside it, or 0, and entries
 *   of one absolute value.
 */
export type GradientKind = "noise" | "drift" | "sparse" | "zero" | "huge" | "tiny" | "flips" | "ties";

/** All of them; see `GradientKind`. */
export const gradientKinds: readonly GradientKind[] = [
  "noise",
  "drift",
  "sparse",
  "zero",
  "huge",
  "tiny",
  "flips",
  "ties",
];

/** Largest and smallest sizes of gradients whose squares, and sums of those, are normal float32 numbers. */
const HUGE = 1e12;
const TINY = 1e-12;

/** The next float32 number away from 0. */
function beyond(x: number): number {
  const float = Float32Array.of(x);
  const bits = new Int32Array(float.buffer);
  bits[0] = (bits[0] as number) + 1;
  return float[0] as number;
}

/** The gradient after `last`, entry by entry or, half of the time, in all entries alike. */
function tied(last: Float32Array, fresh: Float32Array, next: () => number): Float32Array {
  const shared = next() < 0.5 ? Math.floor(next() * 6) : undefined;
  return fresh.map((x, i) => {
    const before = last[i] as number;
    switch (shared ?? Math.floor(next() * 6)) {
      case 0:
        return before;
      case 1:
        return -before;
      case 2:
        return beyond(before);
      case 3:
        return 0;
      case 4:
        return x < 0 ? -0.5 : 0.5;
      default:
        return x;
    }
  });
}

/**
 * The gradient of a variable in one step.
 *
 * @param size How many entries.
 * @param seeds Whatever tells the variable from others.
 * @param step 0 at the first.
 * @param draw What the numbers are like.
 */
export function gradientAt(
  kind: GradientKind,
  size: number,
  seeds: readonly number[],
  step: number,
  draw: Draw = noise,
): Float32Array {
  const fresh = draw(size, random(...seeds, step));
  const same = draw(size, random(...seeds));
  const next = random(...seeds, step, 1);
  switch (kind) {
    case "noise":
      return fresh;
    case "drift":
      return same.map((x, i) => x + 0.1 * (fresh[i] as number));
    case "sparse":
      return fresh.map((x) => (next() < 0.6 ? 0 : x));
    case "zero":
      return fresh.fill(0);
    case "huge":
      return fresh.map((x) => x * HUGE);
    case "tiny":
      return fresh.map((x) => x * TINY);
    case "flips":
      return same.map((x) => (step % 2 ? -x : x));
    case "ties":
      return step === 0 ? fresh : tied(gradientAt(kind, size, seeds, step - 1, draw), fresh, next);
  }
}
