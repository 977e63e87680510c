/**
 * Networks as descriptions, which every peer builds by its own means: what the layers are, in which order they take their weights, and the numbers that these begin with.
 */

/** A layer; pictures are [batch, height, width, channels], tokens [batch, token, channel]. */
export type Layer =
  /** A product with the last axis, and a bias. */
  | { readonly op: "dense"; readonly units: number; readonly activation?: "relu" }
  /** Padded so that the size is divided by the stride, rounded up; a bias unless `bias` is false. */
  | {
      readonly op: "conv";
      readonly size: number;
      readonly channels: number;
      readonly stride?: number;
      readonly bias?: false;
      readonly activation?: "relu";
    }
  /** 3 × 3, without a bias, padded alike. */
  | { readonly op: "depthwise"; readonly stride?: number }
  /** Over all but the channels, by the batch's own moments, as in training. */
  | { readonly op: "batchNorm" }
  /** Over the last axis. */
  | { readonly op: "layerNorm" }
  /** 2 × 2, stride 2. */
  | { readonly op: "maxPool" }
  /** Over height and width. */
  | { readonly op: "mean" }
  | { readonly op: "relu" | "relu6" | "gelu" | "flatten" }
  /** A picture's places as tokens, a learned one before them, and learned positions. */
  | { readonly op: "tokens" }
  /** The first token alone. */
  | { readonly op: "first" }
  /** Self-attention with its projections. */
  | { readonly op: "attention"; readonly heads: number }
  /** What the layers make of it, added to it. */
  | { readonly op: "residual"; readonly layers: readonly Layer[] };

/** A network and what it is trained on. */
export interface Description {
  /** In one line, for the table. */
  readonly work: string;
  readonly batch: number;
  /** The shape of one example. */
  readonly input: readonly number[];
  readonly classes: number;
  readonly layers: readonly Layer[];
}

/** A weight: what it is, which says how a peer lays it out, its shape here, and the numbers that it begins with. */
export interface Weight {
  readonly kind: "dense" | "conv" | "depthwise" | "other";
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

export const sizeOf = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);

/** Numbers between −scale and scale without a generator: the digits far behind the point of sines, so that no row is like another. */
export const numbers = (size: number, seed: number, scale: number): Float32Array =>
  Float32Array.from({ length: size }, (_, i) => {
    const digits = Math.sin(i * 12.9898 + seed * 78.233) * 43758.5453;
    return ((digits - Math.floor(digits)) * 2 - 1) * scale;
  });

/** The pictures, and the class of each. */
export const examplesOf = ({ batch, input, classes }: Description): { x: Float32Array; labels: number[] } => ({
  x: numbers(batch * sizeOf(input), 999, 1),
  labels: Array.from({ length: batch }, (_, i) => i % classes),
});

/** All weights, in the order in which the layers take them. */
export function weightsOf({ layers, input }: Description): Weight[] {
  const weights: Weight[] = [];
  const add = (kind: Weight["kind"], shape: readonly number[], scale: number, around = 0): void => {
    const values = numbers(sizeOf(shape), weights.length, scale);
    weights.push({ kind, shape, values: around ? values.map((value) => value + around) : values });
  };
  /** Deep networks keep their scale with it. */
  const scale = (inputs: number): number => Math.sqrt(6 / inputs);
  const dense = (inputs: number, units: number): void => {
    add("dense", [inputs, units], scale(inputs));
    add("other", [units], 0.05);
  };
  /** Adds the weights of a layer that is given this shape, and returns the shape that it makes. */
  function walk(shape: readonly number[], layer: Layer): readonly number[] {
    const channels = shape.at(-1) as number;
    const [height, width] = shape as [number, number];
    switch (layer.op) {
      case "dense":
        dense(channels, layer.units);
        return [...shape.slice(0, -1), layer.units];
      case "conv": {
        const { size, channels: made, stride = 1, bias } = layer;
        add("conv", [size, size, channels, made], scale(size * size * channels));
        if (bias !== false) add("other", [made], 0.05);
        return [Math.ceil(height / stride), Math.ceil(width / stride), made];
      }
      case "depthwise":
        add("depthwise", [3, 3, channels, 1], scale(9));
        return [Math.ceil(height / (layer.stride ?? 1)), Math.ceil(width / (layer.stride ?? 1)), channels];
      case "batchNorm":
      case "layerNorm":
        add("other", [channels], 0.1, 1);
        add("other", [channels], 0.1);
        return shape;
      case "maxPool":
        return [height / 2, width / 2, channels];
      case "mean":
        return [channels];
      case "flatten":
        return [sizeOf(shape)];
      case "tokens":
        add("other", [1, 1, channels], 0.1);
        add("other", [1, height * width + 1, channels], 0.1);
        return [height * width + 1, channels];
      case "first":
        return [channels];
      case "attention":
        dense(channels, 3 * channels);
        dense(channels, channels);
        return shape;
      case "residual":
        return layer.layers.reduce(walk, shape);
      default:
        return shape;
    }
  }
  layers.reduce(walk, input);
  return weights;
}
