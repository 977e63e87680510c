/**
 * Photographs: a solid with rounded edges, lit from one side, casting a shadow on a textured ground, taken with a small noisy camera.
 * In photographs things have their usual colours, as lemons do in life, and in no other domain (the colours are made up: what counts is that
 * there are some). What a model may learn from photographs about colour is true there, and of no use elsewhere.
 */

import type { Random } from "@hypergrad/example-kit";
import {
  type Colour,
  canvas,
  coverage,
  type Domain,
  distinct,
  eachPixel,
  hsv,
  lay,
  mixed,
  noise,
  scaled,
  type UsualColour,
} from "./canvas.js";
import { distanceField, SIZE } from "./geometry.js";

/** What is in front of the camera, and the camera. */
type Scene = ReturnType<typeof sceneOf>;

/** Draws a scene; the order of what is drawn decides every picture. */
function sceneOf(random: Random, usual: UsualColour) {
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
  return {
    ground,
    groundTwo,
    body,
    coarse,
    fine,
    grain,
    grainDepth,
    groundDepth,
    lightX: Math.cos(light),
    lightY: Math.sin(light),
    shadowLength: random.uniform(1, 3.2),
    shadowDepth: random.uniform(0.25, 0.6),
    bevel: random.uniform(1.8, 4),
    exposure: random.uniform(0.8, 1.15),
    cameraNoise: random.uniform(0.01, 0.04),
  };
}

/** How much brighter it is on the side of the light. */
const falloffAt = ({ lightX, lightY }: Scene, x: number, y: number): number =>
  1 + 0.25 * (((x - SIZE / 2) * lightX + (y - SIZE / 2) * lightY) / SIZE);

/** The textured ground. */
function groundAt(scene: Scene, x: number, y: number): Colour {
  const { ground, groundTwo, coarse, fine, groundDepth } = scene;
  const texture = 0.6 * coarse(x, y) + 0.4 * fine(x, y);
  const light = (1 - groundDepth / 2 + groundDepth * texture) * falloffAt(scene, x, y);
  return scaled(mixed(ground, groundTwo, texture), light);
}

/** The solid, where its outline is at a distance; `at` tells that of other points. */
function bodyAt(scene: Scene, distance: number, at: (x: number, y: number) => number, x: number, y: number): Colour {
  const { body, bevel, lightX, lightY, grain, grainDepth } = scene;
  // The slope of the rounded edge, steepest at the outline and flat beyond the bevel.
  const slope = Math.max(0, 1 + Math.min(distance, 0) / bevel);
  const facing = (((at(x + 1, y) - at(x - 1, y)) / 2) * lightX + ((at(x, y + 1) - at(x, y - 1)) / 2) * lightY) * slope;
  const shade = (0.82 + 0.4 * facing) * (1 - grainDepth / 2 + grainDepth * grain(x, y)) * falloffAt(scene, x, y);
  const gloss = Math.max(0, facing - 0.55) * 0.6;
  return mixed(scaled(body, shade), [1, 1, 1], gloss);
}

export const photo: Domain = {
  name: "photo",
  description:
    "Solid things with their usual colours, lit from one side on a textured ground, with shadows and camera noise.",
  pose: { radius: [9.5, 14], shift: 3 },
  render(shape, random, usual) {
    const scene = sceneOf(random, usual);
    const { lightX, lightY, shadowLength, shadowDepth, exposure, cameraNoise } = scene;
    const distance = distanceField(shape);
    const at = (x: number, y: number): number => {
      const column = Math.min(Math.max(Math.round(x - 0.5), 0), SIZE - 1);
      return distance[Math.min(Math.max(Math.round(y - 0.5), 0), SIZE - 1) * SIZE + column]!;
    };
    const picture = canvas(scene.ground);
    eachPixel((pixel, x, y) => {
      lay(picture, pixel, groundAt(scene, x, y), 1);
      const shadow = coverage(at(x + lightX * shadowLength, y + lightY * shadowLength), 3);
      lay(picture, pixel, [0, 0, 0], shadowDepth * shadow);
      const d = distance[pixel]!;
      const cover = coverage(d);
      if (cover > 0) lay(picture, pixel, bodyAt(scene, d, at, x, y), cover);
    });
    for (let i = 0; i < picture.length; i++) picture[i] = picture[i]! * exposure + random.normal(0, cameraNoise);
    return picture;
  },
};
