/**
 * What there is to recognise. `TARGETS` are the classes that the study fine-tunes on and tests; `PRETRAINING` are other shapes, none of
 * them a target: everyday things, letters, and invented signs put together at random. Disjoint classes make the study's
 * situation that of practice: the pre-trained features have to carry over to classes that were never named to them, and the head is new.
 * The invented signs are what makes the features general; with a few dozen things alone they would fit those things only.
 *
 * A shape is drawn once, by hand, within about 1 of the origin, y downwards.
 */

import { randomStream } from "@hypergrad/example-kit";
import type { Part, Point, Shape } from "./geometry.js";

/** A named class of pictures. */
export interface ShapeClass {
  readonly name: string;
  readonly shape: Shape;
}

const polygon = (...points: Point[]): Part => ({ points, cut: false });
const hole = (part: Part): Part => ({ points: part.points, cut: true });

/** A closed curve through `steps` points. */
const curve = (steps: number, at: (angle: number) => Point): Part =>
  polygon(...Array.from({ length: steps }, (_, i) => at((2 * Math.PI * i) / steps)));

const ellipse = (x: number, y: number, rx: number, ry: number = rx): Part =>
  curve(20, (a) => [x + rx * Math.cos(a), y + ry * Math.sin(a)]);

const box = (left: number, top: number, right: number, bottom: number): Part =>
  polygon([left, top], [right, top], [right, bottom], [left, bottom]);

/** A regular polygon, a corner upwards. */
const regular = (corners: number, radius = 1): Part =>
  curve(corners, (a) => [radius * Math.sin(a), -radius * Math.cos(a)]);

/** Corners that alternate between two distances from the centre. */
const spiked = (points: number, outer: number, inner: number): Part =>
  polygon(
    ...Array.from({ length: 2 * points }, (_, i): Point => {
      const angle = (Math.PI * i) / points;
      const radius = i % 2 === 0 ? outer : inner;
      return [radius * Math.sin(angle), -radius * Math.cos(angle)];
    }),
  );

/** A broken line of the given width, as one quadrilateral a piece. */
const line = (width: number, ...points: Point[]): Part[] =>
  points.slice(1).map(([x1, y1], i) => {
    const [x0, y0] = points[i]!;
    const length = Math.hypot(x1 - x0, y1 - y0);
    const ux = ((x1 - x0) / length) * (width / 2);
    const uy = ((y1 - y0) / length) * (width / 2);
    return polygon(
      [x0 - ux - uy, y0 - uy + ux],
      [x0 - ux + uy, y0 - uy - ux],
      [x1 + ux + uy, y1 + uy - ux],
      [x1 + ux - uy, y1 + uy + ux],
    );
  });

/** A circular arc of the given width; angles in turns, clockwise from the right. */
const arc = (x: number, y: number, radius: number, width: number, from: number, to: number): Part[] => {
  const steps = Math.max(3, Math.ceil(16 * Math.abs(to - from)));
  const points = Array.from({ length: steps + 1 }, (_, i): [number, number] => {
    const a = 2 * Math.PI * (from + ((to - from) * i) / steps);
    return [Math.cos(a), Math.sin(a)];
  });
  const outer = points.map(([c, s]): Point => [x + (radius + width / 2) * c, y + (radius + width / 2) * s]);
  const inner = points.map(([c, s]): Point => [x + (radius - width / 2) * c, y + (radius - width / 2) * s]);
  return [polygon(...outer, ...inner.reverse())];
};

/** The upper half of an ellipse. */
const dome = (x: number, y: number, rx: number, ry: number): Part =>
  polygon(
    ...Array.from(
      { length: 13 },
      (_, i): Point => [x - rx * Math.cos((Math.PI * i) / 12), y - ry * Math.sin((Math.PI * i) / 12)],
    ),
  );

/** The classes of the study. */
export const TARGETS: readonly ShapeClass[] = [
  { name: "star", shape: [spiked(5, 1, 0.42)] },
  {
    name: "heart",
    shape: [
      curve(28, (a) => [
        Math.sin(a) ** 3 * 0.98,
        -(13 * Math.cos(a) - 5 * Math.cos(2 * a) - 2 * Math.cos(3 * a) - Math.cos(4 * a)) / 16 + 0.12,
      ]),
    ],
  },
  {
    name: "arrow",
    shape: [polygon([-1, -0.27], [0.1, -0.27], [0.1, -0.78], [1, 0], [0.1, 0.78], [0.1, 0.27], [-1, 0.27])],
  },
  {
    name: "house",
    shape: [
      polygon([0, -0.95], [0.95, -0.1], [0.72, -0.1], [0.72, 0.85], [-0.72, 0.85], [-0.72, -0.1], [-0.95, -0.1]),
      box(0.36, -0.9, 0.62, -0.3),
      hole(box(-0.2, 0.22, 0.22, 0.86)),
    ],
  },
  {
    name: "key",
    shape: [
      ellipse(-0.55, 0, 0.46),
      box(-0.2, -0.14, 1, 0.14),
      box(0.72, 0, 1, 0.5),
      box(0.3, 0, 0.54, 0.42),
      hole(ellipse(-0.58, 0, 0.2)),
    ],
  },
  {
    name: "fish",
    shape: [
      ellipse(-0.22, 0, 0.76, 0.5),
      polygon([0.3, 0], [1, -0.58], [0.84, 0], [1, 0.58]),
      hole(ellipse(-0.6, -0.12, 0.12)),
    ],
  },
  {
    name: "mug",
    shape: [
      polygon([-0.85, -0.72], [0.42, -0.72], [0.36, 0.78], [-0.79, 0.78]),
      ...arc(0.42, -0.02, 0.42, 0.2, -0.25, 0.25),
    ],
  },
  {
    name: "umbrella",
    shape: [
      dome(0, -0.02, 1, 0.86),
      hole(dome(-0.67, 0.02, 0.3, 0.2)),
      hole(dome(0, 0.02, 0.3, 0.2)),
      hole(dome(0.67, 0.02, 0.3, 0.2)),
      box(-0.09, -0.3, 0.09, 0.72),
      ...arc(0.2, 0.7, 0.2, 0.18, 0, 0.5),
    ],
  },
  {
    name: "pine",
    shape: [
      polygon([0, -1], [0.45, -0.4], [-0.45, -0.4]),
      polygon([0, -0.72], [0.64, 0.1], [-0.64, 0.1]),
      polygon([0, -0.3], [0.82, 0.62], [-0.82, 0.62]),
      box(-0.15, 0.5, 0.15, 0.98),
    ],
  },
  {
    name: "bolt",
    shape: [polygon([0.18, -1], [-0.62, 0.14], [-0.08, 0.14], [-0.3, 1], [0.62, -0.3], [0.06, -0.3], [0.5, -1])],
  },
  { name: "moon", shape: [ellipse(-0.05, 0, 0.95), hole(ellipse(0.42, -0.2, 0.76))] },
  {
    name: "mushroom",
    shape: [dome(0, 0.1, 0.98, 0.95), polygon([-0.26, 0], [0.26, 0], [0.36, 0.9], [-0.36, 0.9])],
  },
  {
    name: "bottle",
    shape: [
      polygon(
        [-0.16, -1],
        [0.16, -1],
        [0.16, -0.5],
        [0.42, -0.14],
        [0.42, 1],
        [-0.42, 1],
        [-0.42, -0.14],
        [-0.16, -0.5],
      ),
      box(-0.23, -1, 0.23, -0.8),
    ],
  },
  {
    name: "flag",
    shape: [box(-0.72, -1, -0.52, 1), polygon([-0.6, -0.92], [0.9, -0.8], [0.55, -0.36], [0.9, 0.1], [-0.6, 0.1])],
  },
  {
    name: "anchor",
    shape: [
      ...arc(0, -0.72, 0.2, 0.15, 0, 1),
      box(-0.1, -0.52, 0.1, 0.85),
      box(-0.46, -0.36, 0.46, -0.18),
      ...arc(0, 0.12, 0.74, 0.2, 0.02, 0.48),
      polygon([0.5, 0.2], [0.98, 0.2], [0.8, -0.2]),
      polygon([-0.5, 0.2], [-0.98, 0.2], [-0.8, -0.2]),
    ],
  },
  {
    name: "hammer",
    shape: [box(-0.13, -0.5, 0.13, 1), polygon([-0.7, -0.9], [0.5, -0.9], [0.9, -0.45], [0.5, -0.4], [-0.7, -0.4])],
  },
];

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
