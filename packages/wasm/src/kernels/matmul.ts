/**
 * Matrix products, plain and transposed, at the same speed.
 *
 * The backend computes a transposed or batched product with a loop of its own, 3 to 30 times slower than a plain one, which XNNPACK computes.
 * A dense layer's backward pass consists of transposed products.
 */
import type { BackendWasm } from "@tensorflow/tfjs-backend-wasm";
import { _FusedMatMul, BatchMatMul, broadcast_util, type TensorInfo, util } from "@tensorflow/tfjs-core";
import { count, moving, parallel, scratch } from "../threads/parallel.js";
import { activate, fusable } from "./activation.js";
import { address, type Call, type Kernel, register, run, sizeOf, threaded, zeros } from "./backend.js";
import { checkSize, type Entrance, float, perhaps } from "./entrance.js";
import { gemmWork } from "./gemm-text.js";
import { type Machine, machineOf } from "./machine.js";

/** With fewer rows than this on the left, packing the right operand costs more than it gains, and XNNPACK has it packed already. */
const fewRows = 16;

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

/** Where the matrices of one product are. */
interface Matrices {
  readonly a: number;
  readonly b: number;
  readonly c: number;
}

/** Multiplications that take some 50 µs. */
const WORTH = 2 ** 20;
/** A part's rows and columns are multiples of this: of a tile's sides. */
const PART = 40;

/** One product, by rows or by columns of the result: of whichever there are more, as every part packs its share of one operand and all of the other. */
function gemm(machine: Machine, product: Product, { a, b, c }: Matrices, init: number): void {
  const { transposeA, transposeB, rows, depth, columns } = product;
  const [as, bs] = [4 * (transposeA ? rows : depth), 4 * (transposeB ? depth : columns)];
  const byRows = rows >= columns;
  const parts = Math.ceil(WORTH / (PART * depth * (byRows ? columns : rows)));
  parallel(machine.gemm, { size: byRows ? rows : columns, grain: PART * parts, scratch: gemmWork }, [
    byRows ? moving(a, transposeA ? 4 : as) : a,
    ...[as, Number(transposeA)],
    byRows ? b : moving(b, transposeB ? bs : 4),
    ...[bs, Number(transposeB)],
    moving(c, byRows ? 4 * columns : 4),
    4 * columns,
    byRows ? count : rows,
    byRows ? columns : count,
    depth,
    byRows || !init ? init : moving(init, 4),
    0,
    scratch(machine.work),
  ]);
}

/** The product, plus a bias for each column if there is one. */
function multiply(backend: BackendWasm, product: Product, bias?: TensorInfo): TensorInfo {
  const { a, b, rows, depth, columns, batch } = product;
  const shape = [...batch, rows, columns];
  if (util.sizeFromShape(shape) === 0) return backend.makeOutput(shape, "float32");
  if (depth === 0 && !bias) return zeros(backend, shape);
  const out = backend.makeOutput(shape, "float32");
  const machine = machineOf(backend);
  const init = bias ? address(backend, bias) : 0;
  const ofA = matrixIndices(a.shape.slice(0, -2), batch);
  const ofB = matrixIndices(b.shape.slice(0, -2), batch);
  const matrices = ofA.map(
    (matrix, i): Matrices => ({
      a: address(backend, a) + 4 * matrix * rows * depth,
      b: address(backend, b) + 4 * ofB[i]! * depth * columns,
      c: address(backend, out) + 4 * i * rows * columns,
    }),
  );
  for (const one of matrices) gemm(machine, product, one, init);
  return out;
}

/** Whether the stock kernel computes this with XNNPACK, from a right operand that it may have packed before, and does it faster. */
const forXnnpack = (backend: BackendWasm, { a, b, transposeA, transposeB, rows, depth }: Product): boolean =>
  !transposeA &&
  !transposeB &&
  depth > 0 &&
  sizeOf(a) === rows * depth &&
  a.shape.length === b.shape.length &&
  b.shape.slice(0, -2).every((size) => size === 1) &&
  (rows < fewRows || threaded(backend));

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
