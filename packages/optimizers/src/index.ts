/**
 * Update rules, one file each: every numeric hyperparameter can be a number, a schedule or learned.
 *
 * @packageDocumentation
 */
export { adam } from "./adam.js";
export { adamw } from "./adamw.js";
export { averaged } from "./averaged.js";
export { cautious } from "./cautious.js";
export { clipByGlobalNorm, clipByNorm, clipByValue } from "./clip.js";
export { type DAdaptAdamOptions, dAdaptAdam } from "./d-adapt-adam.js";
export { frozen } from "./frozen.js";
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
export { type LookaheadOptions, lookahead } from "./lookahead.js";
export { mechanic } from "./mechanic.js";
export type { AdamOptions } from "./moments.js";
export { type MuonOptions, muon } from "./muon.js";
export { type ProdigyOptions, prodigy } from "./prodigy.js";
export {
  type ScheduleFreeAdamwOptions,
  type ScheduleFreeSgdOptions,
  scheduleFreeAdamw,
  scheduleFreeSgd,
} from "./schedule-free.js";
export { type SgdOptions, sgd } from "./sgd.js";
export { type ShampooOptions, shampoo } from "./shampoo.js";
