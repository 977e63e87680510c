/** Type-checks the programs of the pages as a strict project would, against the packages' sources. */
import { relative } from "node:path";
import ts from "typescript";
import { type Program, root } from "./blocks.ts";

/** Where the compiler finds a program: beside the page, so that imports resolve as they would from there. */
const pathOf = ({ page, line }: Program) => `${root}${page}.${line}.ts`;

function compilerOptions(): ts.CompilerOptions {
  const path = `${root}tsconfig.test.json`;
  const { config } = ts.readConfigFile(path, ts.sys.readFile);
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, root, undefined, path);
  // Readers' own settings, not the house's: an index that may be out of range is not what a page is about.
  return { ...options, incremental: false, noUncheckedIndexedAccess: false, exactOptionalPropertyTypes: false };
}

/** The errors, as `page:line: message`. */
export function typeErrors(programs: readonly Program[]): string[] {
  const texts = new Map(programs.map((program) => [pathOf(program), program]));
  const options = compilerOptions();
  const host = ts.createCompilerHost(options);
  const { fileExists, readFile, getSourceFile } = host;
  host.fileExists = (path) => texts.has(path) || fileExists(path);
  // A program without an import is a module all the same.
  const textOf = (path: string) => {
    const program = texts.get(path);
    return program && `${program.text}\nexport {};\n`;
  };
  host.readFile = (path) => textOf(path) ?? readFile(path);
  host.getSourceFile = (path, version, ...rest) => {
    const text = textOf(path);
    return text === undefined ? getSourceFile(path, version, ...rest) : ts.createSourceFile(path, text, version, true);
  };
  const compiled = ts.createProgram([...texts.keys()], options, host);
  return [...texts].flatMap(([path, { page }]) => {
    const file = compiled.getSourceFile(path);
    const found = [...compiled.getSyntacticDiagnostics(file), ...compiled.getSemanticDiagnostics(file)];
    return found.map(({ file: where, start = 0, messageText }) => {
      const line = where ? where.getLineAndCharacterOfPosition(start).line + 1 : 0;
      const at = where?.fileName === path ? page : relative(root, where?.fileName ?? "");
      return `${at}:${line}: ${ts.flattenDiagnosticMessageText(messageText, "\n")}`;
    });
  });
}
