import { decodeSafetensors, encodeSafetensors, type StoredTensor } from "@hypergrad/core";
import { describe, expect, test } from "vitest";
import { refuses } from "../support.js";

/** A file with this header, as an object or as text, and these bytes of data. */
function fileOf(header: unknown, data: ArrayBufferView = new Uint8Array()): Uint8Array {
  const json = new TextEncoder().encode(typeof header === "string" ? header : JSON.stringify(header));
  const bytes = new Uint8Array(8 + json.length + data.byteLength);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(json.length), true);
  bytes.set(json, 8);
  bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), 8 + json.length);
  return bytes;
}

const tensors: Record<string, StoredTensor> = {
  "dense/kernel": { dtype: "float32", shape: [2, 3], values: Float32Array.of(1, -2, 3.5, 0, -0, 1e-45) },
  count: { dtype: "float64", shape: [], values: Float64Array.of(0.1) },
  empty: { dtype: "float32", shape: [0, 4], values: new Float32Array() },
  rest: { dtype: "float64", shape: [2], values: Float64Array.of(Number.NaN, Number.NEGATIVE_INFINITY) },
  // Assigned to an object, it would be lost.
  ["__proto__"]: { dtype: "float32", shape: [1], values: Float32Array.of(3) },
  "ünïcode 名": { dtype: "float32", shape: [1], values: Float32Array.of(7) },
};
const metadata = { format: "test", "a key": 'a "value"\n' };

describe("a safetensors file", () => {
  test("gives back every bit of what was written, names and metadata included", () => {
    const back = decodeSafetensors(encodeSafetensors({ tensors, metadata }));
    expect(back).toEqual({ tensors, metadata });
    expect(Object.is(back.tensors["dense/kernel"]?.values[4], -0)).toBe(true);
  });

  test("of nothing is a file too", () => {
    expect(decodeSafetensors(encodeSafetensors({ tensors: {}, metadata: {} }))).toEqual({ tensors: {}, metadata: {} });
  });

  test("has the layout of the format: a length, JSON, then the bytes, each tensor aligned to its element", () => {
    const bytes = encodeSafetensors({ tensors, metadata });
    const length = Number(new DataView(bytes.buffer).getBigUint64(0, true));
    expect(length % 8).toBe(0);
    const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length)));
    expect(header.__metadata__).toEqual(metadata);
    expect(header["dense/kernel"]).toMatchObject({ dtype: "F32", shape: [2, 3] });
    let end = 0;
    const { __metadata__, ...entries } = header as Record<
      string,
      { dtype: "F32" | "F64"; data_offsets: [number, number] }
    >;
    for (const { dtype, data_offsets } of Object.values(entries)) {
      expect(data_offsets[0]).toBe(end);
      expect(data_offsets[0] % (dtype === "F64" ? 8 : 4)).toBe(0);
      end = data_offsets[1];
    }
    expect(bytes.length).toBe(8 + length + end);
  });

  test("is read from the middle of a buffer, at any alignment", () => {
    const bytes = encodeSafetensors({ tensors, metadata });
    for (const offset of [1, 3, 8]) {
      const inside = new Uint8Array(bytes.length + 20);
      inside.set(bytes, offset);
      expect(decodeSafetensors(inside.subarray(offset, offset + bytes.length))).toEqual({ tensors, metadata });
    }
  });

  test("without metadata has none", () => {
    const bytes = fileOf({ x: { dtype: "F32", shape: [1], data_offsets: [0, 4] } }, Float32Array.of(2));
    expect(decodeSafetensors(bytes)).toEqual({
      tensors: { x: { dtype: "float32", shape: [1], values: Float32Array.of(2) } },
      metadata: {},
    });
  });

  test("in 16 bits is held in float32", () => {
    // biome-ignore format: a table
    const halves = [[0x3c00, 1], [0xc000, -2], [0x7bff, 65504], [0x0001, 2 ** -24], [0x03ff, 1023 * 2 ** -24], [0x0400, 2 ** -14],
      [0x3555, 0.333251953125], [0x0000, 0], [0x8000, -0], [0x7c00, Infinity], [0xfc00, -Infinity], [0x7e00, NaN]] as const;
    // biome-ignore format: a table
    const brains = [[0x3f80, 1], [0xc020, -2.5], [0x4049, 3.140625], [0x0080, 2 ** -126], [0x0001, 2 ** -133], [0x7f7f, 3.3895313892515355e38],
      [0x8000, -0], [0x7f80, Infinity], [0xff80, -Infinity], [0x7fc0, NaN]] as const;
    for (const [dtype, held, table] of [
      ["F16", "float16", halves],
      ["BF16", "float32", brains],
    ] as const) {
      const data = Uint16Array.from(table.map(([bits]) => bits));
      const bytes = fileOf({ x: { dtype, shape: [table.length], data_offsets: [0, data.byteLength] } }, data);
      const { x } = decodeSafetensors(bytes).tensors;
      expect(x?.dtype).toBe(held);
      expect([...(x?.values ?? [])]).toEqual(table.map(([, value]) => value));
    }
  });

  test("in 16 bits keeps every number that they can hold, and rounds the others to the nearest, ties to even", () => {
    const bits = Uint16Array.from({ length: 0x10000 }, (_, i) => i);
    const file = fileOf({ x: { dtype: "F16", shape: [0x10000], data_offsets: [0, bits.byteLength] } }, bits);
    const all = decodeSafetensors(file);
    const again = decodeSafetensors(encodeSafetensors(all));
    expect(again.tensors.x?.values).toEqual(all.tensors.x?.values);

    const values = Float32Array.of(1 + 2 ** -11, 1 + 3 * 2 ** -11, 65519, 65520, 2 ** -25, 1.5 * 2 ** -24, 0.1);
    const rounded = decodeSafetensors(
      encodeSafetensors({ tensors: { x: { dtype: "float16", shape: [7], values } }, metadata: {} }),
    );
    expect([...(rounded.tensors.x?.values ?? [])]).toEqual([
      1,
      1 + 2 ** -9,
      65504,
      Number.POSITIVE_INFINITY,
      0,
      2 ** -23,
      0.0999755859375,
    ]);
  });
});

describe("a safetensors file is refused", () => {
  test("when it is no Uint8Array", () => {
    for (const [given, text] of [
      [null, "null"],
      [undefined, "undefined"],
      ["a", '"a"'],
      [new ArrayBuffer(8), "ArrayBuffer"],
      [new Float64Array(8), "Float64Array"],
      [new DataView(new ArrayBuffer(8)), "DataView"],
    ]) {
      refuses(() => decodeSafetensors(given as never), `safetensors: the file is ${text}; expected`, "Uint8Array");
    }
  });

  test.each(["null", "[]", "3", '{ "format": 1 }'])("when its metadata is %s", (given) => {
    refuses(() => decodeSafetensors(fileOf(`{ "__metadata__": ${given} }`)), "safetensors: the metadata is", "damaged");
  });

  test("before it is written, when a tensor cannot be", () => {
    const refused = (name: string, tensor: object, ...parts: string[]) =>
      refuses(
        () => encodeSafetensors({ tensors: { [name]: tensor as StoredTensor }, metadata: {} }),
        "safetensors: ",
        ...parts,
      );
    const x: StoredTensor = { dtype: "float32", shape: [2], values: Float32Array.of(1, 2) };
    refused("__metadata__", x, '"__metadata__"', "Rename it");
    refused("x", { ...x, shape: [3] }, '"x" has 2 values; expected 3 for its shape [3]');
    refused("x", { ...x, dtype: "int32" }, '"x" has dtype "int32"', "float16, float32, float64");
  });

  test("when it is truncated, at any length", () => {
    const bytes = encodeSafetensors({ tensors, metadata });
    for (let length = 0; length < bytes.length; length++) {
      refuses(() => decodeSafetensors(bytes.subarray(0, length)), "safetensors: ", "truncated", "Copy it again");
    }
  });

  test("when its header is no JSON", () => {
    refuses(() => decodeSafetensors(fileOf("{ x: 1 }")), "safetensors: the header is not JSON", "damaged");
    const bytes = encodeSafetensors({ tensors, metadata });
    bytes[9] = 0;
    refuses(() => decodeSafetensors(bytes), "safetensors: the header is not JSON");
  });

  test.each(["null", "3", '"text"', "[1, 2]"])("when its header is %s", (header) => {
    refuses(() => decodeSafetensors(fileOf(header)), "safetensors: the header is not a JSON object", "damaged");
  });

  test("when it is another kind of file", () => {
    refuses(
      () => decodeSafetensors(new TextEncoder().encode("PK\u0003\u0004 and much more of a zip file")),
      "safetensors:",
    );
    refuses(() => decodeSafetensors(new Uint8Array(64)), "safetensors: the header is not JSON");
  });

  test("when a tensor has a type that is not read", () => {
    const of = (dtype: unknown) => fileOf({ x: { dtype, shape: [1], data_offsets: [0, 4] } }, new Uint8Array(4));
    refuses(() => decodeSafetensors(of("I32")), 'safetensors: "x" has type "I32"', "F64, F32, F16, BF16", "Convert it");
    refuses(() => decodeSafetensors(of("toString")), 'safetensors: "x" has type "toString"');
    refuses(() => decodeSafetensors(of({ toString: 1 })), 'safetensors: "x" has type {"toString":1}');
    refuses(() => decodeSafetensors(of(undefined)), 'safetensors: "x" has type undefined');
  });

  const data = new Uint8Array(24);
  test.each([
    ["is null", null],
    ["has no shape", { dtype: "F32", data_offsets: [0, 24] }],
    ["has a negative size", { dtype: "F32", shape: [-2, -3], data_offsets: [0, 24] }],
    ["has half a size", { dtype: "F32", shape: [1.5, 4], data_offsets: [0, 24] }],
    ["has no offsets", { dtype: "F32", shape: [2, 3] }],
    ["has an offset that is no number", { dtype: "F32", shape: [2, 3], data_offsets: ["0", "24"] }],
    ["has a negative offset", { dtype: "F32", shape: [2, 3], data_offsets: [-24, 0] }],
  ])("when a tensor %s", (_name, entry) => {
    refuses(() => decodeSafetensors(fileOf({ x: entry }, data)), 'safetensors: "x" has', "damaged");
  });

  test("when a tensor's bytes are not those of its shape", () => {
    const bytes = fileOf({ x: { dtype: "F32", shape: [2, 2], data_offsets: [0, 24] } }, data);
    refuses(() => decodeSafetensors(bytes), 'safetensors: "x" takes 24 bytes', "expected 16 for F32 [2,2]");
  });

  test("when a tensor ends beyond the file", () => {
    const bytes = fileOf({ x: { dtype: "F32", shape: [2, 3], data_offsets: [4, 28] } }, data);
    refuses(() => decodeSafetensors(bytes), 'safetensors: "x" ends at byte', "truncated", "Copy it again");
  });
});
