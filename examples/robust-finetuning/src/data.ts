/**
 * The pictures of the study, drawn from a seed: nothing is downloaded or stored. A split is a stream of random numbers of its own, so
 * that training, validation and test pictures are independent draws from the same domain.
 */

import { type Random, randomStream } from "@hypergrad/example-kit";
import type { Domain, UsualColour } from "./domains/canvas.js";
import { clipart } from "./domains/clipart.js";
import { clutter } from "./domains/clutter.js";
import { pose, SIZE } from "./domains/geometry.js";
import { neon } from "./domains/neon.js";
import { painting } from "./domains/painting.js";
import type { ShapeClass } from "./domains/parts.js";
import { photo } from "./domains/photo.js";
import { PRETRAINING } from "./domains/pretraining-shapes.js";
import { TARGETS } from "./domains/shapes.js";
import { sketch } from "./domains/sketch.js";

/** Every domain. The model is fine-tuned on the first one; the last one was kept out of its pre-training as well. */
export const DOMAINS: readonly Domain[] = [photo, sketch, clipart, painting, clutter, neon];

/** The domain that is fine-tuned on. */
export const FINETUNED = "photo";

/** The domains that pre-training sees. */
export const PRETRAINED: readonly string[] = ["photo", "sketch", "clipart", "painting", "clutter"];

/** The names of the classes of the study, by label. */
export const CLASSES: readonly string[] = TARGETS.map(({ name }) => name);

/** Height and width of a picture, in pixels; it has three channels. */
export const PICTURE_SIZE: number = SIZE;

/** Numbers in one picture. */
export const PICTURE_LENGTH: number = SIZE * SIZE * 3;

/** The independent draws of a domain. */
export type Split = "train" | "validation" | "test";

/** How many pictures, and from which seed. */
export interface Draw {
  /** Any integer. */
  seed: number;
  /** Pictures of every class. */
  perClass: number;
}

/** Labelled pictures. */
export interface LabelledPictures {
  /** Values in [-1, 1]; height, width, channels of one picture after the other (NHWC). */
  images: Float32Array;
  /** One class each: an index into the classes' names. */
  labels: Int32Array;
}

/**
 * Draws labelled pictures of one domain, the same number of each class, in random order.
 *
 * @param domain the name of a domain
 * @param split which of the independent draws
 */
export function drawDomain(domain: string, split: Split, { seed, perClass }: Draw): LabelledPictures {
  return draw(findDomain(domain), TARGETS, usualColour, `study/${split}`, seed, perClass);
}

/** Draws labelled pictures of the classes of the pre-training, which are none of the study's. */
export function drawPretraining(domain: string, { seed, perClass }: Draw): LabelledPictures {
  // Every picture has a hue of its own: colour tells nothing about a class here, and what is learned is form.
  const anyColour = (_label: number, random: Random): UsualColour => ({ hue: random.uniform(), spread: 0.12 });
  return draw(findDomain(domain), PRETRAINING, anyColour, "pretraining", seed, perClass);
}

function findDomain(name: string): Domain {
  const domain = DOMAINS.find((candidate) => candidate.name === name);
  if (!domain) throw new Error(`There is no domain "${name}"; there are ${DOMAINS.map((d) => d.name).join(", ")}.`);
  return domain;
}

/**
 * The usual colour of a class: hues lie all around the circle, those of neighbours in the list far apart. With this spread colour tells
 * much about a thing in a photograph, but never all.
 */
function usualColour(label: number): UsualColour {
  return { hue: (label * 0.381966) % 1, spread: 0.08 };
}

function draw(
  domain: Domain,
  classes: readonly ShapeClass[],
  colourOf: (label: number, random: Random) => UsualColour,
  purpose: string,
  seed: number,
  perClass: number,
): LabelledPictures {
  const random = randomStream(seed, purpose, domain.name);
  const count = perClass * classes.length;
  const labels = random.shuffle(Int32Array.from({ length: count }, (_, i) => i % classes.length));
  const images = new Float32Array(count * PICTURE_LENGTH);
  labels.forEach((label, i) => {
    const shape = pose(classes[label]!.shape, domain.pose, random);
    const picture = domain.render(shape, random, colourOf(label, random));
    const offset = i * PICTURE_LENGTH;
    for (let j = 0; j < PICTURE_LENGTH; j++) images[offset + j] = 2 * Math.min(Math.max(picture[j]!, 0), 1) - 1;
  });
  return { images, labels };
}
