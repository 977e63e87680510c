/**
 * The operations of MobileNet in float64, with their gradients, each written out as its definition: what float32 gradients are held against.
 *
 * A gradient of a variable is a sum over batch and image. Beside it stands the sum of the magnitudes of what is summed: rounding errs in proportion to that, also where
 * the terms cancel.
 */
import type { Operations } from "./mobilenet.js";

export class Value {
  readonly shape: readonly number[];
  readonly data: Float64Array;
  readonly gradient: Float64Array;
  /** The sum of the magnitudes of the gradient's terms. */
  readonly terms: Float64Array;

  constructor(shape: readonly number[], data?: ArrayLike<number>) {
    const size = shape.reduce((size, n) => size * n, 1);
    this.shape = shape;
    this.data = data ? Float64Array.from(data) : new Float64Array(size);
    this.gradient = new Float64Array(size);
    this.terms = new Float64Array(size);
  }

  /** Adds a term to the gradient of one element. */
  sum(index: number, term: number): void {
    this.gradient[index]! += term;
    this.terms[index]! += Math.abs(term);
  }
}

type Four = [number, number, number, number];

/** Where the windows of a convolution with padding "same" begin: TensorFlow's rule. */
const before = (size: number, out: number, window: number, stride: number): number =>
  Math.max(0, (out - 1) * stride + window - size) >> 1;

/** Every pair of an output pixel and an input pixel that a window brings together, by the offsets of their channels, with the window's cell. */
function windows(
  x: Value,
  out: Value,
  size: number,
  stride: number,
  visit: (from: number, to: number, cell: number) => void,
) {
  const [batch, height, width, channels] = x.shape as Four;
  const [, outHeight, outWidth, filters] = out.shape as Four;
  const [top, left] = [before(height, outHeight, size, stride), before(width, outWidth, size, stride)];
  for (let n = 0; n < batch; n++)
    for (let row = 0; row < outHeight; row++)
      for (let column = 0; column < outWidth; column++)
        for (let cell = 0; cell < size * size; cell++) {
          const y = row * stride - top + Math.floor(cell / size);
          const z = column * stride - left + (cell % size);
          if (y < 0 || y >= height || z < 0 || z >= width) continue;
          visit(((n * height + y) * width + z) * channels, ((n * outHeight + row) * outWidth + column) * filters, cell);
        }
}

/**
 * The operations, and the way back: `backward` leaves in each value the gradient of the last result.
 *
 * A relu6 bends at 0 and 6, and rounding decides on which side a value close by falls: its slope is then another one, and that is nobody's error. So the sides are those of `inputs`,
 * the relu6's inputs elsewhere, in order; `farthest` says how far from a bend a value is that float64 itself has on the other side.
 */
export function float64(inputs: readonly Float32Array[]) {
  const steps: (() => void)[] = [];
  let calls = 0;
  let farthest = 0;
  const strided = ({ shape }: Value, stride: number, channels: number) => {
    const [batch, height, width] = shape as Four;
    return new Value([batch, Math.ceil(height / stride), Math.ceil(width / stride), channels]);
  };

  const ops: Operations<Value> = {
    conv(x, filter, stride) {
      const [size, , channels, filters] = filter.shape as Four;
      const out = strided(x, stride, filters);
      const { data: from, gradient: dx } = x;
      const { data: w, gradient: dw, terms } = filter;
      const { data: to, gradient: dy } = out;
      windows(x, out, size, stride, (first, result, cell) => {
        for (let c = 0; c < channels; c++) {
          const [value, row] = [from[first + c]!, (cell * channels + c) * filters];
          for (let f = 0; f < filters; f++) to[result + f]! += value * w[row + f]!;
        }
      });
      steps.push(() =>
        windows(x, out, size, stride, (first, result, cell) => {
          for (let c = 0; c < channels; c++) {
            const [value, row] = [from[first + c]!, (cell * channels + c) * filters];
            let sum = 0;
            for (let f = 0; f < filters; f++) {
              const d = dy[result + f]!;
              sum += d * w[row + f]!;
              dw[row + f]! += value * d;
              terms[row + f]! += Math.abs(value * d);
            }
            dx[first + c]! += sum;
          }
        }),
      );
      return out;
    },

    depthwise(x, filter, stride) {
      const [size, , channels] = filter.shape as Four;
      const out = strided(x, stride, channels);
      windows(x, out, size, stride, (from, to, cell) => {
        for (let c = 0; c < channels; c++) out.data[to + c]! += x.data[from + c]! * filter.data[cell * channels + c]!;
      });
      steps.push(() =>
        windows(x, out, size, stride, (from, to, cell) => {
          for (let c = 0; c < channels; c++) {
            const dy = out.gradient[to + c]!;
            x.gradient[from + c]! += dy * filter.data[cell * channels + c]!;
            filter.sum(cell * channels + c, x.data[from + c]! * dy);
          }
        }),
      );
      return out;
    },

    norm(x, scale, offset) {
      const [channels] = scale.shape as [number];
      const count = x.data.length / channels;
      const out = new Value(x.shape);
      const normed = new Float64Array(x.data.length);
      const inverse = new Float64Array(channels);
      const mean = (of: (i: number) => number, c: number) => {
        let sum = 0;
        for (let i = c; i < x.data.length; i += channels) sum += of(i);
        return sum / count;
      };
      for (let c = 0; c < channels; c++) {
        const middle = mean((i) => x.data[i]!, c);
        inverse[c] = 1 / Math.sqrt(mean((i) => (x.data[i]! - middle) ** 2, c) + EPSILON);
        for (let i = c; i < x.data.length; i += channels) {
          normed[i] = (x.data[i]! - middle) * inverse[c]!;
          out.data[i] = normed[i]! * scale.data[c]! + offset.data[c]!;
        }
      }
      steps.push(() => {
        for (let c = 0; c < channels; c++) {
          const dy = out.gradient;
          const along = mean((i) => dy[i]! * normed[i]!, c);
          const middle = mean((i) => dy[i]!, c);
          for (let i = c; i < x.data.length; i += channels) {
            scale.sum(c, dy[i]! * normed[i]!);
            offset.sum(c, dy[i]!);
            x.gradient[i]! += scale.data[c]! * inverse[c]! * (dy[i]! - middle - normed[i]! * along);
          }
        }
      });
      return out;
    },

    relu6(x) {
      const side = (value: number) => (value <= 0 ? 0 : value <= 6 ? 1 : 2);
      const sides = Uint8Array.from(inputs[calls++]!, side);
      const out = new Value(x.shape);
      x.data.forEach((value, i) => {
        out.data[i] = [0, value, 6][sides[i]!]!;
        if (side(value) !== sides[i]) farthest = Math.max(farthest, Math.min(Math.abs(value), Math.abs(value - 6)));
      });
      steps.push(() => {
        sides.forEach((side, i) => {
          if (side === 1) x.gradient[i]! += out.gradient[i]!;
        });
      });
      return out;
    },

    add(a, b) {
      const out = new Value(
        a.shape,
        a.data.map((value, i) => value + b.data[i]!),
      );
      steps.push(() => {
        out.gradient.forEach((dy, i) => {
          a.gradient[i]! += dy;
          b.gradient[i]! += dy;
        });
      });
      return out;
    },

    classify(x, weights, bias) {
      const [batch, height, width, channels] = x.shape as Four;
      const area = height * width;
      const means = new Value([batch, 1, 1, channels]);
      x.data.forEach((value, i) => {
        means.data[Math.floor(i / (area * channels)) * channels + (i % channels)]! += value / area;
      });
      steps.push(() => {
        for (let i = 0; i < x.data.length; i++)
          x.gradient[i]! += means.gradient[Math.floor(i / (area * channels)) * channels + (i % channels)]! / area;
      });
      const matrix = Object.assign(Object.create(Value.prototype), weights, {
        shape: [1, 1, ...weights.shape],
      }) as Value;
      const out = ops.conv(means, matrix, 1);
      const classes = bias.data.length;
      for (let i = 0; i < out.data.length; i++) out.data[i]! += bias.data[i % classes]!;
      steps.push(() => {
        out.gradient.forEach((dy, i) => {
          bias.sum(i % classes, dy);
        });
      });
      return out;
    },

    loss(logits, labels) {
      const [batch, classes] = labels.shape as [number, number];
      const out = new Value([]);
      for (let n = 0; n < batch; n++) {
        const row = logits.data.subarray(n * classes, (n + 1) * classes);
        const exponents = row.map((value) => Math.exp(value - Math.max(...row)));
        const total = exponents.reduce((sum, value) => sum + value, 0);
        exponents.forEach((value, i) => {
          const label = labels.data[n * classes + i]!;
          if (label) out.data[0]! -= (label * Math.log(value / total)) / batch;
          logits.gradient[n * classes + i] = (value / total - label) / batch;
        });
      }
      return out;
    },
  };

  return {
    ops,
    backward: () => {
      for (const step of steps.reverse()) step();
    },
    farthest: () => farthest,
  };
}

/** What norms add to the variance. */
export const EPSILON = 1e-3;
