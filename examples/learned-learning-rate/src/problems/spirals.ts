/** Three spiral arms, to be told apart by a network with two hidden layers: the smallest classic of a loss that is not convex. */
import { randomStream } from "@hypergrad/example-kit";
import { network } from "./network.js";
import type { Problem } from "./problem.js";

const ARMS = 3;
const POINTS = 300;

/** Draws the problem. */
export function spirals(seed: number): Problem {
  const random = randomStream(seed, "spirals", "points");
  const labels = Uint8Array.from({ length: POINTS }, (_, i) => i % ARMS);
  const inputs = new Float32Array(POINTS * 2);
  for (const [i, arm] of labels.entries()) {
    const radius = random.uniform(0.1, 1);
    const angle = 4 * radius + (2 * Math.PI * arm) / ARMS + random.normal(0, 0.12);
    inputs[2 * i] = 2 * radius * Math.cos(angle);
    inputs[2 * i + 1] = 2 * radius * Math.sin(angle);
  }
  return network({ inputs, labels }, [2, 16, 16, ARMS], { batch: 32, random: randomStream(seed, "spirals", "start") });
}
