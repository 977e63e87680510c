/**
 * Seeded random numbers. Every stream is named: `randomStream(seed, "photo", "train")` and `randomStream(seed, "photo", "test")`
 * share nothing, so that what is drawn from one never depends on how much was drawn from another. That is what makes training,
 * validation and test pictures disjoint draws, and every number of the study reproducible.
 *
 * The generator is sfc32 (Chris Doty-Humphrey, PractRand, 2010): 128 bits of state, passes BigCrush, a few integer operations.
 */

/** A stream of pseudo-random numbers. */
export interface Random {
  /** A number in [low, high); [0, 1) if called without arguments. */
  uniform(low?: number, high?: number): number;
  /** An integer in [0, count). */
  integer(count: number): number;
  /** A number from the normal distribution. */
  normal(mean?: number, deviation?: number): number;
  /** True with the given probability. */
  chance(probability: number): boolean;
  /** One item of a non-empty list. */
  pick<T>(items: readonly T[]): T;
  /** Puts the items into random order, in place, and returns them. */
  shuffle<T extends { length: number; [index: number]: unknown }>(items: T): T;
}

/**
 * The stream that belongs to a seed and a name.
 *
 * @param seed any integer
 * @param name the parts of the stream's name; a different name is a different stream
 */
export function randomStream(seed: number, ...name: (string | number)[]): Random {
  const next = sfc32(seed, name.join("/"));
  const uniform = (low = 0, high = 1): number => low + (high - low) * next();
  const integer = (count: number): number => Math.floor(next() * count);
  return {
    uniform,
    integer,
    normal(mean = 0, deviation = 1) {
      // Box-Muller; 1 - u is in (0, 1], so that the logarithm is finite.
      const radius = Math.sqrt(-2 * Math.log(1 - next()));
      return mean + deviation * radius * Math.cos(2 * Math.PI * next());
    },
    chance: (probability) => next() < probability,
    pick: (items) => items[integer(items.length)]!,
    shuffle(items) {
      for (let i = items.length - 1; i > 0; i--) {
        const j = integer(i + 1);
        const held = items[i];
        items[i] = items[j];
        items[j] = held;
      }
      return items;
    },
  };
}

/** A function that returns the next number in [0, 1). */
function sfc32(seed: number, name: string): () => number {
  let a = hash(name, seed | 0);
  let b = hash(name, a);
  let c = hash(name, b);
  let counter = 1;
  const next = (): number => {
    const sum = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + sum) | 0;
    return (sum >>> 0) / 2 ** 32;
  };
  // The first outputs still show the likeness of similar seeds.
  for (let i = 0; i < 12; i++) next();
  return next;
}

/** A 32-bit hash of a text (FNV-1a with murmur's finaliser). */
function hash(text: string, seed: number): number {
  let h = 0x811c9dc5 ^ seed;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}
