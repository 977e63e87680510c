/**
 * Paintings: the canvas is covered with short brush strokes. A stroke has one colour, taken from the scene at the stroke's centre with
 * some freedom, and only a few tones; so outlines dissolve into patches, and then the wet paint runs together a little.
 */

import {
  blurred,
  type Colour,
  canvas,
  clamp01,
  type Domain,
  distinct,
  eachPixel,
  hsv,
  lay,
  mixed,
  noise,
  scaled,
} from "./canvas.js";
import { SIZE, signedDistance } from "./geometry.js";

/** Tones that a painter mixes. */
const TONES = 5;

export const painting: Domain = {
  name: "painting",
  description: "Short brush strokes in a few muted tones, outlines dissolved into patches, the paint blurred.",
  pose: { radius: [10.5, 14], shift: 2.5 },
  render(shape, random) {
    const muted = (): Colour => hsv(random.uniform(), random.uniform(0.2, 0.65), random.uniform(0.2, 0.9));
    const sky = muted();
    const earth = mixed(sky, muted(), 0.6);
    const body = distinct(mixed(sky, earth, 0.5), 0.24, muted);
    const clouds = noise(random, random.uniform(6, 12));
    const bodyTone = noise(random, random.uniform(4, 8));
    const horizon = random.uniform(10, 26);
    const flow = noise(random, 14);
    const flowTurn = random.uniform(0, Math.PI);

    const tone = (value: number): number => Math.round(value * TONES) / TONES;
    const scene = (x: number, y: number): Colour => {
      if (signedDistance(shape, x, y) < 0) return scaled(body, 0.75 + 0.5 * tone(bodyTone(x, y)));
      return scaled(mixed(sky, earth, y > horizon ? 1 : tone(y / SIZE)), 0.75 + 0.5 * tone(clouds(x, y)));
    };

    const picture = canvas(sky);
    const stroke = (length: number, width: number): void => {
      const x0 = random.uniform(0, SIZE);
      const y0 = random.uniform(0, SIZE);
      const [r, g, b] = scene(x0, y0);
      const shift = random.normal(0, 0.035);
      const colour: Colour = [r + shift, g + shift, b + shift + random.normal(0, 0.02)];
      const angle = flowTurn + 2.2 * flow(x0, y0) + random.normal(0, 0.25);
      const cos = Math.cos(angle);
      const sin = Math.sin(angle);
      for (let y = Math.max(0, Math.floor(y0 - length)); y < Math.min(SIZE, y0 + length); y++) {
        for (let x = Math.max(0, Math.floor(x0 - length)); x < Math.min(SIZE, x0 + length); x++) {
          const along = ((x + 0.5 - x0) * cos + (y + 0.5 - y0) * sin) / length;
          const across = ((y + 0.5 - y0) * cos - (x + 0.5 - x0) * sin) / width;
          lay(picture, y * SIZE + x, colour, clamp01(2 - 2 * Math.sqrt(along * along + across * across)));
        }
      }
    };
    // A broad brush first, then a finer one.
    for (let i = 0; i < 220; i++) stroke(3.2, 1.7);
    for (let i = 0; i < 800; i++) stroke(1.9, 0.95);
    const weave = noise(random, 1.2);
    eachPixel((pixel, x, y) => lay(picture, pixel, [0, 0, 0], 0.08 * weave(x, y)));
    return blurred(picture, random.uniform(0.2, 0.7));
  },
};
