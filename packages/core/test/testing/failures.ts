/**
 * What checks throw, and whether a reader sees what is wrong.
 */
import { expect } from "vitest";
import { CheckFailure } from "../../src/testing/index.js";

/** The failure of a check. */
export async function failureOf(check: () => unknown): Promise<CheckFailure> {
  try {
    await check();
  } catch (error) {
    if (error instanceof CheckFailure) return error;
    throw error;
  }
  throw new Error("the check passed");
}

/** The number that was found, and the one that was expected, where a failure has two. */
function numbersOf(message: string): readonly [number, number] | undefined {
  const forms = [
    /the rule gives (\S+),\n {2}the reference (\S+) ±/,
    /the optimizer applies (\S+),\n {2}finite differences give (\S+) ±/,
    / is (\S+) after step \d+; expected (\S+)\n/,
    / is (\S+) in the resumed run and (\S+) in the uninterrupted one/,
    / is (\S+); in float64 (\S+) ±/,
  ];
  const found = forms.map((form) => form.exec(message)).find(Boolean);
  return found ? [Number(found[1]), Number(found[2])] : undefined;
}

/** How many digits a number is written with. */
const digitsOf = (text: string): number =>
  text
    .replace(/e.*/, "")
    .replace(/[-.]/g, "")
    .replace(/^0+|0+$/g, "").length;

/** Expects a case in short numbers, and two numbers, if there are any, that differ where one looks first. */
export function expectReadable({ message }: CheckFailure): void {
  const [, inputs = ""] = /\n {2}in the case (.*)\n/.exec(message) ?? [];
  const long = inputs.match(/\d[\d.]*(e[-+]\d+)?/g)?.filter((number) => digitsOf(number) > 4);
  expect(long, message).toEqual([]);
  const numbers = numbersOf(message);
  if (!numbers) return;
  const [found, expected] = numbers;
  expect(found.toPrecision(3), message).not.toBe(expected.toPrecision(3));
  expect(Math.max(Math.abs(found), Math.abs(expected)), message).toBeGreaterThan(1e-3);
}
