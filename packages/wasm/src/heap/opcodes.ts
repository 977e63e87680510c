/**
 * The instructions that kernels are written in, and how their binary form begins: of WebAssembly's those in use and their neighbours; who needs another adds a row. Chapter 5.4 of the specification has the numbers.
 */

/** What stands before the numbers of vector instructions, and of those on whole stretches of memory. */
const SIMD = 0xfd0000;
const BULK = 0xfc0000;

const compared = "eq ne lt gt le ge";
const arithmetic = "abs neg ceil floor trunc nearest sqrt add sub mul div min max copysign";

/** Instructions that are followed by nothing: names of one type, whose numbers follow each other from the first; a dash for one left out. */
const plain: readonly (readonly [first: number, type: string, names: string])[] = [
  [0x45, "i32", "eqz eq ne lt_s lt_u gt_s gt_u le_s le_u ge_s ge_u"],
  [0x5b, "f32", compared],
  [0x67, "i32", "clz ctz popcnt add sub mul div_s div_u rem_s rem_u and or xor shl shr_s shr_u rotl rotr"],
  [0x8b, "f32", arithmetic],
  [0x99, "f64", arithmetic],
  [0xb6, "f32", "demote_f64"],
  [0xbb, "f64", "promote_f32"],
  [SIMD + 0x13, "f32x4", "splat"],
  [SIMD + 0x41, "f32x4", compared],
  [SIMD + 0x4d, "v128", "not and andnot or xor bitselect any_true"],
  [SIMD + 0x5f, "f64x2", "promote_low_f32x4"],
  [SIMD + 0x67, "f32x4", "ceil floor trunc nearest"],
  [SIMD + 0x38, "i32x4", "ne"],
  [SIMD + 0x89, "i16x8", "extend_low_i8x16_u"],
  [SIMD + 0xa9, "i32x4", "extend_low_i16x8_u"],
  [SIMD + 0xae, "i32x4", "add"],
  [SIMD + 0xe0, "f32x4", "abs neg - sqrt add sub mul div min max pmin pmax"],
  [SIMD + 0xf0, "f64x2", "add sub mul div min max"],
  // Relaxed SIMD: not in every engine.
  [SIMD + 0x105, "f32x4", "relaxed_madd relaxed_nmadd"],
];

/** What follows an instruction in its binary form, beyond its number. */
type Immediate = "" | "lane" | "lanes" | "memory" | "memory lane" | "memories" | "local" | "label" | "function";

export interface Opcode {
  readonly code: number;
  readonly immediate: Immediate;
  /** Of an access to memory: how its address is aligned unless the text says otherwise, as a power of two. */
  readonly alignment: number;
}

const others: readonly (readonly [name: string, code: number, immediate: Immediate, alignment?: number])[] = [
  ["br", 0x0c, "label"],
  ["br_if", 0x0d, "label"],
  ["return", 0x0f, ""],
  ["call", 0x10, "function"],
  ["drop", 0x1a, ""],
  ["select", 0x1b, ""],
  ["local.get", 0x20, "local"],
  ["local.set", 0x21, "local"],
  ["local.tee", 0x22, "local"],
  ["i32.load", 0x28, "memory", 2],
  ["i64.load", 0x29, "memory", 3],
  ["i32.load8_u", 0x2d, "memory"],
  ["f32.load", 0x2a, "memory", 2],
  ["f64.load", 0x2b, "memory", 3],
  ["i32.store", 0x36, "memory", 2],
  ["i64.store", 0x37, "memory", 3],
  ["i32.store8", 0x3a, "memory"],
  ["f32.store", 0x38, "memory", 2],
  ["f64.store", 0x39, "memory", 3],
  ["memory.copy", BULK + 0x0a, "memories"],
  ["v128.load", SIMD + 0x00, "memory", 4],
  ["v128.load8_splat", SIMD + 0x07, "memory", 0],
  ["v128.load32_splat", SIMD + 0x09, "memory", 2],
  ["v128.store", SIMD + 0x0b, "memory", 4],
  ["i8x16.shuffle", SIMD + 0x0d, "lanes"],
  ["f32x4.extract_lane", SIMD + 0x1f, "lane"],
  ["f32x4.replace_lane", SIMD + 0x20, "lane"],
  ["f64x2.extract_lane", SIMD + 0x21, "lane"],
  ["v128.store8_lane", SIMD + 0x58, "memory lane", 0],
  ["v128.store32_lane", SIMD + 0x5a, "memory lane", 2],
];

/** The instructions by name. Blocks and constants have a form of their own; see assemble.ts. */
export const opcodes: ReadonlyMap<string, Opcode> = new Map(
  [
    ...plain.flatMap(([first, type, names]) =>
      names
        .split(" ")
        .map((name, i): [string, Opcode] => [`${type}.${name}`, { code: first + i, immediate: "", alignment: 0 }]),
    ),
    ...others.map(([name, code, immediate, alignment = 0]): [string, Opcode] => [name, { code, immediate, alignment }]),
  ].filter(([name]) => !name.endsWith("-")),
);
