/**
 * `@hypergrad/core/internal`: what the other packages of Hypergrad need and nobody else does. It may change in any release.
 */
export { toExpr } from "./expression/expression.js";
export { baseSpec } from "./rule/from-tf.js";
export { checkNames } from "./rule/options.js";
export { choice, mapRuleSpecs } from "./rule/spec.js";
