/**
 * Photographs: a solid with rounded edges, lit from one side, casting a shadow on a textured ground, taken with a small noisy camera.
 * In photographs things have their usual colours, as lemons do in life, and in no other domain (the colours are made up: what counts is that
 * there are some). What a model may learn from photographs about colour is true there, and of no use elsewhere.
 */

import { canvas, coverage, type Domain, distinct, eachPixel, hsv, lay, mixed, noise, scaled } from "./canvas.js";
import { distanceField, SIZE } from "./geometry.js";

export const photo: Domain = {
  name: "photo",
  description:
    "Solid things with their usual colours, lit from one side on a textured ground, with shadows and camera noise.",
  pose: { radius: [9.5, 14], shift: 3 },
  render(shape, random, usual) {
    const ground = hsv(random.uniform(), random.uniform(0.05, 0.5), random.uniform(0.25, 0.85));
    const groundTwo = mixed(ground, hsv(random.uniform(), 0.3, random.uniform(0.1, 0.9)), 0.5);
    const body = distinct(ground, 0.13, () =>
      hsv(random.normal(usual.hue, usual.spread), random.uniform(0.35, 0.9), random.uniform(0.35, 0.95)),
    );
    const coarse = noise(random, random.uniform(5, 11));
    const fine = noise(random, random.uniform(1.2, 2.6));
    const grain = noise(random, random.uniform(1.5, 4));
    const grainDepth = random.uniform(0.05, 0.3);
    const groundDepth = random.uniform(0.1, 0.45);
    // Where the light comes from; shadows fall the other way.
    const light = random.uniform(0, 2 * Math.PI);
    const lightX = Math.cos(light);
    const lightY = Math.sin(light);
    const shadowLength = random.uniform(1, 3.2);
    const shadowDepth = random.uniform(0.25, 0.6);
    const bevel = random.uniform(1.8, 4);
    const exposure = random.uniform(0.8, 1.15);
    const cameraNoise = random.uniform(0.01, 0.04);

    const distance = distanceField(shape);
    const at = (x: number, y: number): number => {
      const column = Math.min(Math.max(Math.round(x - 0.5), 0), SIZE - 1);
      return distance[Math.min(Math.max(Math.round(y - 0.5), 0), SIZE - 1) * SIZE + column]!;
    };
    const picture = canvas(ground);
    eachPixel((pixel, x, y) => {
      const texture = 0.6 * coarse(x, y) + 0.4 * fine(x, y);
      const falloff = 1 + 0.25 * (((x - SIZE / 2) * lightX + (y - SIZE / 2) * lightY) / SIZE);
      lay(
        picture,
        pixel,
        scaled(mixed(ground, groundTwo, texture), (1 - groundDepth / 2 + groundDepth * texture) * falloff),
        1,
      );
      lay(
        picture,
        pixel,
        [0, 0, 0],
        shadowDepth * coverage(at(x + lightX * shadowLength, y + lightY * shadowLength), 3),
      );

      const d = distance[pixel]!;
      const cover = coverage(d);
      if (cover > 0) {
        // The slope of the rounded edge, steepest at the outline and flat beyond the bevel.
        const slope = Math.max(0, 1 + Math.min(d, 0) / bevel);
        const facing =
          (((at(x + 1, y) - at(x - 1, y)) / 2) * lightX + ((at(x, y + 1) - at(x, y - 1)) / 2) * lightY) * slope;
        const shade = (0.82 + 0.4 * facing) * (1 - grainDepth / 2 + grainDepth * grain(x, y)) * falloff;
        const gloss = Math.max(0, facing - 0.55) * 0.6;
        lay(picture, pixel, mixed(scaled(body, shade), [1, 1, 1], gloss), cover);
      }
    });
    for (let i = 0; i < picture.length; i++) picture[i] = picture[i]! * exposure + random.normal(0, cameraNoise);
    return picture;
  },
};
