import { setPrecise } from "@hypergrad/wasm";
import { expect, it } from "vitest";
import { precise } from "../src/heap/precise.js";

it("Tests run with the same bits on every machine, and the switch can be turned at any time", () => {
  expect(precise()).toBe(true);
  setPrecise(false);
  expect(precise()).toBe(false);
  setPrecise(true);
  expect(precise()).toBe(true);
});

it.each([undefined, 1, "on", null, Symbol("on")])("What is neither true nor false is refused: %s", (given) => {
  expect(() => setPrecise(given as unknown as boolean)).toThrow(
    `setPrecise takes true (the same bits on every machine) or false (speed), not ${String(given)}.`,
  );
  expect(precise()).toBe(true);
});
