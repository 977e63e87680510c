/**
 * Grain: what one value of an expression or of a hyperparameter covers.
 *
 * Grains are ordered from coarse to fine, and a coarse value spreads over everything finer. A "channel" is one output channel of
 * a tensor (see layout.ts); in a tensor with fewer than two axes the whole tensor is one channel.
 */

/** What one value covers: the whole `model`, one `tensor`, one output `channel` of a tensor, or one `element`. */
export type Grain = "model" | "tensor" | "channel" | "element";

/** All grains, from coarse to fine. */
export const grains: readonly Grain[] = ["model", "tensor", "channel", "element"];

/** The finer of two grains, as a table of types. */
// biome-ignore format: a table
interface FinerOf {
  model:   { model: "model";   tensor: "tensor";  channel: "channel"; element: "element" };
  tensor:  { model: "tensor";  tensor: "tensor";  channel: "channel"; element: "element" };
  channel: { model: "channel"; tensor: "channel"; channel: "channel"; element: "element" };
  element: { model: "element"; tensor: "element"; channel: "element"; element: "element" };
}

/** The grain of what is computed from two values: the finer of the two. */
export type Finest<A extends Grain, B extends Grain> = FinerOf[A][B];

/** Every grain that is as coarse as `G` or coarser: what can be stored where one value per `G` is expected. */
export type AtMost<G extends Grain> = G extends "element"
  ? Grain
  : G extends "channel"
    ? "model" | "tensor" | "channel"
    : G extends "tensor"
      ? "model" | "tensor"
      : "model";

/** True when `a` is strictly finer than `b` (one value of `a` covers less). */
export function finer(a: Grain, b: Grain): boolean {
  return grains.indexOf(a) > grains.indexOf(b);
}

/** The finest of some grains; `model` for none. */
export function finest(all: readonly Grain[]): Grain {
  return all.reduce<Grain>((a, b) => (finer(b, a) ? b : a), "model");
}
