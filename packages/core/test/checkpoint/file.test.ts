import { decodeCheckpoint, encodeCheckpoint, encodeSafetensors } from "@hypergrad/core";
import { describe, expect, test, vi } from "vitest";
import { crc32 } from "../../src/checkpoint/crc32.js";
import { saveBeforeEach, saved } from "../saved-run.js";
import { refuses } from "../support.js";
import { spec } from "./spec.js";

saveBeforeEach(spec, 3);

describe("a checkpoint's file is refused", () => {
  test("when it is truncated, at any length", () => {
    const bytes = encodeCheckpoint(saved);
    for (let length = 0; length < bytes.length; length++) {
      refuses(() => decodeCheckpoint(bytes.subarray(0, length)), "safetensors: ", "truncated");
    }
  });

  test("when it holds tensors but no optimizer's", () => {
    const other = encodeSafetensors({ tensors: saved.tensors, metadata: { format: "pt" } });
    refuses(() => decodeCheckpoint(other), 'checkpoint: the file\'s format is "pt"', "hypergrad-checkpoint/1");
    const none = encodeSafetensors({ tensors: {}, metadata: {} });
    refuses(() => decodeCheckpoint(none), "checkpoint: the file's format is undefined", "not an optimizer's");
  });

  test("when the list of its variables is damaged", () => {
    const warned = vi.spyOn(console, "warn").mockImplementation(() => {});
    const { format, structure, tensors } = saved;
    for (const text of ["{", "null", "[]", '{"w":3}']) {
      const bytes = encodeSafetensors({ tensors, metadata: { format, structure, variables: text } });
      refuses(() => decodeCheckpoint(bytes), "checkpoint: ", "variables", "damaged");
    }
    warned.mockRestore();
  });

  test("when there is none", () => {
    for (const none of [null, undefined, {}, "text"]) {
      refuses(() => decodeCheckpoint(none as never), "safetensors: the file is", "Uint8Array");
    }
  });

  test("when one bit of it is another, whichever it is", () => {
    const bytes = encodeCheckpoint(saved);
    for (let i = 0; i < bytes.length; i++) {
      bytes[i] = (bytes[i] as number) ^ (1 << (i % 8));
      expect(() => decodeCheckpoint(bytes), `byte ${i}`).toThrow(/^(checkpoint|safetensors): /);
      bytes[i] = (bytes[i] as number) ^ (1 << (i % 8));
    }
    expect(decodeCheckpoint(bytes)).toEqual(saved);
  });

  test("when its values are others than were written, and says so", () => {
    const bytes = encodeCheckpoint(saved);
    bytes.set([1, 2, 3, 4], bytes.length - 4);
    refuses(() => decodeCheckpoint(bytes), "checkpoint: the file is not what was written: its checksum is ", "damaged");
  });
});

test("a checkpoint's file of an earlier version, without a checksum, is read with a warning", () => {
  const warned = vi.spyOn(console, "warn").mockImplementation(() => {});
  const { format, structure, variables, tensors } = saved;
  const old = encodeSafetensors({ tensors, metadata: { format, structure, variables: JSON.stringify(variables) } });
  expect(decodeCheckpoint(old)).toEqual(saved);
  expect(warned).toHaveBeenCalledOnce();
  expect(warned.mock.calls[0]?.[0]).toMatch(/^checkpoint: the file has no checksum.*Encode it again to give it one\.$/);
  warned.mockClear();
  expect(decodeCheckpoint(encodeCheckpoint(saved))).toEqual(saved);
  expect(warned).not.toHaveBeenCalled();
  warned.mockRestore();
});

test("crc32 is the checksum of zip and PNG", () => {
  const bytes = new TextEncoder().encode("123456789");
  // The check value of every catalogue of CRCs, and the chunk IEND of every PNG.
  expect(crc32(bytes)).toBe(0xcbf43926);
  expect(crc32(new TextEncoder().encode("IEND"))).toBe(0xae426082);
  expect(crc32(bytes.subarray(4), crc32(bytes.subarray(0, 4)))).toBe(0xcbf43926);
  expect(crc32(new Uint8Array())).toBe(0);
});
