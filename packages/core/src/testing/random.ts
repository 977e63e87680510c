/**
 * Numbers from seeds.
 *
 * Tensors of any size cost fast-check one draw, a seed, and a counterexample shrinks in its structure (shapes, steps, settings), where the
 * reason usually lies.
 */

/** A generator of numbers in [0, 1) from integers: the same integers, the same numbers (mulberry32). */
export function random(...seeds: readonly number[]): () => number {
  let state = seeds.reduce((hash, x) => Math.imul(hash ^ x, 0x9e3779b1) + 0x7f4a7c15, 0x2545f491) | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let x = Math.imul(state ^ (state >>> 15), 1 | state);
    x ^= x + Math.imul(x ^ (x >>> 7), 61 | x);
    return ((x ^ (x >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** So many numbers, made of a generator's. */
export type Draw = (size: number, next: () => number) => Float32Array;

/**
 * Float32 numbers, roughly normal with deviation 1.
 *
 * @param size How many.
 * @param next Where they come from; see `random`.
 */
export function noise(size: number, next: () => number): Float32Array {
  const values = new Float32Array(size);
  for (let i = 0; i < size; i++) values[i] = (next() + next() + next() + next() - 2) * Math.sqrt(3);
  return values;
}
