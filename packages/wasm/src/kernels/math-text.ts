/** Functions of four numbers at once, as WebAssembly text. */

const four = (x: number | string): string => `(v128.const f32x4 ${`${x} `.repeat(4)})`;
const get = (name: string): string => `(local.get $${name})`;
const set = (name: string, x: string): string => `(local.set $${name} ${x})`;
const of = (operation: string, x: string, y: string): string => `(f32x4.${operation} ${x} ${y})`;

/** Added to a number below 2²², it leaves its nearest integer in the lowest bits. */
const magic = 12582912;
const magicBits = 0x4b400000;

/** Of e^r for |r| ≤ ½ ln 2, beyond 1 + r: Cephes' polynomial, times r². */
const coefficients = [
  1.98756915e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1,
];

/** Half of the exponent is multiplied with at a time, so that numbers below the normal ones are rounded once, and 2¹²⁸ is reached. */
const power = (k: string): string => `(i32x4.shl (i32x4.add ${k} (v128.const i32x4 127 127 127 127)) (i32.const 23))`;

/**
 * Makes of the local \`v\` its exponential, to 1 ulp of what float32 can hold: 0 and infinity beyond, NaN of NaN. \`k\` and \`p\` are other locals of type v128, for numbers on the way.
 */
export const exp4 = (v: string, k: string, p: string): string => `
  ${set(v, of("pmin", of("pmax", get(v), four(-104)), four(89)))}
  ${set(k, of("add", of("mul", get(v), four(Math.LOG2E)), four(magic)))}
  ${set(p, of("sub", get(k), four(magic)))}
  ${set(v, of("sub", of("sub", get(v), of("mul", get(p), four(0.693359375))), of("mul", get(p), four(-2.1219444e-4))))}
  ${set(
    p,
    coefficients.slice(1).reduce((sum, c) => of("add", of("mul", sum, get(v)), four(c)), four(coefficients[0]!)),
  )}
  ${set(p, of("add", of("add", of("mul", get(p), of("mul", get(v), get(v))), get(v)), four(1)))}
  ${set(k, `(i32x4.sub ${get(k)} (v128.const i32x4 ${`${magicBits} `.repeat(4)}))`)}
  ${set(v, `(i32x4.shr_s ${get(k)} (i32.const 1))`)}
  ${set(v, of("mul", of("mul", get(p), power(get(v))), power(`(i32x4.sub ${get(k)} ${get(v)})`)))}`;
