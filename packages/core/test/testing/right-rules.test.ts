/**
 * Rules without a mistake pass every check.
 */
import "@tensorflow/tfjs-backend-cpu";
import { describe, expect, test } from "vitest";
import {
  checkAgainst,
  checkCheckpoint,
  checkExecutorsAgree,
  checkHypergradients,
  checkInvariants,
  type Reference,
  type Testable,
} from "../../src/testing/index.js";
import {
  adam,
  adamReference,
  layerwise,
  layerwiseReference,
  lion,
  lionReference,
  momentum,
  momentumReference,
  projected,
  projectedReference,
  rmsprop,
  rmspropReference,
} from "./rules.js";

const right: readonly (readonly [string, Testable, Reference])[] = [
  ["adam", adam(), adamReference as Reference],
  ["momentum", momentum(), momentumReference as Reference],
  ["rmsprop", rmsprop(), rmspropReference as Reference],
  ["lion", lion(), lionReference as Reference],
  ["layerwise", layerwise(), layerwiseReference as Reference],
  ["projected", projected(), projectedReference as Reference],
];

describe.each(right)("%s, without a mistake, passes", (name, it, reference) => {
  test("checkAgainst", () => {
    expect(checkAgainst(it, reference).compared).toBeGreaterThan(100);
  });
  test("checkHypergradients", () => {
    // A sign has no slope, and the moment of this step moves the parameters in the next one.
    const report = checkHypergradients(it, name === "lion" ? { delayed: ["beta1", "beta2"] } : {});
    expect(report.compared).toBeGreaterThan(10 * (report.kinks + report.unresolved));
  });
  test("checkInvariants", async () => {
    expect((await checkInvariants(it, { runs: 15 })).invariants).toHaveLength(12);
  });
  test("checkCheckpoint and checkExecutorsAgree", async () => {
    expect((await checkCheckpoint(it, { runs: 4 })).cases).toBe(4);
    expect((await checkExecutorsAgree(it, { runs: 4 })).sharp).toBeGreaterThan(50);
  });
});
