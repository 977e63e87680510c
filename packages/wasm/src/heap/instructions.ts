/**
 * The body of a function: instructions from text to bytes, operands before the instruction that takes them.
 */
import { type Node, numberOf, pushNumber, pushSigned, typeOf } from "./encoding.js";
import { type Opcode, opcodes } from "./opcodes.js";

const END = 0x0b;
const ELSE = 0x05;
/** A block's type where it leaves no value behind. */
const NOTHING = 0x40;

/** The bytes of constants. */
const constants: Readonly<Record<string, (bytes: number[], ...words: string[]) => void>> = {
  "i32.const": (bytes, value) => {
    bytes.push(0x41);
    pushSigned(Number(value), bytes);
  },
  "f32.const": (bytes, value) => bytes.push(0x43, ...bytesOf(Float32Array.of(numberOf(value)))),
  "f64.const": (bytes, value) => bytes.push(0x44, ...bytesOf(Float64Array.of(numberOf(value)))),
  "v128.const": (bytes, lanes, ...values) => {
    const numbers = values.map(numberOf);
    const vector = lanes === "f32x4" ? Float32Array.from(numbers) : Int32Array.from(numbers);
    bytes.push(0xfd, 0x0c, ...bytesOf(vector));
  },
};

const bytesOf = ({ buffer }: { readonly buffer: ArrayBufferLike }): Uint8Array => new Uint8Array(buffer);

/** The place of a name, or what is wrong with it. */
function placeOf(name: string | undefined, names: readonly string[], what: string): number {
  const place = names.lastIndexOf(name as string);
  if (place < 0) throw new Error(`The kernel's text has no ${what} ${name}.`);
  return place;
}

/** Writes instructions. */
export class Body {
  readonly bytes: number[] = [];
  readonly #labels: string[] = [];
  readonly #locals: readonly string[];
  readonly #functions: readonly string[];

  /** @param locals The names of the function's parameters and locals, in their order. @param functions Those of the module's functions. */
  constructor(locals: readonly string[], functions: readonly string[]) {
    this.#locals = locals;
    this.#functions = functions;
  }

  /** Writes some instructions, and the end that every block has. */
  writeBlock(nodes: Node): void {
    for (const node of nodes) this.#write(node as Node);
    this.bytes.push(END);
  }

  #write([name, ...rest]: Node): void {
    const { bytes } = this;
    if (name === "block" || name === "loop") {
      const [label, ...content] = rest;
      this.#labels.push(label as string);
      bytes.push(name === "block" ? 0x02 : 0x03, NOTHING);
      this.writeBlock(content);
      this.#labels.pop();
    } else if (name === "if") this.#writeIf(rest as readonly Node[]);
    else {
      const words = rest.filter((item) => typeof item === "string");
      for (const operand of rest.slice(words.length)) this.#write(operand as Node);
      const constant = constants[name as string];
      if (constant) constant(bytes, ...words);
      else this.#writePlain(name as string, words);
    }
  }

  #writeIf(nodes: readonly Node[]): void {
    const [first] = nodes as readonly [Node];
    const typed = first[0] === "result";
    const [condition, [, ...then], otherwise] = (typed ? nodes.slice(1) : nodes) as readonly [Node, Node, Node?];
    this.#write(condition);
    this.#labels.push("");
    this.bytes.push(0x04, typed ? typeOf(first[1]) : NOTHING);
    if (otherwise) {
      for (const node of then) this.#write(node as Node);
      this.bytes.push(ELSE);
      this.writeBlock(otherwise.slice(1));
    } else this.writeBlock(then);
    this.#labels.pop();
  }

  #writePlain(name: string, words: readonly string[]): void {
    const opcode = opcodes.get(name);
    if (!opcode)
      throw new Error(`The assembler of kernels knows no instruction ${name}; opcodes.ts lists those that it does.`);
    const { code } = opcode;
    if (code > 0xff) {
      this.bytes.push(code >> 16);
      pushNumber(code & 0xffff, this.bytes);
    } else this.bytes.push(code);
    this.#writeImmediate(opcode, words);
  }

  #writeImmediate({ immediate, alignment }: Opcode, words: readonly string[]): void {
    const { bytes } = this;
    if (immediate.startsWith("memory")) {
      const named = (key: string) => words.find((word) => word.startsWith(key))?.slice(key.length);
      const align = named("align=");
      pushNumber(align ? Math.log2(Number(align)) : alignment, bytes);
      pushNumber(Number(named("offset=") ?? 0), bytes);
    }
    if (immediate.includes("lane")) bytes.push(...words.filter((word) => !word.includes("=")).map(Number));
    if (immediate === "memories") bytes.push(0, 0);
    if (immediate === "local") pushNumber(placeOf(words[0], this.#locals, "local"), bytes);
    if (immediate === "function") pushNumber(placeOf(words[0], this.#functions, "function"), bytes);
    if (immediate === "label") {
      pushNumber(this.#labels.length - 1 - placeOf(words[0], this.#labels, "label"), bytes);
    }
  }
}
