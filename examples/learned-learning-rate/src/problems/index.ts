/** The problems by name: a convex one, one that is not, and one that is badly conditioned. */
import { digits } from "./digits.js";
import { leastSquares } from "./least-squares.js";
import type { Problem } from "./problem.js";
import { spirals } from "./spirals.js";

/** What the study says of a problem, and how it is drawn. */
export interface ProblemEntry {
  readonly label: string;
  readonly description: string;
  readonly draw: (seed: number) => Problem;
}

/** Name of a problem. */
export type ProblemName = "digits" | "spirals" | "least-squares";

/** All problems. */
export const PROBLEMS: Readonly<Record<ProblemName, ProblemEntry>> = {
  digits: {
    label: "Digits",
    description: "Ten digits drawn on 8 × 8 pixels, multinomial logistic regression (650 parameters), batches of 32.",
    draw: digits,
  },
  spirals: {
    label: "Spirals",
    description: "Three spiral arms, a network 2–16–16–3 with tanh (371 parameters), batches of 32.",
    draw: spirals,
  },
  "least-squares": {
    label: "Least squares",
    description: "Sixteen unknowns, condition number 10 000, exact gradients.",
    draw: leastSquares,
  },
};

/** Names of all problems, in the order of the report. */
export const PROBLEM_NAMES = Object.keys(PROBLEMS) as ProblemName[];
