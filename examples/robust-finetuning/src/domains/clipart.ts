/** Clip art: one flat, loud colour inside a thick dark outline, on a plain or two-coloured ground. */

import { canvas, coverage, type Domain, distinct, eachPixel, hsv, lay, luminance } from "./canvas.js";
import { distanceField, SIZE } from "./geometry.js";

export const clipart: Domain = {
  name: "clipart",
  description: "One flat, loud colour inside a thick outline, on a plain ground, sometimes with a disc behind.",
  pose: { radius: [10, 14], shift: 2 },
  render(shape, random) {
    const ground = random.chance(0.45)
      ? ([1, 1, 1] as const)
      : hsv(random.uniform(), random.uniform(0.1, 0.5), random.uniform(0.75, 1));
    const fill = distinct(ground, 0.12, () => hsv(random.uniform(), random.uniform(0.7, 1), random.uniform(0.7, 1)));
    const outline =
      luminance(ground) > 0.3
        ? hsv(random.uniform(), random.uniform(0, 0.6), random.uniform(0, 0.2))
        : ([1, 1, 1] as const);
    const disc = random.chance(0.4) ? hsv(random.uniform(), random.uniform(0.15, 0.45), 1) : undefined;
    const discRadius = random.uniform(11, 15);
    const width = random.uniform(0.8, 1.3);
    const glossX = random.uniform(-0.5, 0.5);

    const distance = distanceField(shape);
    const picture = canvas(ground);
    eachPixel((pixel, x, y) => {
      if (disc) lay(picture, pixel, disc, coverage(Math.hypot(x - SIZE / 2, y - SIZE / 2) - discRadius));
      const d = distance[pixel]!;
      lay(picture, pixel, outline, coverage(d - width));
      lay(picture, pixel, fill, coverage(d + width / 2));
      // One light stripe, as clip art has it on anything that shines.
      const stripe =
        Math.abs((x - shape.center[0]) / shape.radius + (y - shape.center[1]) / shape.radius - glossX) - 0.1;
      lay(picture, pixel, [1, 1, 1], 0.35 * coverage(stripe * shape.radius) * coverage(d + width + 1));
    });
    return picture;
  },
};
