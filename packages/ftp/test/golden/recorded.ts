/**
 * Recorded trajectories: what the reference optimizers did, and how near a correct program has to come.
 *
 * A file holds the cases of one family in one element type. A case has everything that goes in (parameters, anchors, gradients, options)
 * and the state after every step. Tensors are flat, in PyTorch's layouts (see layouts.ts). HYPERGRAD_GOLDEN names another folder of the
 * same format.
 */
import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";

/** The hyperparameters of one level of a tower: as they are stored, and as they are meant. */
export interface RecordedLevel {
  readonly class: string;
  readonly raw: Readonly<Record<string, number>>;
  readonly natural: Readonly<Record<string, number>>;
}

/** The state after one step. */
export interface RecordedState {
  readonly params: readonly (readonly number[])[];
  /** FTP's radius of every parameter; null where the parameter is excluded. */
  readonly gamma: readonly (number | null)[];
  /** The levels of a tower, bottom first; of hypergradient descent the learning rate; other families have none. */
  readonly hypers: { readonly levels?: readonly RecordedLevel[]; readonly lr?: number };
}

/** How much something differs in the parameters, the radii and the hyperparameters. */
export interface Spread {
  readonly params: number;
  readonly gamma: number;
  readonly hypers: number;
}

/** The constructor arguments of one level of a tower. */
export type TowerOptions = { readonly class: string } & Readonly<Record<string, number | string>>;

/** One run of a reference optimizer. */
export interface RecordedCase {
  readonly name: string;
  /** The class; of a tower the classes, bottom first, as in "Adam / SGD". */
  readonly optimizer: string;
  readonly options: Readonly<Record<string, unknown>>;
  readonly names: readonly string[];
  readonly shapes: readonly (readonly number[])[];
  readonly params0: readonly (readonly number[])[];
  /** FTP's anchors. */
  readonly pre: readonly (readonly number[])[] | null;
  /** By step, then by parameter. */
  readonly grads: readonly (readonly (readonly number[])[])[];
  /** Of a tower: the hyperparameters at the start. */
  readonly hypers0?: { readonly levels: readonly RecordedLevel[] };
  readonly trajectory: readonly RecordedState[];
  /** How far noise of one unit in the last place moves the trajectory. */
  readonly rounding: Spread;
  /** How far the float32 and the float64 trajectories are apart. */
  readonly f64_vs_f32?: Spread;
}

/** Element types of recordings and of executors. */
export type Precision = "float64" | "float32";

const here = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

/** The folder of the recordings. */
export const folder: string = process.env.HYPERGRAD_GOLDEN ? resolve(process.env.HYPERGRAD_GOLDEN) : here("fixtures");

const selection: Readonly<Record<string, readonly string[]>> = JSON.parse(readFileSync(here("selection.json"), "utf8"));

/** The families that are compared. */
export const families: readonly string[] = Object.keys(selection);

/** The cases of a family that are made only of optimizers that we have, and the element type they were recorded in. */
export interface Recordings {
  readonly cases: readonly RecordedCase[];
  readonly dtype: Precision;
}

/**
 * The recordings that an executor of this precision is held against; float64 where a family was not recorded in float32.
 *
 * @throws Error where the folder has no file for the family.
 */
export function recordings(family: string, precision: Precision): Recordings {
  const dtypes: Precision[] = precision === "float32" ? ["float32", "float64"] : ["float64"];
  const dtype = dtypes.find((candidate) => existsSync(join(folder, `${family}_${candidate}.json.gz`)));
  if (!dtype)
    throw new Error(`There is no ${dtypes.map((d) => `${family}_${d}.json.gz`).join(" and no ")} in ${folder}.`);
  const text = gunzipSync(readFileSync(join(folder, `${family}_${dtype}.json.gz`))).toString();
  const { cases } = JSON.parse(text) as { cases: RecordedCase[] };
  const classes = selection[family] as readonly string[];
  return {
    dtype,
    cases: cases.filter((recorded) => chosen(recorded, classes)),
  };
}

/**
 * Whether a case is made only of optimizers that we have, and does what they do: the reference's AdamHD moves its rate once per parameter, within the step, so that ours, which
 * moves it once per step, is the same for a single parameter.
 */
function chosen({ optimizer, names }: RecordedCase, classes: readonly string[]): boolean {
  return (
    optimizer.split(" / ").every((name) => classes.includes(name)) && (optimizer !== "AdamHD" || names.length === 1)
  );
}

/** How far off a number may be. */
export type Tolerance = (kind: keyof Spread, expected: number) => number;

/**
 * How far an executor may be from a recording:
 *
 *     float64                                max(1e-12, 20·rounding)
 *     float32                                max(2e-6, 20·rounding, 4·f64_vs_f32)
 *     float32, where only float64 was recorded (so that rounding and f64_vs_f32 say nothing of float32)
 *                                            max(2e-6, 20·rounding) · max(1, |expected|)
 *
 * @param dtype The element type of the recording.
 * @param precision That of the executor.
 */
export function toleranceOf({ rounding, f64_vs_f32 }: RecordedCase, dtype: Precision, precision: Precision): Tolerance {
  if (precision === "float64") return (kind) => Math.max(1e-12, 20 * rounding[kind]);
  if (dtype === "float64")
    return (kind, expected) => Math.max(2e-6, 20 * rounding[kind]) * Math.max(1, Math.abs(expected));
  return (kind) => Math.max(2e-6, 20 * rounding[kind], 4 * (f64_vs_f32?.[kind] ?? 0));
}
