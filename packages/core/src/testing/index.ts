/**
 * Property-based tests for update rules: `@hypergrad/core/testing`.
 *
 * @packageDocumentation
 */

export { type AgainstReport, checkAgainst, type Reference, type ReferenceStep } from "./against.js";
export { type CheckpointOptions, type CheckpointReport, checkCheckpoint } from "./checkpoints.js";
export { derivative, type Estimate } from "./derivative.js";
export { checkExecutorsAgree, type ExecutorOptions, type ExecutorReport } from "./executors.js";
export { anyForm, type Form, smallForm } from "./forms.js";
export { type GradientKind, gradientKinds } from "./gradients.js";
export { checkHypergradients, type HypergradientOptions, type HypergradientReport } from "./hypergradients.js";
export { hyperparametersOf, type Values } from "./hyperparameters.js";
export type { InvariantName } from "./invariant-table.js";
export { checkInvariants, type InvariantOptions, type InvariantReport } from "./invariants.js";
export { type Problem, type ProblemOptions, type ProblemVariable, problems } from "./problems.js";
export { noise, random } from "./random.js";
export { CheckFailure, type CheckOptions } from "./run.js";
export type { Testable, Wrapped } from "./subject.js";
