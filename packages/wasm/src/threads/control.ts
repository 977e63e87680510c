/**
 * The control block: what the calling thread and the workers tell each other, in shared memory of its own.
 *
 * A job is a kernel, and a range of units that is cut into chunks. Whoever is free takes the next chunk, so a thread that is late, or dead, has none; the results do not depend on who took which.
 */

/** Where every 32-bit number is. `turn` goes up with every job; `open` is 1 while a job may be entered; `inside` counts the workers that have entered. */
export const at = {
  turn: 0,
  open: 1,
  inside: 2,
  next: 3,
  size: 4,
  chunk: 5,
  module: 6,
  kernel: 7,
  arguments: 8,
  failed: 9,
} as const;

/** From here on there is a 1 for every worker that has started. */
export const READY = 16;

/** Arguments that a kernel may have. */
export const MOST_ARGUMENTS = 48;
/** Modules that the workers may know, and workers that there may be. */
export const MOST_MODULES = 1024;
export const MOST_WORKERS = 64;

/** Where, in float64 numbers, the arguments begin: for each what kind it is, where it starts, and how far it moves from unit to unit. */
export const ARGUMENTS: number = (READY + MOST_WORKERS) / 2;
/** The address of every worker's scratch memory. */
export const SCRATCH: number = ARGUMENTS + 3 * MOST_ARGUMENTS;
/** Of every module the address of its bytes, and how many they are. */
export const MODULES: number = SCRATCH + MOST_WORKERS;
export const BYTES: number = 8 * (MODULES + 2 * MOST_MODULES);

/** Kinds of arguments: a number, which may move from unit to unit; how many units the call is for; an address in the thread's own scratch memory. */
export const MOVING = 0;
export const COUNT = 1;
export const SCRATCHED = 2;
