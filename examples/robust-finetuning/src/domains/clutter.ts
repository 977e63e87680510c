/** Clutter: a page of an infographic, with the shape as one small flat icon among bars, dots, rules, grey text and connecting lines. */

import type { Random } from "@hypergrad/example-kit";
import {
  type Colour,
  canvas,
  clamp01,
  coverage,
  type Domain,
  distinct,
  eachPixel,
  hsv,
  lay,
  segmentDistance,
} from "./canvas.js";
import { distanceField, SIZE } from "./geometry.js";

/** A filled form, by its signed distance. */
interface Form {
  colour: Colour;
  distance(x: number, y: number): number;
}

export const clutter: Domain = {
  name: "clutter",
  description: "An infographic: the shape is one small flat icon among bars, dots, text and connecting lines.",
  pose: { radius: [7.5, 10], shift: 5 },
  render(shape, random) {
    const page = random.chance(0.7)
      ? hsv(random.uniform(), random.uniform(0, 0.15), random.uniform(0.88, 1))
      : hsv(random.uniform(), random.uniform(0.3, 0.6), random.uniform(0.2, 0.45));
    const palette = Array.from({ length: 3 }, () =>
      hsv(random.uniform(), random.uniform(0.45, 0.9), random.uniform(0.5, 0.95)),
    );
    const text = distinct(page, 0.25, () => hsv(0, 0, random.uniform()));
    const icon = distinct(page, 0.3, () => hsv(random.uniform(), random.uniform(0.5, 1), random.uniform(0.15, 1)));

    const forms = [...rowsOfText(random, text), ...barChart(random, palette), ...network(random, palette)];
    const distance = distanceField(shape);
    const halo = random.uniform(0.5, 1.8);
    const picture = canvas(page);
    eachPixel((pixel, x, y) => {
      for (const form of forms) lay(picture, pixel, form.colour, coverage(form.distance(x, y)));
      lay(picture, pixel, page, clamp01(coverage(distance[pixel]! - halo) * 0.9));
      lay(picture, pixel, icon, coverage(distance[pixel]!));
    });
    return picture;
  },
};

/** Along an edge or two. */
function* rowsOfText(random: Random, colour: Colour): Generator<Form> {
  for (let block = 0; block < 1 + random.integer(2); block++) {
    const left = random.uniform(0, 20);
    const top = random.pick([random.uniform(0, 5), random.uniform(23, 28)]);
    for (let row = 0; row < 2 + random.integer(2); row++) {
      const [y, right] = [top + 2.4 * row, left + random.uniform(6, 16)];
      yield { colour, distance: (px, py) => segmentDistance(px, py, left, y, right, y) - 0.55 };
    }
  }
}

/** Now and then bars that rise from the lower edge, or grow from the left one. */
function* barChart(random: Random, palette: readonly Colour[]): Generator<Form> {
  if (!random.chance(0.7)) return;
  const upright = random.chance(0.5);
  const start = random.uniform(0, 16);
  for (let bar = 0; bar < 3 + random.integer(3); bar++) {
    const [at, height] = [start + 3.2 * bar, random.uniform(2, 10)];
    const colour = random.pick(palette);
    yield {
      colour,
      distance: (px, py) =>
        upright
          ? Math.max(Math.abs(px - at) - 1.1, SIZE - height - py)
          : Math.max(Math.abs(py - at) - 1.1, px - height),
    };
  }
}

/** Dots, each joined to the one before. */
function* network(random: Random, palette: readonly Colour[]): Generator<Form> {
  let [fromX, fromY] = [random.uniform(0, SIZE), random.uniform(0, SIZE)];
  const colour = random.pick(palette);
  for (let dot = 0; dot < 2 + random.integer(4); dot++) {
    const [ax, ay] = [fromX, fromY];
    const [x, y, radius] = [random.uniform(0, SIZE), random.uniform(0, SIZE), random.uniform(0.8, 2.2)];
    yield { colour, distance: (px, py) => segmentDistance(px, py, ax, ay, x, y) - 0.4 };
    yield { colour, distance: (px, py) => Math.hypot(px - x, py - y) - radius };
    [fromX, fromY] = [x, y];
  }
}
