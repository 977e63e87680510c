/**
 * Matrix products, plain and transposed, at the same speed.
 *
 * The backend computes a transposed or batched product with a loop of its own, 3 to 30 times slower than a plain one, which XNNPACK computes.
 * A dense layer's backward pass consists of transposed products.
 */
import type { BackendWasm } from "@tensorflow/tfjs-backend-wasm";
import { _FusedMatMul, BatchMatMul, broadcast_util, type TensorInfo, util } from "@tensorflow/tfjs-core";
import { activate, fusable } from "./activation.js";
import { address, type Call, type Kernel, register, run, sizeOf, threaded, zeros } from "./backend.js";
import { checkSize, type Entrance, float, perhaps } from "./entrance.js";
import { machineOf } from "./machine.js";

/** A product's operands, with everything derived from their shapes. */
interface Product {
  readonly a: TensorInfo;
  readonly b: TensorInfo;
  readonly transposeA: boolean;
  readonly transposeB: boolean;
  readonly rows: number;
  readonly depth: number;
  readonly columns: number;
  readonly batch: readonly number[];
}

function productOf({ inputs, attrs }: Call, name: string): Product {
  const { a, b } = inputs as { a: TensorInfo; b: TensorInfo };
  const transposeA = Boolean(attrs["transposeA"]);
  const transposeB = Boolean(attrs["transposeB"]);
  const [rows, depth] = a.shape.slice(-2) as [number, number];
  const [other, columns] = b.shape.slice(-2) as [number, number];
  const product = {
    a,
    b,
    transposeA,
    transposeB,
    rows: transposeA ? depth : rows,
    depth: transposeA ? rows : depth,
    columns: transposeB ? other : columns,
    batch: broadcast_util.assertAndGetBroadcastShape(a.shape.slice(0, -2), b.shape.slice(0, -2)),
  };
  checkSize(
    name,
    product.depth,
    `the inner size of the shape [${a.shape}] with transposeA = ${transposeA}`,
    transposeB ? columns : other,
    `that of [${b.shape}] with transposeB = ${transposeB}`,
  );
  return product;
}

/** Which of an operand's matrices belongs to each matrix of the result, where the operand's batch is broadcast to `batch`. */
function matrixIndices(own: readonly number[], batch: readonly number[]): number[] {
  const missing = batch.length - own.length;
  let indices = [0];
  batch.forEach((size, axis) => {
    const extent = axis < missing ? 1 : own[axis - missing]!;
    indices = indices.flatMap((index) =>
      Array.from({ length: size }, (_, i) => index * extent + (extent === 1 ? 0 : i)),
    );
  });
  return indices;
}

/** From one matrix of an operand to the next, along the batch: none where all have the same; undefined where it is broadcast along some axes. */
function stepOf(own: readonly number[], batch: readonly number[]): 0 | 1 | undefined {
  const size = util.sizeFromShape([...own]);
  if (size === 1) return 0;
  return size === util.sizeFromShape([...batch]) ? 1 : undefined;
}

/** The product, plus a bias for each column if there is one. */
function multiply(backend: BackendWasm, product: Product, bias?: TensorInfo): TensorInfo {
  const { a, b, transposeA, transposeB, rows, depth, columns, batch } = product;
  const shape = [...batch, rows, columns];
  if (util.sizeFromShape(shape) === 0) return backend.makeOutput(shape, "float32");
  if (depth === 0) return zeros(backend, shape);
  const out = backend.makeOutput(shape, "float32");
  const machine = machineOf(backend);
  const [atA, atB, atOut] = [a, b, out].map((info) => address(backend, info)) as [number, number, number];
  const init = bias ? address(backend, bias) : 0;
  const sizes = { a: 4 * rows * depth, b: 4 * depth * columns, out: 4 * rows * columns };
  const run = (matrices: number, [stepA, stepB]: readonly number[], m: number, first: readonly number[]) =>
    machine.products(
      ...[matrices, stepA! * sizes.a, stepB! * sizes.b, sizes.out],
      ...[atA + first[0]! * sizes.a, 4 * (transposeA ? rows : depth), Number(transposeA)],
      ...[atB + first[1]! * sizes.b, 4 * (transposeB ? depth : columns), Number(transposeB)],
      ...[atOut + first[2]! * sizes.out, 4 * columns, m, columns, depth, init, 0, machine.work],
    );
  const [own, other] = [a.shape.slice(0, -2), b.shape.slice(0, -2)];
  const steps = [stepOf(own, batch), stepOf(other, batch)];
  const count = util.sizeFromShape([...batch]);
  if (steps.includes(undefined)) {
    const ofB = matrixIndices(other, batch);
    matrixIndices(own, batch).forEach((matrix, i) => {
      run(1, [0, 0], rows, [matrix, ofB[i]!, i]);
    });
  } else if (steps[0] === 1 && steps[1] === 0 && !transposeA) run(1, [0, 0], count * rows, [0, 0, 0]);
  else run(count, steps as number[], rows, [0, 0, 0]);
  return out;
}

/** Whether the stock kernel computes this with XNNPACK, on several threads, from a right operand that it may have packed before. */
const forXnnpack = (backend: BackendWasm, { a, b, transposeA, transposeB, rows, depth }: Product): boolean =>
  !transposeA &&
  !transposeB &&
  depth > 0 &&
  sizeOf(a) === rows * depth &&
  a.shape.length === b.shape.length &&
  b.shape.slice(0, -2).every((size) => size === 1) &&
  threaded(backend);

const matrix = float(2, Number.POSITIVE_INFINITY);
const operands: Entrance = { a: matrix, b: matrix };

register(
  BatchMatMul,
  (stock): Kernel =>
    (call) => {
      const product = productOf(call, BatchMatMul);
      const empty = sizeOf(product.a) === 0 || sizeOf(product.b) === 0;
      return !empty && forXnnpack(call.backend, product) ? stock(call) : multiply(call.backend, product);
    },
  operands,
);

register(
  _FusedMatMul,
  (stock): Kernel =>
    (call) => {
      const { inputs, attrs, backend } = call;
      const product = productOf(call, _FusedMatMul);
      const { bias } = inputs;
      const perColumn = bias !== undefined && bias.shape.length === 1 && sizeOf(bias) === product.columns;
      const empty = sizeOf(product.a) === 0 || sizeOf(product.b) === 0;
      // The stock kernel looks for the sizes on the second and third axis.
      const simple = product.a.shape.length === 3 && (!bias || perColumn) && fusable(inputs, [product.columns]);
      if (!empty && simple && forXnnpack(backend, product)) return stock(call);
      let out = multiply(backend, product, perColumn && product.depth > 0 ? bias : undefined);
      if (bias && !(perColumn && product.depth > 0)) {
        const sum = run(backend, "Add", { a: out, b: bias });
        backend.disposeData(out.dataId);
        out = sum;
      }
      return activate(backend, out, inputs, attrs);
    },
  { ...operands, bias: perhaps, preluActivationWeights: perhaps },
);
