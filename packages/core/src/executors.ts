/**
 * `@hypergrad/core/executors`: what a package needs that runs programs on a backend of its own, as @hypergrad/wasm does: programs, the passes that they are cut into, and
 * `accelerate`, which registers it.
 */
export {
  type Compute,
  computeOf,
  type Executor,
  type Numbers,
  type Prepared,
  type Value,
} from "./executors/executor.js";
export {
  type Acceleration,
  accelerate,
  isAccelerated,
  ranAlready,
  tensorExecutor,
} from "./executors/tensor-executor.js";
export type { Scalars } from "./executors/tfjs-executor.js";
export type { Grain } from "./expression/grain.js";
export { countOf, type Layout, sameShape } from "./expression/layout.js";
export type { NodeKind, OperationName } from "./expression/node.js";
export { power } from "./expression/power.js";
export type { Instruction, Program } from "./expression/program.js";
export type { Buffer } from "./passes/buffers.js";
export type { Kernel, Line, Reduction } from "./passes/kernel.js";
export type { Loop } from "./passes/loop.js";
export { type Host, type Passes, passesOf } from "./passes/passes.js";
export type { Place } from "./passes/place.js";
export { reciprocal } from "./passes/reciprocals.js";
