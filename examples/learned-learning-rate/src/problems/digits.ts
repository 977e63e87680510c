/**
 * Digits drawn on 8 × 8 pixels, to be told apart by multinomial logistic regression: a convex problem with noisy gradients.
 *
 * A digit is the strokes of a seven-segment display, moved, slanted and thickened at random, with noise over all.
 */
import { type Random, randomStream } from "@hypergrad/example-kit";
import { network } from "./network.js";
import type { Problem } from "./problem.js";

const SIZE = 8;
const POINTS = 600;

/** Ends of the seven strokes, x and y in a box of 1 × 2. */
const STROKES: Readonly<Record<string, readonly [number, number, number, number]>> = {
  a: [0, 0, 1, 0],
  b: [1, 0, 1, 1],
  c: [1, 1, 1, 2],
  d: [0, 2, 1, 2],
  e: [0, 1, 0, 2],
  f: [0, 0, 0, 1],
  g: [0, 1, 1, 1],
};

const DIGITS = ["abcdef", "bc", "abged", "abgcd", "fgbc", "afgcd", "afgedc", "abc", "abcdefg", "abcdfg"];

function distance(x: number, y: number, [x1, y1, x2, y2]: readonly [number, number, number, number]): number {
  const [dx, dy] = [x2 - x1, y2 - y1];
  const along = Math.min(1, Math.max(0, ((x - x1) * dx + (y - y1) * dy) / (dx * dx + dy * dy)));
  return Math.hypot(x - x1 - along * dx, y - y1 - along * dy);
}

function draw(digit: number, random: Random, into: Float32Array): void {
  const [left, top] = [2 + random.uniform(-0.8, 0.8), 1.2 + random.uniform(-0.8, 0.8)];
  const [width, height] = [random.uniform(2.6, 4), random.uniform(2.2, 2.8)];
  const [slant, thickness] = [random.uniform(-0.35, 0.35), random.uniform(0.5, 0.9)];
  const strokes = [...(DIGITS[digit] as string)].map((name) => {
    const [x1, y1, x2, y2] = STROKES[name] as readonly [number, number, number, number];
    const place = (x: number, y: number) => [left + width * x + slant * height * (1 - y), top + height * y] as const;
    return [...place(x1, y1), ...place(x2, y2)] as const;
  });
  for (let y = 0; y < SIZE; y++) {
    for (let x = 0; x < SIZE; x++) {
      const nearest = Math.min(...strokes.map((stroke) => distance(x + 0.5, y + 0.5, stroke)));
      into[y * SIZE + x] = 1 / (1 + Math.exp((nearest - thickness) / 0.25)) + random.normal(0, 0.15);
    }
  }
}

/** Draws the problem. */
export function digits(seed: number): Problem {
  const random = randomStream(seed, "digits", "points");
  const labels = Uint8Array.from({ length: POINTS }, (_, i) => i % DIGITS.length);
  const inputs = new Float32Array(POINTS * SIZE * SIZE);
  for (const [i, label] of labels.entries()) {
    draw(label, random, inputs.subarray(i * SIZE * SIZE, (i + 1) * SIZE * SIZE));
  }
  return network({ inputs, labels }, [SIZE * SIZE, DIGITS.length], {
    batch: 32,
    random: randomStream(seed, "digits", "start"),
  });
}
