/** Sketches: the outline alone, drawn twice or so with an unsteady pencil on grainy paper, now and then with a little hatching. */

import { canvas, coverage, type Domain, eachPixel, hsv, lay, noise } from "./canvas.js";
import { signedDistance } from "./geometry.js";

export const sketch: Domain = {
  name: "sketch",
  description: "Unsteady pencil outlines on grainy paper, now and then with some hatching.",
  pose: { radius: [10, 14], shift: 2.5 },
  render(shape, random) {
    const paper = hsv(random.uniform(0.08, 0.16), random.uniform(0.02, 0.14), random.uniform(0.88, 0.99));
    const pencil = hsv(random.uniform(), random.uniform(0, 0.25), random.uniform(0.08, 0.35));
    const grain = noise(random, 1.3);
    const pressure = noise(random, random.uniform(4, 8));
    const strokes = Array.from({ length: 1 + random.integer(2) }, () => ({
      wobbleX: noise(random, random.uniform(4, 7)),
      wobbleY: noise(random, random.uniform(4, 7)),
      reach: random.uniform(1, 2.6),
      width: random.uniform(0.35, 0.65),
    }));
    const hatched = random.chance(0.35);
    const hatchAngle = random.uniform(0.5, 1.1);
    const hatchGap = random.uniform(3, 4.5);

    const picture = canvas(paper);
    eachPixel((pixel, x, y) => {
      let ink = 0;
      for (const { wobbleX, wobbleY, reach, width } of strokes) {
        const d = signedDistance(shape, x + (wobbleX(x, y) - 0.5) * reach, y + (wobbleY(x, y) - 0.5) * reach);
        ink = Math.max(ink, coverage(Math.abs(d) - width, 1.1));
        if (hatched && d < -0.8) {
          const across = x * Math.cos(hatchAngle) + y * Math.sin(hatchAngle);
          ink = Math.max(
            ink,
            0.45 * coverage(Math.abs((((across % hatchGap) + hatchGap) % hatchGap) - hatchGap / 2) - 0.3),
          );
        }
      }
      const shade = 0.04 * (grain(x, y) - 0.5);
      lay(picture, pixel, [paper[0] + shade, paper[1] + shade, paper[2] + shade], 1);
      lay(picture, pixel, pencil, ink * (0.55 + 0.45 * pressure(x, y)) * (0.85 + 0.15 * grain(x, y)));
    });
    return picture;
  },
};
