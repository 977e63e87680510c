/**
 * The augmentation of the pre-training: pictures are moved, recoloured, relit, blurred and made noisy at random, so that the features
 * depend on none of it.
 */

import type { Random } from "@hypergrad/example-kit";
import { PICTURE_LENGTH, PICTURE_SIZE } from "./data.js";

/** Pictures are moved by at most this many pixels along each axis. */
const SHIFT = 2;

/**
 * Writes a changed copy of one picture.
 *
 * @param source pictures as signed bytes, 127 standing for 1
 * @param from where the picture begins in it
 * @param target pictures in [-1, 1]
 * @param to where the changed picture begins in it
 */
export function augment(source: Int8Array, from: number, target: Float32Array, to: number, random: Random): void {
  const shiftX = random.integer(2 * SHIFT + 1) - SHIFT;
  const shiftY = random.integer(2 * SHIFT + 1) - SHIFT;
  const order = random.chance(0.7) ? random.shuffle([0, 1, 2]) : [0, 1, 2];
  const grey = random.chance(0.2);
  const gain = random.uniform(0.6, 1.25);
  const offset = random.uniform(-0.2, 0.2);
  const tint = [random.uniform(-0.12, 0.12), random.uniform(-0.12, 0.12), random.uniform(-0.12, 0.12)];
  const noise = random.chance(0.4) ? random.uniform(0, 0.12) : 0;
  const spread = random.chance(0.3) ? random.uniform(0.2, 0.5) : 0;

  const last = PICTURE_SIZE - 1;
  for (let y = 0; y < PICTURE_SIZE; y++) {
    const rowAt = from + Math.min(Math.max(y + shiftY, 0), last) * PICTURE_SIZE * 3;
    for (let x = 0; x < PICTURE_SIZE; x++) {
      const pixel = rowAt + Math.min(Math.max(x + shiftX, 0), last) * 3;
      const mean = grey ? (source[pixel]! + source[pixel + 1]! + source[pixel + 2]!) / 3 : 0;
      const at = to + (y * PICTURE_SIZE + x) * 3;
      for (let c = 0; c < 3; c++) {
        const value = (grey ? mean : source[pixel + order[c]!]!) / 127;
        // The sum of two uniform numbers is noise enough, and cheaper than a normal one.
        const jitter = noise ? noise * (random.uniform(-1, 1) + random.uniform(-1, 1)) : 0;
        target[at + c] = Math.min(Math.max(value * gain + offset + tint[c]! + jitter, -1), 1);
      }
    }
  }
  if (spread) smear(target.subarray(to, to + PICTURE_LENGTH), spread);
}

/** Blurs a picture in place: each number moves towards its neighbours' mean, along the rows and then along the columns. */
function smear(picture: Float32Array, amount: number): void {
  for (const step of [3, 3 * PICTURE_SIZE]) {
    const before = picture.slice();
    for (let i = step; i < picture.length - step; i++) {
      picture[i] = before[i]! + amount * ((before[i - step]! + before[i + step]!) / 2 - before[i]!);
    }
  }
}
