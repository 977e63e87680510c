/** What a study leaves behind: everything that the tables and the report show, as plain JSON. */
import type { Method } from "./methods.ts";
import type { ProblemName } from "./problems/index.ts";
import type { Trajectory } from "./train.ts";

/** One method on one problem, from every seed. */
export interface Outcome {
  readonly problem: ProblemName;
  readonly method: Method;
  /** Training loss over all data after the last step, by seed; null: training diverged. */
  readonly loss: readonly (number | null)[];
  /** How it came there, by seed; only of methods whose curve the report shows. */
  readonly trajectories: readonly Trajectory[] | null;
}

/** The whole study. */
export interface StudyResult {
  readonly format: "hypergrad-learned-learning-rate/1";
  readonly date: string;
  readonly options: { readonly quick: boolean; readonly seeds: number; readonly steps: number };
  readonly seconds: number;
  readonly machine: { readonly node: string; readonly cpu: string; readonly cores: number };
  readonly problems: readonly {
    readonly name: ProblemName;
    readonly label: string;
    readonly description: string;
    /** Training loss before the first step, median over the seeds. */
    readonly start: number;
  }[];
  /** The initial learning rates that were tried. */
  readonly rates: readonly number[];
  readonly seeds: readonly number[];
  readonly outcomes: readonly Outcome[];
}
