/**
 * The shapes of the pre-training: things, letters and invented signs.
 */
import { randomStream } from "@hypergrad/example-kit";
import type { Part, Point, Shape } from "./geometry.js";
import { arc, box, curve, dome, ellipse, hole, line, polygon, regular, type ShapeClass, spiked } from "./parts.js";

const THINGS: readonly ShapeClass[] = [
  { name: "disc", shape: [ellipse(0, 0, 0.9)] },
  { name: "square", shape: [box(-0.78, -0.78, 0.78, 0.78)] },
  { name: "triangle", shape: [polygon([0, -0.85], [0.92, 0.75], [-0.92, 0.75])] },
  { name: "hexagon", shape: [regular(6)] },
  { name: "plus", shape: [box(-0.28, -0.95, 0.28, 0.95), box(-0.95, -0.28, 0.95, 0.28)] },
  { name: "ring", shape: [ellipse(0, 0, 0.95), hole(ellipse(0, 0, 0.5))] },
  { name: "diamond", shape: [polygon([0, -1], [0.62, 0], [0, 1], [-0.62, 0])] },
  { name: "drop", shape: [curve(24, (a) => [0.68 * Math.sin(a) * Math.sin(a / 2) ** 1.4, -0.95 * Math.cos(a)])] },
  {
    name: "cloud",
    shape: [ellipse(-0.5, 0.15, 0.45), ellipse(0.05, -0.2, 0.5), ellipse(0.55, 0.15, 0.42), box(-0.5, 0.1, 0.55, 0.58)],
  },
  { name: "gear", shape: [spiked(9, 1, 0.66), ellipse(0, 0, 0.76), hole(ellipse(0, 0, 0.3))] },
  {
    name: "hourglass",
    shape: [polygon([-0.7, -0.95], [0.7, -0.95], [0.08, 0], [0.7, 0.95], [-0.7, 0.95], [-0.08, 0])],
  },
  {
    name: "bell",
    shape: [
      dome(0, 0.1, 0.55, 0.95),
      polygon([-0.55, 0.05], [0.55, 0.05], [0.9, 0.6], [-0.9, 0.6]),
      ellipse(0, 0.75, 0.2),
    ],
  },
  {
    name: "sailboat",
    shape: [
      polygon([-0.95, 0.4], [0.95, 0.4], [0.6, 0.9], [-0.6, 0.9]),
      polygon([0.1, -0.95], [0.1, 0.25], [0.85, 0.25]),
      polygon([-0.05, -0.7], [-0.05, 0.25], [-0.7, 0.25]),
    ],
  },
  {
    name: "rocket",
    shape: [
      polygon(
        [0, -1],
        [0.34, -0.5],
        [0.34, 0.4],
        [0.75, 0.9],
        [0.2, 0.7],
        [-0.2, 0.7],
        [-0.75, 0.9],
        [-0.34, 0.4],
        [-0.34, -0.5],
      ),
      hole(ellipse(0, -0.3, 0.15)),
    ],
  },
  {
    name: "crown",
    shape: [polygon([-0.95, -0.6], [-0.45, 0], [0, -0.8], [0.45, 0], [0.95, -0.6], [0.75, 0.75], [-0.75, 0.75])],
  },
  {
    name: "leaf",
    shape: [
      curve(20, (a) => [0.52 * Math.sin(a) * Math.abs(Math.sin(a)) ** 0.3, -0.8 * Math.cos(a) - 0.15]),
      box(-0.06, 0.4, 0.06, 1),
    ],
  },
  {
    name: "flower",
    shape: [
      curve(40, (a) => [(0.72 + 0.26 * Math.cos(6 * a)) * Math.cos(a), (0.72 + 0.26 * Math.cos(6 * a)) * Math.sin(a)]),
      hole(ellipse(0, 0, 0.2)),
    ],
  },
  { name: "chevron", shape: [polygon([-0.7, -0.9], [0, -0.9], [0.75, 0], [0, 0.9], [-0.7, 0.9], [0, 0])] },
  { name: "dumbbell", shape: [ellipse(-0.64, 0, 0.36), ellipse(0.64, 0, 0.36), box(-0.6, -0.13, 0.6, 0.13)] },
  {
    name: "goblet",
    shape: [
      polygon(
        [-0.7, -0.95],
        [0.7, -0.95],
        [0.45, -0.2],
        [0.1, 0.05],
        [0.1, 0.7],
        [0.5, 0.95],
        [-0.5, 0.95],
        [-0.1, 0.7],
        [-0.1, 0.05],
        [-0.45, -0.2],
      ),
    ],
  },
  {
    name: "lamp",
    shape: [
      polygon([-0.35, -0.95], [0.35, -0.95], [0.8, 0], [-0.8, 0]),
      box(-0.09, 0, 0.09, 0.75),
      box(-0.5, 0.7, 0.5, 0.95),
    ],
  },
  {
    name: "ladder",
    shape: [
      box(-0.6, -1, -0.4, 1),
      box(0.4, -1, 0.6, 1),
      box(-0.5, -0.7, 0.5, -0.5),
      box(-0.5, -0.1, 0.5, 0.1),
      box(-0.5, 0.5, 0.5, 0.7),
    ],
  },
  {
    name: "fork",
    shape: [
      box(-0.5, -0.95, -0.32, -0.1),
      box(-0.09, -0.95, 0.09, 1),
      box(0.32, -0.95, 0.5, -0.1),
      box(-0.5, -0.28, 0.5, -0.05),
    ],
  },
  {
    name: "spectacles",
    shape: [...arc(-0.55, 0, 0.35, 0.18, 0, 1), ...arc(0.55, 0, 0.35, 0.18, 0, 1), box(-0.22, -0.1, 0.22, 0.08)],
  },
];

const LETTERS: readonly ShapeClass[] = [
  { name: "A", shape: [...line(0.28, [-0.7, 0.85], [0, -0.85], [0.7, 0.85]), ...line(0.24, [-0.4, 0.3], [0.4, 0.3])] },
  {
    name: "E",
    shape: [
      ...line(0.28, [0.55, -0.85], [-0.5, -0.85], [-0.5, 0.85], [0.55, 0.85]),
      ...line(0.26, [-0.5, 0], [0.4, 0]),
    ],
  },
  {
    name: "H",
    shape: [
      ...line(0.28, [-0.6, -0.85], [-0.6, 0.85]),
      ...line(0.28, [0.6, -0.85], [0.6, 0.85]),
      ...line(0.26, [-0.6, 0], [0.6, 0]),
    ],
  },
  {
    name: "K",
    shape: [...line(0.28, [-0.55, -0.85], [-0.55, 0.85]), ...line(0.28, [0.6, -0.85], [-0.45, 0.05], [0.65, 0.85])],
  },
  { name: "L", shape: line(0.3, [-0.5, -0.85], [-0.5, 0.8], [0.6, 0.8]) },
  { name: "N", shape: line(0.28, [-0.62, 0.85], [-0.62, -0.85], [0.62, 0.85], [0.62, -0.85]) },
  {
    name: "P",
    shape: [
      ...line(0.28, [-0.5, -0.85], [-0.5, 0.9]),
      ...arc(0, -0.4, 0.44, 0.28, -0.25, 0.25),
      ...line(0.28, [-0.5, -0.84], [0, -0.84]),
      ...line(0.28, [-0.5, 0.04], [0, 0.04]),
    ],
  },
  {
    name: "S",
    shape: line(
      0.27,
      [0.55, -0.65],
      [0.2, -0.85],
      [-0.3, -0.8],
      [-0.52, -0.45],
      [-0.2, -0.1],
      [0.3, 0.1],
      [0.52, 0.45],
      [0.25, 0.82],
      [-0.25, 0.85],
      [-0.58, 0.6],
    ),
  },
  { name: "T", shape: [...line(0.28, [-0.75, -0.8], [0.75, -0.8]), ...line(0.28, [0, -0.8], [0, 0.9])] },
  {
    name: "U",
    shape: [
      ...line(0.28, [-0.6, -0.85], [-0.6, 0.25]),
      ...line(0.28, [0.6, -0.85], [0.6, 0.25]),
      ...arc(0, 0.25, 0.6, 0.28, 0, 0.5),
    ],
  },
  { name: "X", shape: [...line(0.3, [-0.65, -0.85], [0.65, 0.85]), ...line(0.3, [0.65, -0.85], [-0.65, 0.85])] },
  { name: "Y", shape: [...line(0.28, [-0.7, -0.85], [0, 0], [0.7, -0.85]), ...line(0.28, [0, 0], [0, 0.9])] },
  { name: "Z", shape: line(0.28, [-0.6, -0.8], [0.6, -0.8], [-0.6, 0.8], [0.6, 0.8]) },
];

/** How many signs are invented. */
const SIGNS = 60;

/** A sign: two or three simple parts at random places, sometimes with a hole; the same ones whenever the program runs. */
function inventSign(index: number): ShapeClass {
  const random = randomStream(1, "sign", index);
  const place = (): number => random.uniform(-0.55, 0.55);
  const parts: Part[] = [];
  const count = 2 + random.integer(2);
  for (let i = 0; i < count; i++) {
    const [x, y] = [place(), place()];
    const [w, h] = [random.uniform(0.2, 0.5), random.uniform(0.2, 0.5)];
    switch (random.integer(5)) {
      case 0:
        parts.push(ellipse(x, y, w, h));
        break;
      case 1:
        parts.push(box(x - w, y - h, x + w, y + h));
        break;
      case 2:
        parts.push(polygon([x + place(), y - h], [x + w, y + h], [x - w, y + h]));
        break;
      case 3:
        parts.push(...arc(x, y, 0.42, 0.22, random.uniform(), random.uniform(1.3, 1.8)));
        break;
      default:
        parts.push(
          ...line(0.24, [place() * 1.5, place() * 1.5], [place() * 1.5, place() * 1.5], [place() * 1.5, place() * 1.5]),
        );
    }
  }
  if (random.chance(0.4)) parts.push(hole(ellipse(place() * 0.7, place() * 0.7, random.uniform(0.16, 0.26))));
  return { name: `sign ${index + 1}`, shape: fitted(parts) };
}

/** A shape moved and scaled so that it fills the square from -0.95 to 0.95 along its longer side. */
function fitted(parts: Shape): Shape {
  const solid = parts.filter(({ cut }) => !cut).flatMap(({ points }) => points);
  const xs = solid.map(([x]) => x);
  const ys = solid.map(([, y]) => y);
  const [left, right, top, bottom] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
  const scale = 1.9 / Math.max(right - left, bottom - top);
  return parts.map(({ points, cut }) => ({
    cut,
    points: points.map(([x, y]): Point => [(x - (left + right) / 2) * scale, (y - (top + bottom) / 2) * scale]),
  }));
}

/** The classes of the pre-training; none of them is a target. */
export const PRETRAINING: readonly ShapeClass[] = [
  ...THINGS,
  ...LETTERS,
  ...Array.from({ length: SIGNS }, (_, i) => inventSign(i)),
];
