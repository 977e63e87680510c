/**
 * Assembling: WebAssembly text to bytes, and to a module by the engine.
 *
 * The text is what kernels are written in and no more: one module of functions, which import a memory and other functions; everything has a name, and every
 * instruction stands in parentheses with its operands inside. An assembler of all of WebAssembly would be six times the size of this one.
 */
import { list, type Node, parse, pushNumber, quoted, typeOf } from "./encoding.js";
import { Body } from "./instructions.js";

/** How a module says, in text, that it works on the backend's memory. */
export const memoryImport = (shared: boolean): string =>
  `(import "env" "memory" (memory ${shared ? "1 65536 shared" : "1"}))`;

/** The children of a node that begin with this word. */
const all = (node: Node, word: string): Node[] => node.filter((child): child is Node => child[0] === word);

/** A function, imported or our own: its name, its type, and what it declares. */
interface Signature {
  readonly name: string;
  readonly parameters: readonly Node[];
  readonly type: number;
  readonly node: Node;
}

/** Reads signatures, and gives every type a number the first time it is seen. */
class Signatures {
  readonly types: number[][] = [];
  readonly #known = new Map<string, number>();

  read(node: Node): Signature {
    const parameters = all(node, "param");
    const of = (nodes: readonly Node[]) => nodes.map((each) => [typeOf(each.at(-1))]);
    const type = [0x60, ...list(of(parameters)), ...list(of(all(node, "result")))];
    const key = type.join();
    if (!this.#known.has(key)) this.#known.set(key, this.types.push(type) - 1);
    return { name: String(node[1]), parameters, type: this.#known.get(key) as number, node };
  }
}

/** The limits of an imported memory. */
function memory([, ...words]: Node): number[] {
  const limits = words.filter((word) => word !== "shared").map(Number);
  const bytes = [0x02, limits.length - 1 + (words.includes("shared") ? 2 : 0)];
  for (const limit of limits) pushNumber(limit, bytes);
  return bytes;
}

/** Neighbours of the same type are counted together. */
function declared(locals: readonly Node[]): number[] {
  const runs: [count: number, type: number][] = [];
  for (const local of locals) {
    const type = typeOf(local.at(-1));
    const last = runs.at(-1);
    if (last?.[1] === type) last[0]++;
    else runs.push([1, type]);
  }
  return list(runs.map(([count, type]) => withNumber(count, [type])));
}

/** A number and what follows it. */
function withNumber(value: number, rest: readonly number[]): number[] {
  const bytes: number[] = [];
  pushNumber(value, bytes);
  for (const byte of rest) bytes.push(byte);
  return bytes;
}

function codeOf({ parameters, node }: Signature, functions: readonly string[]): number[] {
  const locals = all(node, "local");
  const body = new Body(
    [...parameters, ...locals].map((each) => String(each[1])),
    functions,
  );
  const declarations = ["export", "param", "result", "local"];
  body.writeBlock(
    node.slice(1).filter((child) => typeof child !== "string" && !declarations.includes(String(child[0]))),
  );
  const bytes = [...declared(locals), ...body.bytes];
  return withNumber(bytes.length, bytes);
}

const MAGIC = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00];

/**
 * A module's bytes.
 *
 * @throws Error for what is outside of the language of kernels: an instruction, a type or a name that it does not know.
 */
export function assemble(text: string): Uint8Array<ArrayBuffer> {
  const module = parse(text);
  const signatures = new Signatures();
  const imports = all(module, "import");
  const imported = imports.flatMap(([, , , item]) => (item?.[0] === "func" ? [signatures.read(item as Node)] : []));
  const own = all(module, "func").map((node) => signatures.read(node));
  const functions = [...imported, ...own];
  const names = functions.map(({ name }) => name);

  let next = 0;
  const importOf = ([, from, name, item]: Node): number[] => [
    ...quoted(from as string),
    ...quoted(name as string),
    ...(item?.[0] === "memory" ? memory(item as Node) : withNumber(0, [(imported[next++] as Signature).type])),
  ];
  const exports = functions.flatMap(({ node }, index) =>
    all(node, "export").map(([, name]) => [...quoted(name as string), 0x00, ...withNumber(index, [])]),
  );
  const sections: readonly (readonly [id: number, items: readonly (readonly number[])[]])[] = [
    [1, signatures.types],
    [2, imports.map(importOf)],
    [3, own.map(({ type }) => withNumber(type, []))],
    [7, exports],
    [10, own.map((each) => codeOf(each, names))],
  ];
  const bytes = sections.flatMap(([id, items]) => {
    const content = list(items);
    return items.length === 0 ? [] : [id, ...withNumber(content.length, content)];
  });
  return Uint8Array.from([...MAGIC, ...bytes]);
}

/** The text as a module. */
export function moduleOf(text: string): WebAssembly.Module {
  const bytes = assemble(text);
  const module = new WebAssembly.Module(bytes);
  made.set(module, bytes);
  return module;
}

const made = new WeakMap<WebAssembly.Module, Uint8Array>();

/** The bytes that a module was made of. */
export const bytesOf = (module: WebAssembly.Module): Uint8Array => made.get(module) as Uint8Array;

/** Whether this WebAssembly engine takes a function with such a value. */
const takes = (vector: string): boolean => WebAssembly.validate(assemble(`(module (func (result v128) ${vector}))`));
const zero = "(v128.const i32x4 0 0 0 0)";

/** True where this WebAssembly engine runs SIMD instructions. */
export const hasSimd = (): boolean => takes(zero);

let multiplyAdd: boolean | undefined;

/** True where it has those of relaxed SIMD too, of which one multiplies and adds. */
export function hasMultiplyAdd(): boolean {
  multiplyAdd ??= takes(`(f32x4.relaxed_madd ${zero} ${zero} ${zero})`);
  return multiplyAdd;
}
