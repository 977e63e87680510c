/**
 * What a kernel takes, checked at its entrance: a kernel reads memory by the shapes that it expects, and would read past the end of a tensor that has
 * another one. The checks look at shapes and types, once for each call, never at values.
 */
import type { DataType, NamedTensorInfoMap, TensorInfo } from "@tensorflow/tfjs-core";

/** What a kernel takes as one of its inputs. */
export interface Taken {
  readonly dtype: DataType;
  /** The fewest and the most axes. */
  readonly least: number;
  readonly most: number;
  readonly optional: boolean;
}

/** Inputs that a kernel checks, by name. */
export type Entrance = Readonly<Record<string, Taken>>;

/** A float32 tensor with so many axes, or with at least so many and at most others. */
export const float = (least: number, most: number = least): Taken => ({
  dtype: "float32",
  least,
  most,
  optional: false,
});

/** A float32 tensor of any shape, which may be left out. */
export const perhaps: Taken = { dtype: "float32", least: 0, most: Number.POSITIVE_INFINITY, optional: true };

/** Says what a kernel was given, and what it takes. */
export function refuse(kernel: string, message: string): never {
  throw new Error(`The kernel "${kernel}" of the WASM backend ${message}`);
}

const describe = ({ dtype, shape }: TensorInfo): string => `a tensor of type ${dtype} and shape [${shape}]`;

const axes = ({ least, most }: Taken): string => {
  if (most === least) return `with ${least} axes`;
  return most === Number.POSITIVE_INFINITY ? `with at least ${least} axes` : `with ${least} to ${most} axes`;
};

/** Refuses inputs of other types or ranks than the kernel takes. */
export function checkInputs(kernel: string, entrance: Entrance, inputs: NamedTensorInfoMap): void {
  for (const name in entrance) {
    const taken = entrance[name] as Taken;
    const input = inputs[name];
    if (!input) {
      if (!taken.optional) refuse(kernel, `needs the input "${name}", which was not given.`);
    } else if (input.dtype !== taken.dtype) {
      refuse(
        kernel,
        `takes "${name}" as ${taken.dtype}, and was given ${describe(input)}. Cast it first: x.cast("${taken.dtype}").`,
      );
    } else if (input.shape.length < taken.least || input.shape.length > taken.most) {
      refuse(kernel, `takes "${name}" ${axes(taken)}, and was given ${describe(input)}. Reshape it first.`);
    }
  }
}

/** Refuses an input of another shape than the other inputs and the attributes make it have; `because` says what the shape is. */
export function checkShape(
  kernel: string,
  name: string,
  input: TensorInfo,
  shape: readonly number[],
  because: string,
): void {
  const { length } = shape;
  let same = input.shape.length === length;
  for (let axis = 0; same && axis < length; axis++) same = input.shape[axis] === shape[axis];
  if (!same) refuse(kernel, `expects "${name}" of shape [${shape}], ${because}, and was given ${describe(input)}.`);
}

/** Refuses two sizes that must be one; `of` and `as` say what they are. */
export function checkSize(kernel: string, size: number, of: string, expected: number, as: string): void {
  if (size !== expected) refuse(kernel, `got ${of}, ${size}, and ${as}, ${expected}, which must be equal.`);
}

/** Refuses tensors of a type that the kernel would take for another. */
export function checkNot(kernel: string, dtype: DataType, inputs: NamedTensorInfoMap, instead: string): void {
  for (const name in inputs) {
    const input = inputs[name];
    if (input?.dtype === dtype) {
      refuse(kernel, `takes no ${dtype}, and was given ${describe(input)} as "${name}". ${instead}`);
    }
  }
}
