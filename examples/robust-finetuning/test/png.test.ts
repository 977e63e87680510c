import { PNG } from "pngjs";
import { describe, expect, test } from "vitest";
import { encodePng } from "../src/report/png.ts";

function decode(uri: string): PNG {
  return PNG.sync.read(Buffer.from(uri.replace("data:image/png;base64,", ""), "base64"));
}

describe("encodePng", () => {
  test("the ends of the range become black and full brightness, pixel by pixel in reading order", () => {
    const png = decode(encodePng(new Float32Array([-1, 0, 1, 1, -1, -1]), { height: 1, width: 2 }));
    expect([png.width, png.height]).toEqual([2, 1]);
    expect([...png.data]).toEqual([0, 128, 255, 255, 255, 0, 0, 255]);
  });

  test("another range may be given, and values outside of it are clipped", () => {
    const png = decode(encodePng(new Float32Array([-3, 0.5, 7]), { height: 1, width: 1, range: [0, 1] }));
    expect([...png.data.subarray(0, 3)]).toEqual([0, 128, 255]);
  });

  test("a picture of another size is refused with both sizes", () => {
    expect(() => encodePng(new Float32Array(5), { height: 1, width: 2 })).toThrow(/5 values.*1 × width 2 × 3 is 6/);
  });
});
