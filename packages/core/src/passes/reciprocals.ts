/**
 * Reciprocals: kernels multiply by 1/x where a rule divides elements by one number for all of them, or by one per channel. There are few such numbers,
 * and a division takes several times as long as a product.
 */
import type { OperationName } from "../expression/node.js";
import type { Instruction, Program } from "../expression/program.js";
import type { Place } from "./place.js";

/** The largest float32. */
const LARGEST = (2 - 2 ** -23) * 2 ** 127;

/** 1/x so that a float32 multiplied by it is that float32 divided by x, within rounding, whatever x is. */
export function reciprocal(x: number): number {
  const rounded = Math.fround(x);
  // 0 · 1/x must be 0 where x is tiny, but NaN where it is 0.
  return rounded === 0 ? 1 / rounded : Math.min(LARGEST, Math.max(-LARGEST, 1 / x));
}

/** The program with every division of elements by a number per channel made a multiplication. */
export function multiplying(program: Program, places: readonly Place[]): Program {
  const instructions: Instruction[] = [];
  const moved: number[] = [];
  const reciprocals = new Map<number, number>();
  const push = (op: OperationName, operands: number[], grain: Instruction["grain"]): number =>
    instructions.push({ kind: { op }, operands, grain, lastUse: 0 }) - 1;
  const number = (value: number): number =>
    instructions.push({ kind: { op: "constant", value }, operands: [], grain: "model", lastUse: 0 }) - 1;
  /** 1/x so that an element multiplied by it is the element divided by x, within rounding: finite unless x is 0. */
  function reciprocal(x: number): number {
    const known = reciprocals.get(x);
    if (known !== undefined) return known;
    const inverse = push("div", [number(1), x], "channel");
    const finite = push(
      "maximum",
      [push("minimum", [inverse, number(LARGEST)], "channel"), number(-LARGEST)],
      "channel",
    );
    const made = push("select", [push("equal", [x, number(0)], "channel"), inverse, finite], "channel");
    reciprocals.set(x, made);
    return made;
  }
  program.instructions.forEach((instruction, index) => {
    const operands = instruction.operands.map((operand) => moved[operand] as number);
    const [a, b] = operands as [number, number];
    const divides = instruction.kind.op === "div" && places[index] === "element";
    moved[index] =
      divides && places[instruction.operands[1] as number] === "channel"
        ? push("mul", [a, reciprocal(b)], instruction.grain)
        : instructions.push({ ...instruction, operands }) - 1;
  });
  const outputs = new Map([...program.outputs].map(([name, index]) => [name, moved[index] as number]));
  return { ...program, instructions, outputs };
}
