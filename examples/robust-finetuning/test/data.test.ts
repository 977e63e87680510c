import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { CLASSES, DOMAINS, drawDomain, drawPretraining, PICTURE_LENGTH } from "../src/data.js";
import { PRETRAINING } from "../src/domains/pretraining-shapes.js";

/** One text for each picture, equal for equal pictures. */
function prints(images: Float32Array): string[] {
  return Array.from({ length: images.length / PICTURE_LENGTH }, (_, i) =>
    createHash("sha1")
      .update(new Uint8Array(images.slice(i * PICTURE_LENGTH, (i + 1) * PICTURE_LENGTH).buffer))
      .digest("hex"),
  );
}

describe.each(DOMAINS.map(({ name }) => name))("the domain %s", (domain) => {
  it("draws the same pictures from the same seed and others from another", () => {
    const [a, b, c] = [1, 1, 2].map((seed) => prints(drawDomain(domain, "train", { seed, perClass: 1 }).images));
    expect(a).toEqual(b);
    expect(a!.filter((print) => c!.includes(print))).toEqual([]);
  });

  it("draws training, validation and test pictures that have none in common", () => {
    const all = (["train", "validation", "test"] as const).flatMap((split) =>
      prints(drawDomain(domain, split, { seed: 1, perClass: 3 }).images),
    );
    expect(new Set(all).size).toBe(3 * 3 * CLASSES.length);
  });

  it("draws every class equally often, with values in [-1, 1]", () => {
    const { images, labels } = drawDomain(domain, "test", { seed: 5, perClass: 2 });
    for (let label = 0; label < CLASSES.length; label++) expect(labels.filter((l) => l === label)).toHaveLength(2);
    expect(images.every((value) => value >= -1 && value <= 1)).toBe(true);
  });
});

describe("the pre-training", () => {
  it("sees no class of the study", () => {
    const names = PRETRAINING.map(({ name }) => name);
    expect(names.filter((name) => CLASSES.includes(name))).toEqual([]);
    expect(new Set(names).size).toBe(names.length);
  });

  it("draws every one of its classes", () => {
    const { labels } = drawPretraining("sketch", { seed: 1, perClass: 1 });
    expect(new Set(labels).size).toBe(PRETRAINING.length);
  });
});
