/** Pictures as the network sees them, numbers in a range, become PNG files inside a data URI, so that the report needs no file beside it. */

import { PNG } from "pngjs";

/** How the numbers of a picture are laid out. */
export interface PictureLayout {
  /** Rows of pixels. */
  height: number;
  /** Pixels in a row. */
  width: number;
  /** The values that become black and full brightness. @defaultValue [-1, 1] */
  range?: readonly [number, number];
}

/**
 * Encodes a picture.
 *
 * @param pixels - Shape [height, width, 3], row by row, red, green, blue; values outside the range are clipped to it.
 * @returns `data:image/png;base64,…`, 8 bits per channel.
 * @throws RangeError if there are not height · width · 3 values.
 */
export function encodePng(pixels: Float32Array, { height, width, range = [-1, 1] }: PictureLayout): string {
  if (pixels.length !== height * width * 3) {
    throw new RangeError(
      `encodePng: pixels has ${pixels.length} values, but height ${height} × width ${width} × 3 is ${height * width * 3}; pass one picture of that shape.`,
    );
  }
  const [low, high] = range;
  const png = new PNG({ width, height });
  for (let pixel = 0; pixel < height * width; pixel++) {
    for (let channel = 0; channel < 3; channel++) {
      const share = ((pixels[3 * pixel + channel] ?? low) - low) / (high - low);
      png.data[4 * pixel + channel] = Math.round(255 * Math.min(1, Math.max(0, share)));
    }
    png.data[4 * pixel + 3] = 255;
  }
  return `data:image/png;base64,${PNG.sync.write(png, { colorType: 2 }).toString("base64")}`;
}
