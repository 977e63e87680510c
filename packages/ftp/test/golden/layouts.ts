/**
 * PyTorch's layouts and ours. PyTorch puts the output channel first, TensorFlow.js last, and the window of a convolution before its
 * channels: dense [out, in] ↔ [in, out], convolution [out, in, h, w] ↔ [h, w, in, out]. Vectors and scalars are the same.
 */

/** A tensor: shape, and values in row-major order. */
export interface Tensor {
  readonly shape: readonly number[];
  readonly values: readonly number[];
}

/** Our axes as PyTorch's: the window, then the input, then the output channel. */
function ours(rank: number): number[] {
  const axes = Array.from({ length: rank }, (_, axis) => axis);
  return rank < 2 ? axes : [...axes.slice(2), 1, 0];
}

function transpose({ shape, values }: Tensor, axes: readonly number[]): Tensor {
  const strides = shape.map((_, axis) => shape.slice(axis + 1).reduce((a, b) => a * b, 1));
  const turned = axes.map((axis) => shape[axis] as number);
  const at = (i: number): number => {
    let from = 0;
    let rest = i;
    for (let k = axes.length - 1; k >= 0; k--) {
      const size = turned[k] as number;
      from += (rest % size) * (strides[axes[k] as number] as number);
      rest = Math.floor(rest / size);
    }
    return values[from] as number;
  };
  return { shape: turned, values: values.map((_, i) => at(i)) };
}

/** A tensor in our layout, from PyTorch's. */
export function fromTorch(tensor: Tensor): Tensor {
  return transpose(tensor, ours(tensor.shape.length));
}

/** A tensor in PyTorch's layout, from ours. */
export function toTorch(tensor: Tensor): Tensor {
  const axes = ours(tensor.shape.length);
  return transpose(
    tensor,
    axes.map((_, axis) => axes.indexOf(axis)),
  );
}
