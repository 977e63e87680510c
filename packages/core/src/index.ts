/**
 * The nested-differentiation core of Hypergrad: wherever an optimizer takes a number, it can take something that learns that number.
 *
 * @packageDocumentation
 */

export { accumulate } from "./accumulate.js";
export { type BackendName, type SelectedBackend, useBackend } from "./backend.js";
export { channelAxesOf, type LayerLike, type LayerWeight } from "./channel-axes.js";
export { type Checkpoint, decodeCheckpoint, encodeCheckpoint } from "./checkpoint.js";
export type { Coordinate, CoordinateName, Domain } from "./domain.js";
export type { Numbers } from "./executor.js";
export {
  type AnyGrain,
  Condition,
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
  toExpr,
} from "./expression.js";
export { type Float64Optimizer, float64, type Gradients64, type Parameters64 } from "./float64.js";
export type { Array64 } from "./float64-executor.js";
export { baseSpec, fromTf, isTfOptimizer } from "./from-tf.js";
export type { AtMost, Finest, Grain } from "./grain.js";
export { type Group, groups } from "./groups.js";
export { HyperOptimizer, hyper } from "./hyper.js";
export type {
  ApplyOptions,
  HyperOptions,
  Hyperparameters,
  MinimizeOptions,
  NonFiniteCounts,
  StepInfo,
} from "./hyper-options.js";
export { isLearned, type Learned, type LearnedOptions, learned } from "./learned.js";
export {
  belowOne,
  type GivenByName,
  type GivenTensor,
  type Hyperparameter,
  type HyperparameterBuilder,
  nonNegative,
  positive,
  type Rule,
  type RuleDefinition,
  type RuleFactory,
  real,
  rule,
  ruleFactory,
  type Slot,
  type SlotInit,
  type StepInputs,
  slot,
  type UpdateInputs,
  type UpdateOutputs,
  unitInterval,
} from "./rule.js";
export { decodeSafetensors, encodeSafetensors, type Safetensors, type StoredTensor } from "./safetensors.js";
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
} from "./schedule.js";
export {
  type AccumulateSpec,
  type ChannelAxis,
  type ChoiceSpec,
  checkNames,
  choice,
  type LayoutSpec,
  mapRuleSpecs,
  type NamePattern,
  type RuleSpec,
  type Setting,
  type Spec,
  type VariableInfo,
  type VariablePattern,
  withChannelAxis,
} from "./spec.js";
export type { Inputs, Operator, OperatorCall, OperatorResult, Stage, Total } from "./stage.js";
export { type Direction, type TensorRuleDefinition, tensorRule } from "./tensor-rule.js";
export type { Scalars } from "./tfjs-executor.js";
export type { NamedTensor } from "./weights.js";
export {
  chain,
  type Proposed,
  type Transform,
  type WrapperDefinition,
  type WrapperFactory,
  wrapper,
} from "./wrapper.js";
