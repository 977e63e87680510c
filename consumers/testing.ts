/** The one entry that needs fast-check. */
import { checkHypergradients } from "@hypergrad/core/testing";
import { adamw } from "@hypergrad/optimizers";

checkHypergradients(adamw({ lr: 1e-3 }), { runs: 5 });
