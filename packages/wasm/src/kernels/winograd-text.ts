/**
 * Convolutions of 3 × 3 and stride 1 in Winograd's form, as WebAssembly text: F(4 × 4, 3 × 3) of `winograd-transforms.ts`, a block of tiles at a time. What the
 * tiles are transformed to stays in the cache, [36, tiles, channels], until it has been multiplied: 36 matrix products, by the same register tile as all others.
 *
 * Channels are multiples of four; tiles that leave the image are copied into a patch with zeros around it. Images, steps and addresses are in bytes.
 */
import { add, call, floats, locals, loop, min, mul, params, set, sub } from "./wat.js";
import { results, taps, transformsText, values } from "./winograd-transforms.js";

/** Points in two dimensions. */
export const products: number = values * values;

/** Bytes of `scratch` for a vector's transform, for a patch of so many channels, and for what is left of a register tile. */
const transformBytes = 16 * products;
export const patchBytes = (channels: number): number => transformBytes + 4 * products * channels + 128;

const get = (local: string): string => `(local.get $${local})`;

/** n × n pixels of an image at (r, c), zero where there is none. */
const cut = `
  (func $winograd_cut ${params("image height width r c n pixel patch")} ${locals("k row from to")}
    ${loop("k", 0, mul("n", "n", "pixel"), 16, `(v128.store align=4 ${add("patch", "k")} (v128.const i32x4 0 0 0 0))`)}
    ${set("from", `(select ${get("c")} (i32.const 0) (i32.gt_s ${get("c")} (i32.const 0)))`)} ${set("to", min(add("c", "n"), "width"))}
    ${loop(
      "k",
      0,
      "n",
      1,
      `${set("row", add("r", "k"))}
      (if (i32.and (i32.lt_u (local.get $row) (local.get $height)) (i32.gt_s (local.get $to) (local.get $from)))
        (then (memory.copy ${add("patch", mul(sub(add(mul("k", "n"), "from"), "c"), "pixel"))}
          ${add("image", mul(add(mul("row", "width"), "from"), "pixel"))} ${mul(sub("to", "from"), "pixel")})))`,
    )})`;

/** Those of a patch's n × n pixels that are on the image, there. */
const paste = `
  (func $winograd_paste ${params("image height width r c n pixel patch")} ${locals("k last columns")}
    ${set("last", min(sub("height", "r"), "n"))} ${set("columns", min(sub("width", "c"), "n"))}
    ${loop(
      "k",
      0,
      "last",
      1,
      `(memory.copy ${add("image", mul(add(mul(add("r", "k"), "width"), "c"), "pixel"))} ${add("patch", mul("k", "n", "pixel"))} ${mul("columns", "pixel")})`,
    )})`;

/** What all functions walk over: images n of height × width, padded by top and left, output rows oh and columns ow; `block` tiles at a time. */
const geometry = "n height width in oh ow out top left block scratch";
const walking = "count t t0 here i rest r c across down at step v m xi j k pixel columns spill";

const prepare = `
  ${set("across", `(i32.div_s ${add("ow", results - 1)} (i32.const ${results}))`)}
  ${set("down", `(i32.div_s ${add("oh", results - 1)} (i32.const ${results}))`)}
  ${set("count", mul("n", "across", "down"))}
  ${set("columns", `(i32.and ${add("out", 15)} (i32.const -16))`)}
  ${set("spill", add("scratch", transformBytes))}
  ${set("v", add("spill", 128, floats(mul(`(select ${get("in")} ${get("out")} (i32.gt_s ${get("in")} ${get("out")}))`, products))))}
  ${set("m", add("v", floats(mul("block", "in", products))))}`;

/** The patch comes after the scratch of a transform and the spill of a register tile. */
const patch = add("spill", 128);

/** For every tile of the block, t: `body`, with its image i and its first output row and column, r and c. */
const everyTile = (body: string): string =>
  loop(
    "t",
    0,
    "here",
    1,
    `${set("i", `(i32.div_s ${add("t0", "t")} ${mul("across", "down")})`)}
    ${set("rest", sub(add("t0", "t"), mul("i", "across", "down")))}
    ${set("r", `(i32.div_s ${get("rest")} ${get("across")})`)}
    ${set("c", mul(sub("rest", mul("r", "across")), results))}
    ${set("r", mul("r", results))}
    ${body}`,
  );

/** The n × n pixels at (r, c) of an image, or of its patch: `at` and `step`, the bytes of a row. */
const pixels = (image: string, height: string, width: string, r: string, c: string, n: number): string => `
  (if (i32.and
      (i32.and (i32.ge_s ${r} (i32.const 0)) (i32.ge_s ${c} (i32.const 0)))
      (i32.and (i32.le_s ${add(r, n)} ${get(height)}) (i32.le_s ${add(c, n)} ${get(width)})))
    (then ${set("step", mul(width, "pixel"))} ${set("at", add(image, mul(add(mul(r, width), c), "pixel")))})
    (else ${set("step", mul("pixel", n))} ${set("at", patch)}
      ${call("winograd_cut", image, height, width, r, c, n, "pixel", patch)}))`;

/** The values under the block's tiles, transformed, to v. */
const transformValues = `
  ${set("pixel", floats("in"))}
  ${everyTile(`
    ${pixels(add("x", mul("i", "height", "width", "pixel")), "height", "width", sub("r", "top"), sub("c", "left"), values)}
    ${call(
      "winograd_values",
      ...["at", "step", "pixel", add("v", mul("t", "pixel"))],
      ...[mul("block", "pixel", values), mul("block", "pixel"), "in", "scratch"],
    )}`)}`;

/** `body` for every block of tiles: `here` of them, from t0. */
const everyBlock = (body: string): string =>
  loop("t0", 0, "count", "block", `${set("here", min("block", sub("count", "t0")))} ${body}`);

/** y = x ∗ kernel, for a kernel of `winograd_kernel`. */
const forward = `
  (func $winograd_forward (export "winograd_forward") ${params(`x kernel y ${geometry} bias`)} (param $low f32) (param $high f32) ${locals(walking)}
    ${prepare}
    ${everyBlock(`
      ${transformValues}
      ${loop(
        "xi",
        0,
        products,
        1,
        loop(
          "j",
          0,
          "out",
          16,
          loop(
            "k",
            0,
            "here",
            2,
            call(
              "tile_row",
              ...[add("v", floats(mul(add(mul("xi", "block"), "k"), "in"))), floats("in"), 0],
              ...[add("kernel", floats(mul(add(mul("xi", "columns"), "j"), "in"))), 64, 0, 1, "in"],
              ...[add("m", floats(add(mul(add(mul("xi", "block"), "k"), "columns"), "j"))), floats("columns")],
              ...[0, 0, 2, 16, "spill"],
            ),
          ),
        ),
      )}
      ${set("pixel", floats("out"))}
      ${everyTile(`
        ${set("at", add("y", mul("i", "oh", "ow", "pixel")))}
        ${set("xi", `(i32.and (i32.le_s ${add("r", results)} ${get("oh")}) (i32.le_s ${add("c", results)} ${get("ow")}))`)}
        ${call(
          "winograd_results",
          ...[
            add("m", floats(mul("t", "columns"))),
            floats(mul("block", "columns", values)),
            floats(mul("block", "columns")),
          ],
          `(select ${add("at", mul(add(mul("r", "ow"), "c"), "pixel"))} ${patch} ${get("xi")})`,
          mul("pixel", `(select ${get("ow")} (i32.const ${results}) ${get("xi")})`),
          ...["pixel", "out", "scratch", "bias", "low", "high"],
        )}
        (if (i32.eqz (local.get $xi)) (then ${call("winograd_paste", "at", "oh", "ow", "r", "c", results, "pixel", patch)}))`)}`)})`;

/** gradient += of the transformed kernel, [36, in, out rounded up to 16]. */
const filter = `
  (func $winograd_filter (export "winograd_filter") ${params(`x gradient dy ${geometry}`)} ${locals(walking)}
    ${prepare}
    ${everyBlock(`
      ${transformValues}
      ${set("pixel", floats("out"))}
      ${everyTile(`
        ${pixels(add("dy", mul("i", "oh", "ow", "pixel")), "oh", "ow", get("r"), get("c"), results)}
        ${call(
          "winograd_results_gradient",
          ...["at", "step", "pixel", add("m", floats(mul("t", "columns")))],
          ...[floats(mul("block", "columns", values)), floats(mul("block", "columns")), "out", "scratch"],
        )}`)}
      ${loop(
        "xi",
        0,
        products,
        1,
        loop(
          "j",
          0,
          "out",
          16,
          loop(
            "k",
            0,
            "in",
            2,
            `${set("at", add("gradient", floats(add(mul(add(mul("xi", "in"), "k"), "columns"), "j"))))}
            ${call(
              "tile_column",
              ...[add("v", floats(add(mul("xi", "block", "in"), "k"))), floats("in"), 0],
              ...[add("m", floats(add(mul("xi", "block", "columns"), "j"))), floats("columns"), 0, 1, "here"],
              ...["at", floats("columns"), "at", floats("columns"), 2, 16, "spill"],
            )}`,
          ),
        ),
      )}`)})`;

/** The kernel transformed, [36, strips of 16 outputs, in, 16]; `row` and `column` lead from tap to tap. */
const kernel = `
  (func $winograd_kernel (export "winograd_kernel") ${params("from row column to in out scratch")} ${locals("i j s")}
    ${set("s", mul("in", 64, `(i32.div_s ${add("out", 15)} (i32.const 16))`))}
    ${loop(
      "j",
      0,
      "out",
      16,
      loop(
        "i",
        0,
        "in",
        1,
        call(
          "winograd_taps",
          ...[add("from", floats(add(mul("i", "out"), "j"))), "row", "column"],
          ...[add("to", mul(add(mul("j", "in"), mul("i", 16)), 4)), mul("s", values), "s"],
          ...[min(sub("out", "j"), 16), "scratch"],
        ),
      ),
    )})`;

/** The gradient of the transformed kernel to that of the kernel, [3, 3, in, out]. */
const kernelGradient = `
  (func $winograd_kernel_gradient (export "winograd_kernel_gradient") ${params("from to in out scratch")} ${locals("i s columns")}
    ${set("columns", `(i32.and ${add("out", 15)} (i32.const -16))`)}
    ${set("s", floats(mul("in", "columns")))}
    ${loop(
      "i",
      0,
      "in",
      1,
      call(
        "winograd_taps_gradient",
        ...[add("from", floats(mul("i", "columns"))), mul("s", values), "s"],
        ...[add("to", floats(mul("i", "out"))), floats(mul("in", "out", taps)), floats(mul("in", "out"))],
        ...["out", "scratch"],
      ),
    )})`;

export const winogradText: string = [transformsText, cut, paste, forward, filter, kernel, kernelGradient].join("\n");
