/** The few phrases of WebAssembly text that kernels of a program repeat. */

export const ZERO = "(v128.const i32x4 0 0 0 0)";
export const MINUS_INFINITY = "(v128.const f32x4 -inf -inf -inf -inf)";
export const ONE = "(v128.const f32x4 1 1 1 1)";
export const FIRST_LANE = "(v128.const i32x4 -1 0 0 0)";

export const get = (name: string): string => `(local.get $${name})`;
export const set = (name: string, value: string): string => `(local.set $${name} ${value})`;
export const i32 = (value: number): string => `(i32.const ${value})`;
export const advance = (name: string, bytes: string): string => set(name, `(i32.add ${get(name)} ${bytes})`);

/** Where the frame has something: 8 bytes for each slot. */
export const slot = (index: number): string => `offset=${8 * index}`;

/** Lane by lane: the sum of both halves of a vector of float32 in float64. */
export const promoted = (vector: string): string =>
  `(f64x2.add (f64x2.promote_low_f32x4 ${vector}) (f64x2.promote_low_f32x4 (i8x16.shuffle 8 9 10 11 12 13 14 15 8 9 10 11 12 13 14 15 ${vector} ${vector})))`;
export const sumOfLanes = (vector: string): string =>
  `(f64.add (f64x2.extract_lane 0 ${vector}) (f64x2.extract_lane 1 ${vector}))`;
export const maxOfLanes = (vector: string): string =>
  [1, 2, 3].reduce(
    (m, lane) => `(f32.max ${m} (f32x4.extract_lane ${lane} ${vector}))`,
    `(f32x4.extract_lane 0 ${vector})`,
  );
