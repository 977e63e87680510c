/**
 * Update rules, one file each: every numeric hyperparameter can be a number, a schedule or learned.
 *
 * @packageDocumentation
 */
export { type AdabeliefOptions, adabelief } from "./adabelief.js";
export { type AdadeltaOptions, adadelta } from "./adadelta.js";
export { type AdagradOptions, adagrad } from "./adagrad.js";
export { adam } from "./adam.js";
export { type AdamaxOptions, adamax } from "./adamax.js";
export { adamw } from "./adamw.js";
export { type AdanOptions, adan } from "./adan.js";
export { type AdemamixOptions, ademamix } from "./ademamix.js";
export { amsgrad } from "./amsgrad.js";
export { averaged } from "./averaged.js";
export { cautious } from "./cautious.js";
export { clipByGlobalNorm, clipByNorm, clipByValue } from "./clip.js";
export { dAdaptAdam } from "./d-adapt-adam.js";
export type { EstimateOptions } from "./estimates.js";
export { frozen } from "./frozen.js";
export * as gdtuo from "./gdtuo.js";
export {
  type AdamHdOptions,
  adamHd,
  additive,
  multiplicative,
  relativeSgd,
  type SgdHdOptions,
  sgdHd,
} from "./hypergradient.js";
export { l2 } from "./l2.js";
export { type LambOptions, lamb } from "./lamb.js";
export { type LarsOptions, lars } from "./lars.js";
export { type LionOptions, lion } from "./lion.js";
export { type LookaheadOptions, lookahead } from "./lookahead.js";
export { mechanic } from "./mechanic.js";
export type { AdamOptions } from "./moments.js";
export { type MuonOptions, muon } from "./muon.js";
export { type NadamOptions, nadam } from "./nadam.js";
export { type ProdigyOptions, prodigy } from "./prodigy.js";
export { type RadamOptions, radam } from "./radam.js";
export { type RmspropOptions, rmsprop } from "./rmsprop.js";
export { type RpropOptions, rprop } from "./rprop.js";
export {
  type ScheduleFreeAdamwOptions,
  type ScheduleFreeSgdOptions,
  scheduleFreeAdamw,
  scheduleFreeSgd,
} from "./schedule-free.js";
export { type SgdOptions, sgd } from "./sgd.js";
export { type SgdwOptions, sgdw } from "./sgdw.js";
export { type ShampooOptions, shampoo } from "./shampoo.js";
export { type YogiOptions, yogi } from "./yogi.js";
