/**
 * Running a binding: numbers in JavaScript, loops in kernels, one step after the other.
 */
import type { Layout, Reduction } from "@hypergrad/core/executors";
import { reciprocal } from "@hypergrad/core/executors";
import type { Heap } from "../heap/heap.js";
import { moving, parallel } from "../threads/parallel.js";
import type { Binding, BoundLoop } from "./binding.js";
import type { Call, Rows } from "./rows.js";

/** A binding with everything that a call brings. */
export interface Running {
  readonly heap: Heap;
  readonly layout: Layout;
  /** Every value that is a number, by its index: the inputs before the run, all after it. */
  readonly numbers: Float64Array;
  /** The address of every value that is an array, by its index. */
  readonly addresses: Float64Array;
  /** The address of the scratch memory. */
  readonly scratch: number;
}

/** Runs all steps. */
export function run(running: Running, { steps, numbers }: Binding): void {
  for (const { index, value } of numbers) running.numbers[index] = value;
  for (const step of steps) {
    if (step.over === "host") {
      for (const { index, compute } of step.values) running.numbers[index] = compute(running.numbers, running.layout);
    } else loop(running, step);
  }
}

function loop(running: Running, bound: BoundLoop): void {
  const { numbers, scratch } = running;
  const { loop, frame, kernel, walk, frames, grain, factors } = bound;
  const { calls, rows } = walk;
  const { reductions } = loop.kernel;
  for (let i = 0; i < reductions.length; i++) {
    const { op, to } = reductions[i] as Reduction;
    if (to === "tensor") numbers[loop.reductions[i] as number] = op === "sum" ? 0 : Number.NEGATIVE_INFINITY;
  }
  if (rows) clear(running, bound, rows);
  const bytes = 8 * frame.slots;
  for (let first = 0; first < calls.length; first += frames) {
    const some = Math.min(frames, calls.length - first);
    for (let i = 0; i < some; i++) prepare(running, bound, calls[first + i] as Call, scratch + i * bytes);
    if (some === 1) kernel(scratch);
    else parallel(kernel, { size: some, grain }, [moving(scratch, bytes)]);
    for (let i = 0; i < some; i++) collect(running, bound, scratch + i * bytes);
  }
  if (rows) gather(running, bound, rows);
  for (let i = 0; i < reductions.length; i++) {
    if ((reductions[i] as Reduction).to === "channel") continue;
    const index = loop.reductions[i] as number;
    numbers[index] = (numbers[index] as number) * (factors[i] as number);
  }
}

/** Writes a call's frame. */
function prepare(running: Running, bound: BoundLoop, call: Call, at: number): void {
  const { heap, numbers } = running;
  const { loop, frame, walk } = bound;
  const { reductions } = loop.kernel;
  let slot = (at >>> 2) + 2 * frame.scalars;
  for (const { value, reciprocal: inverse } of loop.scalars) {
    const number = numbers[value] as number;
    heap.f32[slot] = inverse ? reciprocal(number) : number;
    slot += 2;
  }
  for (let i = 0; i < reductions.length; i++) {
    const { op, to } = reductions[i] as Reduction;
    if (to === "tensor") {
      heap.f64[(at >>> 3) + frame.reductions + 2 * i] = op === "sum" ? 0 : Number.NEGATIVE_INFINITY;
    }
  }
  point(running, bound, call, at);
  if (walk.rows) pointToChannels(running, bound, walk.rows, call, at);
}

/** Adds what a call has reduced over all of its elements to what those before have. */
function collect({ heap, numbers }: Running, { loop, frame }: BoundLoop, at: number): void {
  const { reductions } = loop.kernel;
  for (let i = 0; i < reductions.length; i++) {
    const { op, to } = reductions[i] as Reduction;
    if (to === "channel") continue;
    const index = loop.reductions[i] as number;
    const [before, value] = [numbers[index] as number, heap.f64[(at >>> 3) + frame.reductions + 2 * i] as number];
    numbers[index] = op === "sum" ? before + value : Math.max(before, value);
  }
}

/** Writes the addresses of the arrays into the frame, from the call's first element on. */
function point({ heap, addresses }: Running, { loop, frame }: BoundLoop, call: Call, at: number): void {
  const { i32 } = heap;
  const { element, rows, width } = call;
  const begin = at >>> 2;
  i32[begin + 2 * frame.rows] = rows;
  i32[begin + 2 * frame.length] = 4 * width;
  let slot = begin + 2 * frame.elements;
  for (const index of loop.elements) {
    i32[slot] = (addresses[index] as number) + 4 * element;
    slot += 2;
  }
  slot = begin + 2 * frame.stores;
  for (const index of loop.stores) {
    i32[slot] = (addresses[index] as number) + 4 * element;
    slot += 2;
  }
}

function pointToChannels(
  { heap, addresses, scratch }: Running,
  { loop, frame, repeated, partial, total }: BoundLoop,
  { copies, channels }: Rows,
  { channel }: Call,
  at: number,
): void {
  const { f32, i32 } = heap;
  const slot = at >>> 2;
  loop.channels.forEach((index, i) => {
    const from = (addresses[index] as number) + 4 * channel;
    const place = repeated[i];
    i32[slot + 2 * (frame.channels + i)] = place === undefined ? from : scratch + place;
    if (place === undefined) return;
    for (let copy = 0; copy < copies; copy++) {
      f32.copyWithin(((scratch + place) >>> 2) + copy * channels, from >>> 2, (from >>> 2) + channels);
    }
  });
  loop.kernel.reductions.forEach(({ to }, i) => {
    if (to !== "channel") return;
    const cell = channel * copies;
    i32[slot + 2 * (frame.reductions + 2 * i)] = scratch + (partial[i] as number) + 4 * cell;
    i32[slot + 2 * (frame.reductions + 2 * i + 1)] = scratch + (total[i] as number) + 8 * cell;
  });
}

/** Lets the reductions per channel begin. */
function clear({ heap, scratch, layout }: Running, { loop, partial, total }: BoundLoop, { copies }: Rows): void {
  const cells = layout.channels * copies;
  loop.kernel.reductions.forEach(({ op, to }, i) => {
    if (to !== "channel") return;
    const first32 = (scratch + (partial[i] as number)) >>> 2;
    heap.f32.fill(op === "sum" ? 0 : Number.NEGATIVE_INFINITY, first32, first32 + cells);
    if (op !== "sum") return;
    const first64 = (scratch + (total[i] as number)) >>> 3;
    heap.f64.fill(0, first64, first64 + cells);
  });
}

/** Puts the results of the reductions per channel where they are read: the copies of a channel become one number. */
function gather(
  { heap, scratch, layout, addresses }: Running,
  { loop, partial, total, factors }: BoundLoop,
  { copies, channels }: Rows,
): void {
  const { f32, f64 } = heap;
  loop.kernel.reductions.forEach(({ op, to }, i) => {
    if (to !== "channel") return;
    const target = (addresses[loop.reductions[i] as number] as number) >>> 2;
    const factor = factors[i] as number;
    const sums = (scratch + (total[i] as number)) >>> 3;
    const maxima = (scratch + (partial[i] as number)) >>> 2;
    for (let channel = 0; channel < layout.channels; channel++) {
      // A call's cells: all of its channels, and then their copies.
      const within = channel % channels;
      const cell = (channel - within) * copies + within;
      let value = op === "sum" ? 0 : Number.NEGATIVE_INFINITY;
      for (let copy = 0; copy < copies; copy++) {
        const at = cell + copy * channels;
        value = op === "sum" ? value + (f64[sums + at] as number) : Math.max(value, f32[maxima + at] as number);
      }
      f32[target + channel] = value * factor;
    }
  });
}
