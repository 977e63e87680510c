/**
 * What every renderer draws with: a picture of floating-point colours, colours by hue, smooth noise, and coverage (how much of a pixel a
 * form takes up), which turns distances into anti-aliased edges.
 */

import type { Random } from "@hypergrad/example-kit";
import { type PosedShape, type PoseLimits, SIZE } from "./geometry.js";

/** Red, green and blue, each in [0, 1]. */
export type Colour = readonly [red: number, green: number, blue: number];

/** SIZE × SIZE pixels row by row, red, green and blue for each; [0, 1], but a renderer need not clip. */
export type Picture = Float32Array;

/** The colour that a thing has more often than not; hues in turns. */
export interface UsualColour {
  readonly hue: number;
  /** How far single things stray from it: standard deviation. */
  readonly spread: number;
}

/** A domain: a manner of drawing shapes. */
export interface Domain {
  readonly name: string;
  /** One sentence: what its pictures look like. */
  readonly description: string;
  /** Where and how large its shapes are. */
  readonly pose: PoseLimits;
  /**
   * Draws a posed shape.
   *
   * @param usual the usual colour of the thing in life; only photographs show it
   */
  render(shape: PosedShape, random: Random, usual: UsualColour): Picture;
}

/** A picture in one colour. */
export function canvas(colour: Colour): Picture {
  const picture = new Float32Array(SIZE * SIZE * 3);
  for (let i = 0; i < picture.length; i++) picture[i] = colour[i % 3]!;
  return picture;
}

/** Calls `paint` for every pixel with its index and its centre, in pixels. */
export function eachPixel(paint: (pixel: number, x: number, y: number) => void): void {
  for (let pixel = 0; pixel < SIZE * SIZE; pixel++) paint(pixel, (pixel % SIZE) + 0.5, Math.floor(pixel / SIZE) + 0.5);
}

/** Lays a colour over a pixel; `opacity` in [0, 1]. */
export function lay(picture: Picture, pixel: number, colour: Colour, opacity: number): void {
  if (opacity <= 0) return;
  const at = 3 * pixel;
  for (let c = 0; c < 3; c++) picture[at + c]! += (colour[c]! - picture[at + c]!) * opacity;
}

/** How much of a pixel lies inside a form, from the signed distance of its centre; `softness` widens the edge, in pixels. */
export function coverage(distance: number, softness = 1): number {
  return clamp01(0.5 - distance / softness);
}

/** Restricts a number to [0, 1]. */
export function clamp01(x: number): number {
  return Math.min(Math.max(x, 0), 1);
}

/** A colour from hue (turns, any number), saturation and value, both in [0, 1]. */
export function hsv(hue: number, saturation: number, value: number): Colour {
  const channel = (offset: number): number => {
    const k = (((offset + hue * 6) % 6) + 6) % 6;
    return value * (1 - saturation * clamp01(Math.min(k, 4 - k)));
  };
  return [channel(5), channel(3), channel(1)];
}

/** A colour made lighter or darker. */
export function scaled([r, g, b]: Colour, factor: number): Colour {
  return [r * factor, g * factor, b * factor];
}

/** The colour between two. */
export function mixed(a: Colour, b: Colour, t: number): Colour {
  return [a[0] + (b[0] - a[0]) * t, a[1] + (b[1] - a[1]) * t, a[2] + (b[2] - a[2]) * t];
}

/** How bright a colour looks, in [0, 1]. */
export function luminance([r, g, b]: Colour): number {
  return 0.3 * r + 0.59 * g + 0.11 * b;
}

/** Draws colours until `make` gives one whose luminance differs from that of `other` by at least `contrast`. */
export function distinct(other: Colour, contrast: number, make: () => Colour): Colour {
  let colour = make();
  // Sixteen failures in a row are rare, and then the picture is merely hard to read.
  for (let i = 0; i < 16 && Math.abs(luminance(colour) - luminance(other)) < contrast; i++) colour = make();
  return colour;
}

/** Smooth noise with values in [0, 1]; features are about `cell` pixels wide. */
export function noise(random: Random, cell: number): (x: number, y: number) => number {
  const side = Math.ceil((SIZE + 8) / cell) + 2;
  const lattice = Float64Array.from({ length: side * side }, () => random.uniform());
  return (x, y) => {
    const u = Math.min(Math.max((x + 4) / cell, 0), side - 1.001);
    const v = Math.min(Math.max((y + 4) / cell, 0), side - 1.001);
    const i = Math.floor(u);
    const j = Math.floor(v);
    const s = (u - i) * (u - i) * (3 - 2 * (u - i));
    const t = (v - j) * (v - j) * (3 - 2 * (v - j));
    const at = j * side + i;
    const top = lattice[at]! + (lattice[at + 1]! - lattice[at]!) * s;
    const bottom = lattice[at + side]! + (lattice[at + side + 1]! - lattice[at + side]!) * s;
    return top + (bottom - top) * t;
  };
}

/** Distance of a point from a straight piece of line. */
export function segmentDistance(x: number, y: number, ax: number, ay: number, bx: number, by: number): number {
  const ex = bx - ax;
  const ey = by - ay;
  const t = clamp01(((x - ax) * ex + (y - ay) * ey) / (ex * ex + ey * ey || 1));
  return Math.hypot(x - ax - t * ex, y - ay - t * ey);
}

/** A picture where every pixel is mixed with the mean of its 3 × 3 neighbourhood; `amount` in [0, 1]. */
export function blurred(picture: Picture, amount: number): Picture {
  const out = new Float32Array(picture.length);
  for (let y = 0; y < SIZE; y++) {
    for (let x = 0; x < SIZE; x++) {
      for (let c = 0; c < 3; c++) {
        let sum = 0;
        for (let dy = -1; dy <= 1; dy++) {
          const row = Math.min(Math.max(y + dy, 0), SIZE - 1) * SIZE;
          for (let dx = -1; dx <= 1; dx++) sum += picture[3 * (row + Math.min(Math.max(x + dx, 0), SIZE - 1)) + c]!;
        }
        const at = 3 * (y * SIZE + x) + c;
        out[at] = picture[at]! + (sum / 9 - picture[at]!) * amount;
      }
    }
  }
  return out;
}
