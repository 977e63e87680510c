/** The kernels whose results are put off. What they do not take, they leave to those that they replace. */
import {
  Abs,
  Add,
  AddN,
  backend_util,
  Cast,
  ClipByValue,
  type DataType,
  Equal,
  Fill,
  FusedBatchNorm,
  Greater,
  GreaterEqual,
  LeakyRelu,
  Less,
  LessEqual,
  LogicalAnd,
  LogicalNot,
  LogicalOr,
  Maximum,
  Minimum,
  Multiply,
  Neg,
  NotEqual,
  OnesLike,
  RealDiv,
  Reciprocal,
  Relu,
  Relu6,
  Rsqrt,
  Select,
  Sqrt,
  Square,
  SquaredDifference,
  Step,
  Sub,
  type TensorInfo,
  Tile,
  util,
  ZerosLike,
} from "@tensorflow/tfjs-core";
import { type Call, sizeOf, withTemporaries } from "../kernels/backend.js";
import { reachOf, reachOfTile } from "./geometry.js";
import { type Given, ledgerOf } from "./ledger.js";
import type { Operation } from "./operations.js";

/** What has fewer elements is computed at once: that costs less than to put it off. */
export const least = { size: 1024 };

/** A kernel's result, put off; undefined where that is not possible. */
export type Lazy = (call: Call) => TensorInfo | undefined;

const is = (dtype: DataType, ...infos: TensorInfo[]): boolean => infos.every((info) => info.dtype === dtype);

/** An operation on tensors that are spread over a result of this shape; undefined where one cannot be. */
function put(
  { backend }: Call,
  operation: Operation,
  infos: readonly TensorInfo[],
  shape: readonly number[],
  options: { dtype?: DataType; constants?: readonly number[] } = {},
): TensorInfo | undefined {
  if (util.sizeFromShape([...shape]) < least.size) return undefined;
  const given: Given[] = [];
  for (const info of infos) {
    const reach = reachOf(info.shape, shape);
    if (!reach) return undefined;
    given.push({ info, reach });
  }
  return ledgerOf(backend).put(operation, given, shape, options);
}

/** One operand of this type, and the attributes that are constants, with what they are unless they are given. */
const unary =
  (operation: Operation, attributes: Readonly<Record<string, number>> = {}, dtype: DataType = "float32"): Lazy =>
  (call) => {
    const x = call.inputs["x"] as TensorInfo;
    if (x.dtype !== dtype) return undefined;
    const constants = Object.entries(attributes).map(
      ([name, value]) => (call.attrs[name] as number | undefined) ?? value,
    );
    return put(call, operation, [x], x.shape, { dtype, constants });
  };

const binary =
  (operation: Operation, operands: DataType, dtype: DataType): Lazy =>
  (call) => {
    const { a, b } = call.inputs as { a: TensorInfo; b: TensorInfo };
    if (!is(operands, a, b)) return undefined;
    return put(call, operation, [a, b], backend_util.assertAndGetBroadcastShape(a.shape, b.shape), { dtype });
  };

const arithmetic = (operation: Operation): Lazy => binary(operation, "float32", "float32");
const comparison = (operation: Operation): Lazy => binary(operation, "float32", "bool");
const logical = (operation: Operation): Lazy => binary(operation, "bool", "bool");

/** All elements the same number. */
const constant =
  (value: (call: Call) => unknown, shape: (call: Call) => readonly number[], dtype: (call: Call) => unknown): Lazy =>
  (call) => {
    const number = value(call);
    if (dtype(call) !== "float32" || typeof number !== "number") return undefined;
    return put(call, "constant", [], shape(call), { constants: [number] });
  };

const like = (value: number): Lazy =>
  constant(
    () => value,
    ({ inputs }) => (inputs["x"] as TensorInfo).shape,
    ({ inputs }) => inputs["x"]?.dtype,
  );

function cast(call: Call): TensorInfo | undefined {
  const x = call.inputs["x"] as TensorInfo;
  if (call.attrs["dtype"] !== "float32") return undefined;
  if (x.dtype === "bool") return put(call, "number", [x], x.shape);
  if (x.dtype !== "float32") return undefined;
  call.backend.incRef(x.dataId);
  return { ...x };
}

function select(call: Call): TensorInfo | undefined {
  const { condition, t, e } = call.inputs as { condition: TensorInfo; t: TensorInfo; e: TensorInfo };
  const same = util.arraysEqual(condition.shape, t.shape) && util.arraysEqual(t.shape, e.shape);
  if (!same || !is("bool", condition) || !is("float32", t, e)) return undefined;
  return put(call, "select", [condition, t, e], t.shape);
}

function addN(call: Call): TensorInfo | undefined {
  const [first, ...others] = Object.values(call.inputs) as [TensorInfo, ...TensorInfo[]];
  if (others.length === 0 || !is("float32", first, ...others) || sizeOf(first) < least.size) return undefined;
  if (!others.every(({ shape }) => util.arraysEqual(shape, first.shape))) return undefined;
  return withTemporaries(call.backend, (keep) =>
    others.reduce(
      (sum, x, i) => (i > 0 ? keep(sum) : sum) && (put(call, "add", [sum, x], x.shape) as TensorInfo),
      first,
    ),
  );
}

function tile(call: Call): TensorInfo | undefined {
  const x = call.inputs["x"] as TensorInfo;
  const repetitions = call.attrs["reps"] as number[];
  const reach = reachOfTile(x.shape, repetitions);
  const shape = x.shape.map((size, axis) => size * (repetitions[axis] as number));
  if (!is("float32", x) || !reach || util.sizeFromShape(shape) < least.size) return undefined;
  return ledgerOf(call.backend).put("copy", [{ info: x, reach }], shape);
}

/** (x − mean) · scale / √(variance + ε) + offset */
function batchNorm(call: Call): TensorInfo | undefined {
  const { x, mean, variance, scale, offset } = call.inputs as Record<string, TensorInfo>;
  const others = [mean, variance, scale, offset].filter((info) => info !== undefined);
  const [m, v] = [mean, variance] as [TensorInfo, TensorInfo];
  const input = x as TensorInfo;
  const fits = others.every(({ shape }) => util.arraysEqual(shape, m.shape) && reachOf(shape, input.shape));
  if (!fits || !is("float32", input, ...others) || sizeOf(input) < least.size || sizeOf(m) > sizeOf(input))
    return undefined;
  const ledger = ledgerOf(call.backend);
  const all = { width: 1, count: sizeOf(m) };
  return withTemporaries(call.backend, (keep) => {
    const epsilon = call.attrs["varianceEpsilon"] as number;
    let factor = keep(ledger.put("invert", [{ info: v, reach: all }], m.shape, { constants: [epsilon] }));
    if (scale) {
      const parts = [factor, scale].map((info) => ({ info, reach: all }));
      factor = keep(ledger.put("mul", parts, m.shape));
    }
    const on = (operation: Operation, a: TensorInfo, b: TensorInfo) =>
      put(call, operation, [a, b], input.shape) as TensorInfo;
    const scaled = on("mul", keep(on("sub", input, m)), factor);
    return offset ? on("add", keep(scaled), offset) : scaled;
  });
}

/** The kernels by name. */
export const lazyKernels: Readonly<Record<string, Lazy>> = {
  [Add]: arithmetic("add"),
  [Sub]: arithmetic("sub"),
  [Multiply]: arithmetic("mul"),
  [RealDiv]: arithmetic("div"),
  [Maximum]: arithmetic("maximum"),
  [Minimum]: arithmetic("minimum"),
  [SquaredDifference]: arithmetic("squaredDifference"),
  [Neg]: unary("neg"),
  [Abs]: unary("abs"),
  [Square]: unary("square"),
  [Sqrt]: unary("sqrt"),
  [Rsqrt]: unary("rsqrt"),
  [Reciprocal]: unary("reciprocal"),
  [Relu]: unary("relu"),
  [Relu6]: unary("relu6"),
  [LeakyRelu]: unary("leakyRelu", { alpha: 0.2 }),
  [Step]: unary("step", { alpha: 0 }),
  [ClipByValue]: unary("clip", { clipValueMin: 0, clipValueMax: 0 }),
  [Greater]: comparison("greater"),
  [GreaterEqual]: comparison("greaterEqual"),
  [Less]: comparison("less"),
  [LessEqual]: comparison("lessEqual"),
  [Equal]: comparison("equal"),
  [NotEqual]: comparison("notEqual"),
  [LogicalAnd]: logical("and"),
  [LogicalOr]: logical("or"),
  [LogicalNot]: unary("not", {}, "bool"),
  [Select]: select,
  [Cast]: cast,
  [AddN]: addN,
  [Tile]: tile,
  [FusedBatchNorm]: batchNorm,
  [OnesLike]: like(1),
  [ZerosLike]: like(0),
  [Fill]: constant(
    ({ attrs }) => attrs["value"],
    ({ attrs }) => attrs["shape"] as number[],
    ({ attrs }) => attrs["dtype"] ?? "float32",
  ),
};
