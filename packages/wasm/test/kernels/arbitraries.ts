/** Convolutions and pooling of any geometry that tfjs allows, and operands whose shapes fit: what the property tests draw from. */
import * as tf from "@tensorflow/tfjs";
import fc from "fast-check";

type Pair = [number, number];
type Padding = "same" | "valid" | number | [Pair, Pair, Pair, Pair];

/** A window that is moved over images. */
export interface Geometry {
  readonly format: "NHWC" | "NCHW";
  readonly batch: number;
  readonly size: Pair;
  readonly channels: number;
  readonly filters: number;
  readonly kernel: Pair;
  readonly strides: Pair;
  readonly dilations: Pair;
  readonly pad: Padding;
}

const pair = (most: number): fc.Arbitrary<Pair> =>
  fc.tuple(fc.integer({ min: 1, max: most }), fc.integer({ min: 1, max: most }));
const side: fc.Arbitrary<Pair> = fc.tuple(fc.nat(2), fc.nat(2));

/** The same list in the order of the axes. */
const inOrder = (format: Geometry["format"], height: Pair, width: Pair): Padding =>
  format === "NHWC" ? [[0, 0], height, width, [0, 0]] : [[0, 0], [0, 0], height, width];

/** The shape of images. */
export const imageShape = ({ format, batch, size, channels }: Geometry): number[] =>
  format === "NHWC" ? [batch, ...size, channels] : [batch, channels, ...size];

/** What tfjs computes of it for images with channels last; undefined where no window fits. */
function resultSize(g: Geometry): Pair | undefined {
  const pad = Array.isArray(g.pad) && g.format === "NCHW" ? [g.pad[0], g.pad[2], g.pad[3], g.pad[1]] : g.pad;
  const { outHeight, outWidth } = tf.backend_util.computeConv2DInfo(
    [g.batch, ...g.size, g.channels],
    [...g.kernel, g.channels, g.filters],
    g.strides,
    g.dilations,
    pad as "same",
  );
  return outHeight > 0 && outWidth > 0 ? [outHeight, outWidth] : undefined;
}

/** The shape of the result, of so many channels. */
export function resultShape(g: Geometry, channels: number = g.filters): number[] {
  const size = resultSize(g)!;
  return g.format === "NHWC" ? [g.batch, ...size, channels] : [g.batch, channels, ...size];
}

/** Any geometry with these formats; `dilated`: some have dilations. tfjs takes strides or dilations, not both. The largest images and most channels may be given. */
export function geometries(
  formats: readonly Geometry["format"][],
  dilated: boolean,
  { size, channels } = { size: 8, channels: 5 },
): fc.Arbitrary<Geometry> {
  return fc
    .record({
      format: fc.constantFrom(...formats),
      batch: fc.integer({ min: 1, max: 3 }),
      size: pair(size),
      channels: fc.integer({ min: 1, max: channels }),
      filters: fc.oneof({ weight: 4, arbitrary: fc.integer({ min: 1, max: 6 }) }, fc.integer({ min: 15, max: 20 })),
      kernel: pair(4),
      moved: fc.record({ by: pair(3), dilates: dilated ? fc.boolean() : fc.constant(false) }),
      pads: fc.record({
        kind: fc.constantFrom("same", "valid", "number", "list"),
        number: fc.nat(2),
        height: side,
        width: side,
      }),
    })
    .map(({ moved, pads, ...g }): Geometry => {
      const { kind, number, height, width } = pads;
      const list = () => inOrder(g.format, height, width);
      return {
        ...g,
        strides: moved.dilates ? [1, 1] : moved.by,
        dilations: moved.dilates ? moved.by : [1, 1],
        pad: kind === "number" ? number : kind === "list" ? list() : (kind as "same"),
      };
    })
    .filter((g) => resultSize(g) !== undefined);
}

/** Whether tfjs differentiates it: not with dilations. */
export const differentiable = ({ dilations }: Geometry): boolean => dilations.every((step) => step === 1);

/** How the geometry reads in a message. */
export const title = (g: Geometry): string => JSON.stringify(g);
