/**
 * A kernel by ranges, on all threads: rows of a product, images of a convolution, pieces of an optimizer's arrays.
 *
 * A call of a kernel is for some units of work. Written down are the arguments of the whole, which of them move on from unit to unit, and which says how many units there are; that is enough to call
 * it for any part. Results have the same bits whatever the parts are, and whoever computes them: so no unit may read what another writes, and no sum may go over units.
 */
import { bytesOf } from "../heap/assemble.js";
import { type Internals, isShared, memoryOf } from "../heap/internals.js";
import { COUNT, MOVING, SCRATCHED } from "./control.js";
import type { PooledKernel } from "./pool.js";
import { poolOf } from "./setting.js";
import { imported } from "./worker-text.js";

/** A function of a module; all arguments are numbers. */
export type Kernel = (...values: number[]) => void;

/** How many units a call is for. */
export const count: "count" = "count" as const;

/** An address that moves from unit to unit, by so many bytes. */
interface Moving {
  readonly from: number;
  readonly step: number;
}
export const moving = (from: number, step: number): Moving => ({ from, step });

/** An address in the thread's own scratch memory, `offset` bytes from its beginning; on the calling thread that is at `own`. */
interface Scratch {
  readonly own: number;
  readonly offset: number;
}
export const scratch = (own: number, offset = 0): Scratch => ({ own, offset });

export type Argument = number | Moving | Scratch | typeof count;

export interface Range {
  /** Units of work. */
  readonly size: number;
  /** Fewer units than this are not worth another thread's while: some 50 µs of work. Chunks are multiples of it. */
  readonly grain: number;
  /** Bytes of scratch memory of a thread. */
  readonly scratch?: number;
}

/** What is known of the functions of modules on shared memory. */
const pooled = new WeakMap<Kernel, PooledKernel & { readonly internals: Internals }>();

/** A module's functions, bound to a backend's memory. Other imports than Math's keep them on the calling thread. */
export function instantiate(
  internals: Internals,
  module: WebAssembly.Module,
  imports: WebAssembly.Imports = {},
): Record<string, Kernel> {
  const memory = memoryOf(internals);
  const functions = Object.entries(new WebAssembly.Instance(module, { env: { memory }, ...imports }).exports);
  const everywhere = WebAssembly.Module.imports(module).every(
    ({ kind, name }) => kind === "memory" || imported.includes(name),
  );
  if (isShared(memory) && everywhere) {
    const bytes = bytesOf(module);
    functions.forEach(([, kernel], number) => {
      pooled.set(kernel as Kernel, { internals, module, bytes, number });
    });
  }
  return Object.fromEntries(functions) as Record<string, Kernel>;
}

/** The arguments of a call for some units. */
const numberFor = (argument: Argument, begin: number, units: number): number =>
  typeof argument === "number"
    ? argument
    : argument === count
      ? units
      : "own" in argument
        ? argument.own + argument.offset
        : argument.from + begin * argument.step;

const encoded = (argument: Argument): readonly [number, number, number] =>
  typeof argument === "number"
    ? [MOVING, argument, 0]
    : argument === count
      ? [COUNT, 0, 0]
      : "own" in argument
        ? [SCRATCHED, argument.offset, 0]
        : [MOVING, argument.from, argument.step];

/** Runs a kernel for all units. Where no argument is a count it is called for one unit at a time. */
export function parallel(kernel: Kernel, { size, grain, scratch = 0 }: Range, args: readonly Argument[]): void {
  const step = args.includes(count) ? size : 1;
  const run = (begin: number, end: number): void => {
    for (let unit = begin; unit < end; unit += step) {
      const units = Math.min(step, end - unit);
      kernel(...args.map((argument) => numberFor(argument, unit, units)));
    }
  };
  const known = size > grain ? pooled.get(kernel) : undefined;
  const pool = known && poolOf(known.internals);
  if (known && pool) {
    const chunk = grain * Math.max(1, Math.floor(size / grain / (pool.workers + 1) / CHUNKS));
    if (pool.run({ kernel: known, size, chunk, arguments: args.map(encoded), scratch, run })) return;
  }
  run(0, size);
}

/** Chunks of a thread, where there are enough grains: with several, who is held up by other programs takes fewer. */
const CHUNKS = 2;
