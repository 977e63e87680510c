/** The pre-trained backbone that ships with the project; `pretrain.ts` made it. */

import { readFileSync } from "node:fs";
import { decodeWeights, type Weights } from "./weights.js";

/** The weights of everything before the head. */
export function pretrainedWeights(): Weights {
  return decodeWeights(readFileSync(new URL("../weights/pretrained.safetensors", import.meta.url)));
}
