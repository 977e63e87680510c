/**
 * Matrix products, plain and transposed, at the same speed.
 *
 * The backend computes a transposed or batched product with a loop of its own, 3 to 30 times slower than a plain one, which XNNPACK computes.
 * A dense layer's backward pass consists of transposed products.
 */
import type { BackendWasm } from "@tensorflow/tfjs-backend-wasm";
import { _FusedMatMul, BatchMatMul, broadcast_util, type TensorInfo, util } from "@tensorflow/tfjs-core";
import { type Argument, count, moving, parallel, scratch } from "../threads/parallel.js";
import { activate, fusable } from "./activation.js";
import { address, type Call, type Kernel, register, run, sizeOf, threaded, zeros } from "./backend.js";
import { checkSize, type Entrance, float, perhaps } from "./entrance.js";
import { gemmWork } from "./gemm-text.js";
import { type Machine, machineOf } from "./machine.js";

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

/** Some products, `count` of them: where the first one's matrices are, and how many bytes apart the others'. */
interface Products {
  readonly count: number;
  readonly rows: number;
  readonly a: readonly [first: number, step: number];
  readonly b: readonly [first: number, step: number];
  readonly c: readonly [first: number, step: number];
}

/** Multiplications that take some 50 µs. */
const WORTH = 2 ** 20;
/** A part's rows and columns are multiples of this: of a tile's sides. */
const PART = 40;

/** Several products are computed one by one; one by rows or by columns of the result: of whichever there are more, as every part packs its share of one operand and all of the other. */
function runProducts(machine: Machine, product: Product, { count: matrices, rows, a, b, c }: Products, init: number) {
  const { transposeA, transposeB, depth, columns } = product;
  const [as, bs] = [4 * (transposeA ? product.rows : depth), 4 * (transposeB ? depth : columns)];
  const several = matrices > 1;
  const byRows = !several && rows >= columns;
  const byColumns = !several && !byRows;
  const one = several ? rows * columns * depth : PART * depth * (byRows ? columns : rows);
  const parts = Math.ceil(WORTH / one);
  const by = ([from]: readonly [number, number], step: number) => (step === 0 ? from : moving(from, step));
  const args: Argument[] = [
    several ? count : 1,
    ...[a[1], b[1], c[1]],
    ...[by(a, several ? a[1] : byColumns ? 0 : transposeA ? 4 : as), as, Number(transposeA)],
    ...[by(b, several ? b[1] : byRows ? 0 : transposeB ? bs : 4), bs, Number(transposeB)],
    ...[by(c, several ? c[1] : byRows ? 4 * columns : 4), 4 * columns],
    byRows ? count : rows,
    byColumns ? count : columns,
    depth,
    ...[byColumns && init ? moving(init, 4) : init, 0, scratch(machine.work)],
  ];
  const size = several ? matrices : byRows ? rows : columns;
  parallel(machine.products, { size, grain: several ? parts : PART * parts, scratch: gemmWork }, args);
}

/** The product, plus a bias for each column if there is one. */
function multiply(backend: BackendWasm, product: Product, bias?: TensorInfo): TensorInfo {
  const { a, b, transposeA, rows, depth, columns, batch } = product;
  const shape = [...batch, rows, columns];
  if (util.sizeFromShape(shape) === 0) return backend.makeOutput(shape, "float32");
  if (depth === 0) return zeros(backend, shape);
  const out = backend.makeOutput(shape, "float32");
  const machine = machineOf(backend);
  const [atA, atB, atC] = [a, b, out].map((info) => address(backend, info)) as [number, number, number];
  const init = bias ? address(backend, bias) : 0;
  const sizes = { a: 4 * rows * depth, b: 4 * depth * columns, c: 4 * rows * columns };
  const [own, other] = [a.shape.slice(0, -2), b.shape.slice(0, -2)];
  const [ofA, ofB] = [stepOf(own, batch), stepOf(other, batch)];
  const size = util.sizeFromShape([...batch]);
  if (ofA === undefined || ofB === undefined) {
    const indices = matrixIndices(other, batch);
    matrixIndices(own, batch).forEach((matrix, i) => {
      const [first, second] = [atA + matrix * sizes.a, atB + indices[i]! * sizes.b];
      runProducts(machine, product, { count: 1, rows, a: [first, 0], b: [second, 0], c: [atC + i * sizes.c, 0] }, init);
    });
  } else {
    // With the same right operand for all, rows of one matrix follow those of another.
    const joined = ofA === 1 && ofB === 0 && !transposeA;
    const [matrices, height] = joined ? [1, size * rows] : [size, rows];
    const all = { a: [atA, ofA * sizes.a], b: [atB, ofB * sizes.b], c: [atC, sizes.c] } as const;
    runProducts(machine, product, { count: matrices, rows: height, ...all }, init);
  }
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
