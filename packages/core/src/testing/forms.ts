/**
 * Forms: a shape, and the axes that name its channels. What goes wrong with shapes goes wrong at rank 0, at sizes of 0 and 1, and where the
 * channel axis is not the last one.
 */
import fc from "fast-check";
import { sizeOf } from "../expression/layout.js";

/** A shape, and which of its axes name output channels. */
export interface Form {
  /** The shape of a variable. */
  readonly shape: readonly number[];
  /** As `channelAxis` takes them; undefined: as the rank decides. */
  readonly channelAxes: readonly number[] | undefined;
}

/** No channel axis, one (from the front or from the back), or two. */
function axesOf(rank: number): fc.Arbitrary<readonly number[] | undefined> {
  if (rank === 0) return fc.constant(undefined);
  const axis = fc.integer({ min: -rank, max: rank - 1 });
  const two = fc.uniqueArray(axis, { minLength: 2, maxLength: 2, selector: (a) => (a + rank) % rank });
  return fc.oneof(
    fc.constant(undefined),
    axis.map((a) => [a]),
    rank < 2 ? fc.constant([0]) : two,
  );
}

const formOf = (shape: readonly number[]): fc.Arbitrary<Form> =>
  axesOf(shape.length).map((channelAxes) => ({ shape, channelAxes }));

/** Small forms of rank 0 to 4, of at most 24 elements, sizes of 1 among them. */
export const smallForm: fc.Arbitrary<Form> = fc
  .array(fc.integer({ min: 1, max: 4 }), { maxLength: 4 })
  .map((shape) => (sizeOf(shape) <= 24 ? shape : shape.slice(0, 2)))
  .chain(formOf);

/** Any form: also empty tensors, odd tails of vector units, and tensors longer than one block of a blocked sum. */
export const anyForm: fc.Arbitrary<Form> = fc.oneof(
  { weight: 6, arbitrary: smallForm },
  { weight: 1, arbitrary: fc.constantFrom([0], [0, 3], [3, 0], [2, 0, 2]).chain(formOf) },
  { weight: 2, arbitrary: fc.constantFrom([7], [17], [5, 13], [31, 3], [3, 3, 2, 5]).chain(formOf) },
  { weight: 1, arbitrary: fc.constantFrom([2051], [33, 65], [4, 3, 173]).chain(formOf) },
);
