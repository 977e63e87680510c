import type { Part, Point, Shape } from "./geometry.js";

/** A named class of pictures. */
export interface ShapeClass {
  readonly name: string;
  readonly shape: Shape;
}

export const polygon = (...points: Point[]): Part => ({ points, cut: false });
export const hole = (part: Part): Part => ({ points: part.points, cut: true });

/** A closed curve through `steps` points. */
export const curve = (steps: number, at: (angle: number) => Point): Part =>
  polygon(...Array.from({ length: steps }, (_, i) => at((2 * Math.PI * i) / steps)));

export const ellipse = (x: number, y: number, rx: number, ry: number = rx): Part =>
  curve(20, (a) => [x + rx * Math.cos(a), y + ry * Math.sin(a)]);

export const box = (left: number, top: number, right: number, bottom: number): Part =>
  polygon([left, top], [right, top], [right, bottom], [left, bottom]);

/** A regular polygon, a corner upwards. */
export const regular = (corners: number, radius = 1): Part =>
  curve(corners, (a) => [radius * Math.sin(a), -radius * Math.cos(a)]);

/** Corners that alternate between two distances from the centre. */
export const spiked = (points: number, outer: number, inner: number): Part =>
  polygon(
    ...Array.from({ length: 2 * points }, (_, i): Point => {
      const angle = (Math.PI * i) / points;
      const radius = i % 2 === 0 ? outer : inner;
      return [radius * Math.sin(angle), -radius * Math.cos(angle)];
    }),
  );

/** A broken line of the given width, as one quadrilateral a piece. */
export const line = (width: number, ...points: Point[]): Part[] =>
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
export const arc = (x: number, y: number, radius: number, width: number, from: number, to: number): Part[] => {
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
export const dome = (x: number, y: number, rx: number, ry: number): Part =>
  polygon(
    ...Array.from(
      { length: 13 },
      (_, i): Point => [x - rx * Math.cos((Math.PI * i) / 12), y - ry * Math.sin((Math.PI * i) / 12)],
    ),
  );
