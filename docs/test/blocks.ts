/**
 * The programs on a page of Markdown. A program is the page itself with everything outside of its blocks blanked out: so line 40 of a program is line 40 of the page, in a type error and in
 * a stack trace alike.
 *
 *   ```ts              a program of its own
 *   ```ts continued    goes on with the program before it
 *   ```ts browser      needs a page or a Worker: type-checked, not run in Node
 *   ```ts fragment     is no program: not checked
 *   <!-- ts …          lines that a reader has already, such as a model: part of the program, not shown; the visible block after them is `continued`
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

export const root: string = fileURLToPath(new URL("../..", import.meta.url));

/** What is to be done with a program. */
type Kind = "node" | "browser" | "fragment";

/** A program on a page. */
export interface Program {
  /** The page, relative to the repository's root. */
  readonly page: string;
  /** The line on which its first block begins. */
  readonly line: number;
  readonly kind: Kind;
  /** As many lines as the page up to the program's end; those of others are empty. */
  readonly text: string;
}

/** Lines of a shell. */
export interface Shell {
  readonly page: string;
  readonly line: number;
  readonly commands: readonly string[];
}

const KINDS: Readonly<Record<string, Kind>> = { "": "node", browser: "browser", fragment: "fragment" };
const LANGUAGES = ["ts", "js", "typescript", "javascript"];

interface Block {
  readonly language: string;
  readonly how: string;
  /** The line of its opening, counted from 1. */
  readonly line: number;
  readonly lines: readonly string[];
}

/** The pages whose programs are checked. */
export function pages(): string[] {
  const inside = (folder: string) => readdirSync(`${root}${folder}`).map((name) => `${folder}/${name}`);
  const readmes = ["packages", "examples"].flatMap(inside).map((folder) => `${folder}/README.md`);
  const pages = [
    "README.md",
    "CONTRIBUTING.md",
    "bench/README.md",
    ...readmes,
    ...inside("docs"),
    ...inside("docs/guide"),
  ];
  return pages.filter((page) => page.endsWith(".md") && existsSync(`${root}${page}`));
}

/** The sources of the packages whose comments hold programs, which are read on the pages of the API. */
export function sources(): string[] {
  return readdirSync(`${root}packages`).flatMap((folder) =>
    readdirSync(`${root}packages/${folder}/src`, { recursive: true, encoding: "utf8" })
      .map((name) => `packages/${folder}/src/${name.replaceAll("\\", "/")}`)
      .filter((path) => path.endsWith(".ts") && /^ \* ```ts/m.test(readFileSync(`${root}${path}`, "utf8"))),
  );
}

/** A page's text; of a source, what its comments say, every line where the source has it. */
function textOf(page: string): string {
  const text = readFileSync(`${root}${page}`, "utf8");
  if (page.endsWith(".md")) return text;
  return text.replace(/^(?!\s*\* ?).*$/gm, "").replace(/^\s*\* ?/gm, "");
}

/** The fenced blocks and the comments with code of a page. */
function blocksOf(page: string, markdown: string): Block[] {
  const lines = markdown.split("\n");
  const blocks: Block[] = [];
  for (let at = 0; at < lines.length; at++) {
    const opening = /^\s*(?:(`{3,})|<!--(?= (?:ts|js)\b)) ?([\w-]*) ?(.*?)\s*$/.exec(lines[at] ?? "");
    if (!opening) continue;
    const [, fence = "-->", language = "", how = ""] = opening;
    const end = lines.findIndex((line, index) => index > at && line.trim() === fence);
    if (end < 0) throw new Error(`${page}:${at + 1}: what begins with "${lines[at]?.trim()}" has no end "${fence}"`);
    blocks.push({ language, how, line: at + 1, lines: lines.slice(at + 1, end) });
    at = end;
  }
  return blocks;
}

/** The programs of a page, in their order. */
export function programsOf(page: string, markdown: string = textOf(page)): Program[] {
  const programs: { page: string; line: number; kind: Kind; lines: string[] }[] = [];
  for (const { language, how, line, lines } of blocksOf(page, markdown)) {
    if (!LANGUAGES.includes(language)) continue;
    if (how === "continued") {
      const program = programs.at(-1);
      if (!program) throw new Error(`${page}:${line}: there is no program before it that it could continue`);
      place(program.lines, line, lines);
      continue;
    }
    const kind = KINDS[how];
    if (!kind) {
      const known = ["continued", ...Object.keys(KINDS).slice(1)].join(", ");
      throw new Error(`${page}:${line}: "${how}" after ${language}; expected nothing or one of ${known}`);
    }
    const program = { page, line, kind, lines: [] };
    place(program.lines, line, lines);
    programs.push(program);
  }
  return programs.map(({ lines, ...program }) => ({ ...program, text: lines.join("\n") }));
}

/** Puts lines where the page has them; `line` is that of the fence above them. */
function place(program: string[], line: number, lines: readonly string[]): void {
  while (program.length < line) program.push("");
  program.push(...lines);
}

/** The shell blocks of a page, without comments and empty lines. */
export function shellsOf(page: string, markdown: string = readFileSync(`${root}${page}`, "utf8")): Shell[] {
  return blocksOf(page, markdown)
    .filter(({ language }) => language === "sh")
    .map(({ line, lines }) => ({
      page,
      line,
      commands: lines.map((text) => text.replace(/(^|\s)#.*$/, "").trim()).filter((text) => text !== ""),
    }));
}
