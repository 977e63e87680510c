/** The pre-trained backbones that ship with the project; `pretrain.ts` made them. */

import { readFileSync } from "node:fs";
import type { ModelName } from "./models/index.js";
import { decodeWeights, type Weights } from "./weights.js";

/** The weights of everything before the head. */
export function pretrainedWeights(model: ModelName): Weights {
  return decodeWeights(readFileSync(new URL(`../weights/${model}.safetensors`, import.meta.url)));
}
