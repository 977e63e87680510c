/** The models of the study, by their name on the command line. */
import type { Architecture } from "./architecture.js";
import { conv } from "./conv.js";
import { mixer } from "./mixer.js";

/** The name of a model on the command line. */
export type ModelName = "mixer" | "conv";

/** All models by name; the first is the default. */
export const MODELS: Readonly<Record<ModelName, Architecture>> = { mixer, conv };

/** All names. */
export const MODEL_NAMES: readonly ModelName[] = Object.keys(MODELS) as ModelName[];
