/** Neon signs: a glowing tube bent along the outline, at night, in front of a dim brick wall. */

import { canvas, coverage, type Domain, eachPixel, hsv, lay, mixed, noise, scaled } from "./canvas.js";
import { distanceField } from "./geometry.js";

export const neon: Domain = {
  name: "neon",
  description: "A glowing tube bent along the outline, at night, in front of a dim brick wall.",
  pose: { radius: [10, 14], shift: 2.5 },
  render(shape, random) {
    const wall = hsv(random.uniform(-0.05, 0.08), random.uniform(0.3, 0.6), random.uniform(0.08, 0.2));
    const hue = random.uniform();
    const glow = hsv(hue, random.uniform(0.75, 1), 1);
    const core = mixed(glow, [1, 1, 1], random.uniform(0.5, 0.85));
    const width = random.uniform(0.45, 0.8);
    const spread = random.uniform(1.5, 3.2);
    const flicker = noise(random, 6);
    const stain = noise(random, 5);
    const brickHeight = random.uniform(3.5, 5);
    const brickWidth = 2 * brickHeight;

    const distance = distanceField(shape);
    const picture = canvas(wall);
    eachPixel((pixel, x, y) => {
      const course = Math.floor(y / brickHeight);
      const along = (((x + (course % 2) * (brickWidth / 2)) % brickWidth) + brickWidth) % brickWidth;
      const mortar = along < 0.8 || y - course * brickHeight < 0.8;
      const d = Math.abs(distance[pixel]!);
      const bright = 0.75 + 0.25 * flicker(x, y);
      const lit = Math.exp(-d / spread) * 0.7 * bright;
      const brick = scaled(wall, (mortar ? 0.55 : 1) * (0.7 + 0.6 * stain(x, y)));
      lay(
        picture,
        pixel,
        [
          brick[0] * (1 + lit) + glow[0] * lit,
          brick[1] * (1 + lit) + glow[1] * lit,
          brick[2] * (1 + lit) + glow[2] * lit,
        ],
        1,
      );
      lay(picture, pixel, core, coverage(d - width) * bright);
    });
    return picture;
  },
};
