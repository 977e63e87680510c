/**
 * Convolutions without im2col, as WebAssembly text: the tile of `gemm-text.ts` walks over the image itself, since along a row of the image the
 * values under the kernel lie next to each other. Images are already padded; `row`, `image` and the steps are in bytes.
 *
 * Taps that touch (no dilation along the width) are taken in one piece: `taps` is then 1 and `depth` the kernel's width × channels.
 */
import { add, call, floats, locals, loop, min, mul, nest, params, set, sub } from "./wat.js";

/** What all three walk over: images n, output rows oh, output columns ow, kernel rows kh, separate taps along the width. */
const geometry = "n image row oh ow y_step x_step kh kh_step taps tap_step depth kernel_row channels spill";

/** The image under the kernel at output row `r`, tap `q`. */
const window = add("x", mul("i", "image"), mul("r", "y_step"), mul("q", "tap_step"));

/** out = x ∗ kernel. */
const forward = `
  (func $conv_forward (export "conv_forward") ${params(`x kernel out ${geometry}`)} ${locals("i r q j o c cs")}
    ${set("cs", floats("channels"))}
    ${nest(
      [
        ["i", 0, "n", 1],
        ["r", 0, "oh", 1],
        ["q", 0, "taps", 1],
        ["j", 0, "channels", 16],
        ["o", 0, "ow", 2],
      ],
      `${set("c", add("out", mul(add(mul(add(mul("i", "oh"), "r"), "ow"), "o"), "cs"), floats("j")))}
      ${call(
        "tile_row",
        ...[add(window, mul("o", "x_step")), "x_step", "kh_step"],
        ...[add("kernel", mul(mul("q", "depth"), "cs"), floats("j")), "cs", "kernel_row"],
        ...["kh", "depth", "c", "cs", "(select (local.get $c) (i32.const 0) (local.get $q))", "cs"],
        ...[sub("ow", "o"), sub("channels", "j"), "spill"],
      )}`,
    )})`;

/** How many output positions are summed before the result is written back: their dy, 16 channels wide, stays in the first cache. */
const positions = 256;

/** kernel += Σ over all windows of xᵀ·dy, some output rows at a time. */
const filter = `
  (func $conv_filter (export "conv_filter") ${params(`x kernel dy ${geometry}`)} ${locals("i r h q j m c cs some left")}
    ${set("cs", floats("channels"))}
    ${set("some", add(`(i32.div_s (i32.const ${positions}) (local.get $ow))`, 1))}
    ${nest(
      [
        ["i", 0, "n", 1],
        ["r", 0, "oh", "some"],
        ["h", 0, "kh", 1],
        ["q", 0, "taps", 1],
        ["j", 0, "channels", 16],
        ["m", 0, "depth", 2],
      ],
      `${set("left", min(sub("oh", "r"), "some"))}
      ${set("c", add("kernel", mul("h", "kernel_row"), mul(add(mul("q", "depth"), "m"), "cs"), floats("j")))}
      ${call(
        "tile_column",
        ...[add(window, mul("h", "kh_step"), floats("m")), "x_step", "y_step"],
        ...[add("dy", mul(mul(add(mul("i", "oh"), "r"), "ow"), "cs"), floats("j")), "cs", mul("ow", "cs")],
        ...["left", "ow", "c", "cs", "c", "cs"],
        ...[sub("depth", "m"), sub("channels", "j"), "spill"],
      )}`,
    )})`;

/**
 * x += dy · kernelᵀ, for a kernel that is already [kh, (taps,) out, in]; depth is the number of dy's channels, channels of x's under one tap.
 * The windows of a tile's two rows must not overlap in x: its output columns are `apart` columns apart.
 */
const input = `
  (func $conv_input (export "conv_input") ${params(`x kernel dy ${geometry} apart`)} ${locals("i r h q j o0 o o_end c cs ds")}
    ${set("cs", floats("channels"))}
    ${set("ds", floats("depth"))}
    ${nest(
      [
        ["i", 0, "n", 1],
        ["r", 0, "oh", 1],
        ["h", 0, "kh", 1],
        ["q", 0, "taps", 1],
        ["j", 0, "channels", 16],
        ["o0", 0, "ow", mul("apart", 2)],
      ],
      `${set("o_end", min(add("o0", "apart"), "ow"))}
      ${loop(
        "o",
        "o0",
        "o_end",
        1,
        `${set("c", add(window, mul("h", "kh_step"), mul("o", "x_step"), floats("j")))}
        ${call(
          "tile_row",
          ...[add("dy", mul(add(mul(add(mul("i", "oh"), "r"), "ow"), "o"), "ds")), mul("ds", "apart"), 0],
          ...[add("kernel", mul("h", "kernel_row"), mul(mul("q", "depth"), "cs"), floats("j")), "cs", 0],
          ...[1, "depth", "c", mul("x_step", "apart"), "c", mul("x_step", "apart")],
          add("(i32.const 1)", `(i32.lt_s ${add("o", "apart")} (local.get $ow))`),
          ...[sub("channels", "j"), "spill"],
        )}`,
      )}`,
    )})`;

export const convolutionText: string = [forward, filter, input].join("\n");
