import { learned } from "@hypergrad/core";
import { averaged, descent } from "../support.js";

/** State, a tower, and a value per channel. */
export const spec = averaged({
  lr: learned(0.1, descent({ lr: learned(1e-3, descent({ lr: 1e-4 })) })),
  decay: learned(0.5, descent({ lr: 1e-3 }), { per: "channel", in: "logit" }),
});
