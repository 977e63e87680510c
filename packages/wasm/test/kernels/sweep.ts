/** One operation on the WASM backend against the same on the cpu backend: its value, and its gradient with respect to every float32 input. */
import * as tf from "@tensorflow/tfjs";
import { expect } from "vitest";
import { writtenPastTheEnd } from "./fences.js";

/** An input: its shape, and what its values are like. */
export interface Input {
  readonly shape: readonly number[];
  readonly dtype: "float32" | "int32" | "bool";
  readonly low: number;
  readonly high: number;
}

/** An operation on some inputs. */
export interface Case {
  readonly name: string;
  readonly inputs: readonly Input[];
  readonly run: (...inputs: never[]) => tf.Tensor;
  /** Whether the operation has gradients: those with respect to all float32 inputs are compared, unless some are named. */
  readonly gradients: boolean | readonly number[];
  /** Where the cpu backend's gradient is wrong itself: finite differences of the WASM backend's values are compared with then. */
  readonly cpuGradientIsWrong?: boolean;
}

/** A float32 input with values between `low` and `high`. */
export const float = (shape: readonly number[], low = -2, high = 2): Input => ({ shape, dtype: "float32", low, high });

/** An int32 input with values from `low` to below `high`. */
export const int = (shape: readonly number[], low = -5, high = 6): Input => ({ shape, dtype: "int32", low, high });

/** A bool input. */
export const bool = (shape: readonly number[]): Input => ({ shape, dtype: "bool", low: 0, high: 2 });

/** A case with gradients. */
export const op = <Inputs extends tf.Tensor[]>(
  name: string,
  inputs: readonly Input[],
  run: (...inputs: Inputs) => tf.Tensor,
  gradients: boolean | readonly number[] = true,
): Case => ({ name, inputs, run: run as unknown as Case["run"], gradients });

/** A case without: the operation is not differentiable, or tfjs has no gradient for it. */
export const valueOnly = <Inputs extends tf.Tensor[]>(
  name: string,
  inputs: readonly Input[],
  run: (...inputs: Inputs) => tf.Tensor,
): Case => op(name, inputs, run, false);

/** The same numbers in every run, without ties and away from zero. */
function valuesOf({ shape, dtype, low, high }: Input, seed: number): number[] {
  return Array.from({ length: tf.util.sizeFromShape([...shape]) }, (_, i) => {
    const noise = Math.abs(Math.sin((i + 1) * 12.9898 + seed * 78.233) * 43758.5453) % 1;
    const value = low + (high - low) * noise;
    if (dtype !== "float32") return Math.floor(value);
    return Math.abs(value) < 0.01 ? 0.01 : value;
  });
}

/** What an operation gave. */
interface Result {
  readonly shape: readonly number[];
  readonly dtype: string;
  readonly values: readonly number[];
}

const read = (x: tf.Tensor): Result => ({ shape: x.shape, dtype: x.dtype, values: [...x.dataSync()] as number[] });

function evaluate(backend: string, { inputs, run, gradients }: Case): Result[] {
  tf.setBackend(backend);
  const results: Result[] = [];
  tf.tidy(() => {
    const tensors = inputs.map((input, i) => tf.tensor(valuesOf(input, i), [...input.shape], input.dtype));
    const call = run as unknown as (...tensors: tf.Tensor[]) => tf.Tensor;
    results.push(read(call(...tensors)));
    if (gradients === false) return;
    const wanted = inputs.flatMap((input, i) =>
      input.dtype === "float32" && (gradients === true || gradients.includes(i)) ? [i] : [],
    );
    const loss = (...moving: tf.Tensor[]) => {
      const all = [...tensors];
      wanted.forEach((i, j) => {
        all[i] = moving[j]!;
      });
      const y = call(...all);
      const weights = tf.tensor(valuesOf(float(y.shape), 99), y.shape);
      return y.toFloat().mul(weights).sum() as tf.Scalar;
    };
    results.push(
      ...tf
        .grads(loss)(wanted.map((i) => tensors[i]!))
        .map(read),
    );
  });
  return results;
}

/** The gradients that finite differences of the operation's values on the WASM backend give: exact for operations that are linear. */
function differences(sweepCase: Case): Result[] {
  tf.setBackend("wasm");
  const { inputs, run } = sweepCase;
  const values = inputs.map(valuesOf);
  const loss = (all: number[][]) =>
    tf.tidy(() => {
      const tensors = all.map((list, i) => tf.tensor(list, [...inputs[i]!.shape], inputs[i]!.dtype));
      const y = (run as unknown as (...tensors: tf.Tensor[]) => tf.Tensor)(...tensors);
      return y
        .mul(tf.tensor(valuesOf(float(y.shape), 99), y.shape))
        .sum()
        .dataSync()[0]!;
    });
  return inputs.map((input, i) => ({
    shape: input.shape,
    dtype: input.dtype,
    values: values[i]!.map((value, j) => {
      const [up, down] = [1, -1].map((step) =>
        loss(values.map((list, k) => list.map((other, at) => (k === i && at === j ? value + step : other)))),
      );
      return (up! - down!) / 2;
    }),
  }));
}

/** The largest difference, relative to the largest number: what float32 sums of the same values in another order differ by. */
const tolerance = 2e-5;

/** Expects the WASM backend to give what the cpu backend does, and to keep nothing. */
export function expectAgreement(sweepCase: Case): void {
  const { cpuGradientIsWrong = false } = sweepCase;
  const expected = evaluate("cpu", cpuGradientIsWrong ? { ...sweepCase, gradients: false } : sweepCase);
  if (cpuGradientIsWrong) expected.push(...differences(sweepCase));
  tf.setBackend("wasm");
  const kept = tf.backend().numDataIds();
  let actual: Result[] = [];
  const past = writtenPastTheEnd(() => {
    actual = evaluate("wasm", sweepCase);
  });
  expect(past, "bytes written past the end of tensors").toBe(0);
  expect(tf.backend().numDataIds(), "data left on the heap").toBe(kept);
  const names = ["the value", ...sweepCase.inputs.map((_, i) => `gradient ${i}`)];
  expected.forEach((result, i) => {
    const found = actual[i]!;
    expect(found.shape, `shape of ${names[i]}`).toEqual(result.shape);
    expect(found.dtype, `type of ${names[i]}`).toBe(result.dtype);
    const scale = result.values
      .filter(Number.isFinite)
      .map(Math.abs)
      .reduce((a, b) => Math.max(a, b), 1);
    result.values.forEach((value, j) => {
      const other = found.values[j]!;
      if (Object.is(value, other) || value === other) return;
      if (!(Math.abs(value - other) <= tolerance * scale)) {
        throw new Error(`${names[i]} at ${j} of [${result.shape}]: ${other} on wasm, ${value} on cpu`);
      }
    });
  });
}
