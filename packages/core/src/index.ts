/**
 * The nested-differentiation core of Hypergrad: wherever an optimizer takes a number, it can take something that learns that number.
 *
 * @packageDocumentation
 */

export type { Checkpoint } from "./checkpoint/checkpoint.js";
export { decodeCheckpoint, encodeCheckpoint } from "./checkpoint/file.js";
export { decodeSafetensors, encodeSafetensors, type Safetensors, type StoredTensor } from "./checkpoint/safetensors.js";
export type { NamedTensor } from "./checkpoint/weights.js";
export type { Numbers } from "./executors/executor.js";
export type { Array64 } from "./executors/float64-executor.js";
export type { Scalars } from "./executors/tfjs-executor.js";
export type { ExecutorUse } from "./executors/uses.js";
export {
  clamp,
  count,
  div,
  Expr,
  type GrainOf,
  max,
  maximum,
  mean,
  minimum,
  movingAverage,
  type Operand,
  pow,
  select,
  stopGradient,
  straightThrough,
  sub,
  sum,
} from "./expression/expression.js";
export type { AtMost, Finest, Grain } from "./expression/grain.js";
export { type AnyGrain, Condition } from "./expression/node.js";
export { type BackendName, type SelectedBackend, useBackend } from "./optimizer/backend.js";
export { type Float64Optimizer, float64, type Gradients64, type Parameters64 } from "./optimizer/float64.js";
export { hyper } from "./optimizer/hyper.js";
export { HyperOptimizer } from "./optimizer/hyper-optimizer.js";
export type {
  ApplyOptions,
  HyperOptions,
  Hyperparameters,
  MinimizeOptions,
  NonFiniteCounts,
  StepInfo,
} from "./optimizer/hyper-options.js";
export type { RestoreOptions } from "./optimizer/restore.js";
export { accumulate } from "./rule/accumulate.js";
export { channelAxesOf, type LayerLike, type LayerWeight } from "./rule/channel-axes.js";
export {
  type Definition,
  type RuleDefinition,
  type RuleFactory,
  rule,
  ruleFactory,
  type StepInputs,
  type UpdateInputs,
  type UpdateOutputs,
} from "./rule/define.js";
export type { Coordinate, CoordinateName, Domain } from "./rule/domain.js";
export { fromTf } from "./rule/from-tf.js";
export { type Group, groups } from "./rule/groups.js";
export { type LearnedOptions, learned } from "./rule/learned.js";
export {
  belowOne,
  type GivenByName,
  type GivenTensor,
  type Hyperparameter,
  type HyperparameterBuilder,
  nonNegative,
  positive,
  type Rule,
  real,
  type Slot,
  type SlotInit,
  slot,
  unitInterval,
} from "./rule/rule.js";
export {
  constant,
  cosine,
  type DecayOptions,
  type ExponentialOptions,
  exponential,
  linear,
  type Schedule,
  sequence,
  type WarmupOptions,
  warmup,
} from "./rule/schedule.js";
export {
  type AccumulateSpec,
  type ChoiceSpec,
  isLearned,
  type LayoutSpec,
  type Learned,
  type RuleSpec,
  type Setting,
  type Spec,
  withChannelAxis,
} from "./rule/spec.js";
export type { Inputs, Operator, OperatorCall, OperatorResult, Stage, Total } from "./rule/stage.js";
export { type Direction, type TensorRuleDefinition, tensorRule } from "./rule/tensor-rule.js";
export type { ChannelAxis, NamePattern, VariableInfo, VariablePattern } from "./rule/variable.js";
export {
  chain,
  type Proposed,
  type Transform,
  type WrapperDefinition,
  type WrapperFactory,
  wrapper,
} from "./rule/wrapper.js";
