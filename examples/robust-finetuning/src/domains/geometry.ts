/**
 * A shape is a list of closed polygons that are added or cut away, one after the other, and a picture asks one question about it:
 * how far is this point from the outline? Fills, outlines, bevels, shadows and glows are all functions of that signed distance,
 * and they are anti-aliased for free, because the distance is known to fractions of a pixel.
 */

import type { Random } from "@hypergrad/example-kit";

/** A point; x to the right, y downwards. */
export type Point = readonly [x: number, y: number];

/** One closed polygon: added to the shape, or cut from what was added before it. */
export interface Part {
  readonly points: readonly Point[];
  readonly cut: boolean;
}

/** A shape about the origin, at most about 1 from it. */
export type Shape = readonly Part[];

/** Limits of the random pose, in pixels and radians. */
export interface PoseLimits {
  /** Distance from the shape's centre to its farthest points, drawn uniformly from [least, most] pixels. */
  readonly radius: readonly [least: number, most: number];
  /** The centre is drawn uniformly within this many pixels of the picture's centre, along each axis. */
  readonly shift: number;
}

/** A shape somewhere on the picture: polygons in pixels, stored flat for speed. */
export interface PosedShape {
  readonly parts: readonly { readonly xy: Float64Array; readonly cut: boolean }[];
  /** The centre, in pixels. */
  readonly center: Point;
  /** Distance from the centre to the farthest points, in pixels. */
  readonly radius: number;
}

/** Side of every picture, in pixels. */
export const SIZE = 32;

/** Rotation goes up to this many radians to either side: upright things stay upright, a mirror image is never drawn. */
const ROTATION = 0.4;
/** Shear and stretch go up to this much of the side. */
const SHEAR = 0.18;

/** Puts a shape on the picture: random size, rotation, shear, stretch and place. */
export function pose(shape: Shape, limits: PoseLimits, random: Random): PosedShape {
  const radius = random.uniform(...limits.radius);
  const angle = random.uniform(-ROTATION, ROTATION);
  const shear = random.uniform(-SHEAR, SHEAR);
  const stretch = 1 + random.uniform(-SHEAR, SHEAR);
  const centerX = SIZE / 2 + random.uniform(-limits.shift, limits.shift);
  const centerY = SIZE / 2 + random.uniform(-limits.shift, limits.shift);
  const cos = radius * Math.cos(angle);
  const sin = radius * Math.sin(angle);
  const parts = shape.map(({ points, cut }) => {
    const xy = new Float64Array(2 * points.length);
    points.forEach(([x0, y0], i) => {
      const x = (x0 + shear * y0) * stretch;
      const y = y0 / stretch;
      xy[2 * i] = centerX + cos * x - sin * y;
      xy[2 * i + 1] = centerY + sin * x + cos * y;
    });
    return { xy, cut };
  });
  return { parts, center: [centerX, centerY], radius };
}

/**
 * Signed distance of a point from a shape's outline, in pixels; negative inside. It is exact outside and near the outline; deep inside
 * parts that overlap it is a lower bound of the depth, which is all that a fill or a bevel needs.
 */
export function signedDistance(shape: PosedShape, x: number, y: number): number {
  let distance = Number.POSITIVE_INFINITY;
  for (const { xy, cut } of shape.parts) {
    const own = polygonDistance(xy, x, y);
    distance = cut ? Math.max(distance, -own) : Math.min(distance, own);
  }
  return distance;
}

/** The signed distance at every pixel's centre, row by row. */
export function distanceField(shape: PosedShape): Float64Array {
  const field = new Float64Array(SIZE * SIZE);
  for (let i = 0; i < field.length; i++) {
    field[i] = signedDistance(shape, (i % SIZE) + 0.5, Math.floor(i / SIZE) + 0.5);
  }
  return field;
}

/** Distance from one polygon's edges, signed by the even-odd rule. */
function polygonDistance(xy: Float64Array, x: number, y: number): number {
  let squared = Number.POSITIVE_INFINITY;
  let inside = false;
  let ax = xy[xy.length - 2]!;
  let ay = xy[xy.length - 1]!;
  for (let i = 0; i < xy.length; i += 2) {
    const bx = xy[i]!;
    const by = xy[i + 1]!;
    const ex = bx - ax;
    const ey = by - ay;
    const along = ((x - ax) * ex + (y - ay) * ey) / (ex * ex + ey * ey || 1);
    const t = Math.min(Math.max(along, 0), 1);
    const dx = x - ax - t * ex;
    const dy = y - ay - t * ey;
    const d = dx * dx + dy * dy;
    if (d < squared) squared = d;
    if (ay > y !== by > y && x < ax + ((y - ay) / (by - ay)) * ex) inside = !inside;
    ax = bx;
    ay = by;
  }
  const distance = Math.sqrt(squared);
  return inside ? -distance : distance;
}
