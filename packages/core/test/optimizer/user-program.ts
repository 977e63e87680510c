/**
 * Programs as a user would write them, each in a Node process of its own: nothing is registered there but what the program imports.
 */
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import ts from "typescript";

const core = fileURLToPath(new URL("../..", import.meta.url));

/** The package compiled from its sources, so that no build is needed; inside its node_modules, where it finds what it imports. */
export interface CompiledCore {
  /**
   * Runs a program, whose `@hypergrad/core` is this copy, and returns what it prints.
   *
   * @throws Error where it ends with an error.
   */
  readonly run: (program: string) => Promise<string>;
  readonly remove: () => Promise<void>;
}

export async function compileCore(): Promise<CompiledCore> {
  const folder = await mkdtemp(join(core, "node_modules", ".test-"));
  const compilerOptions = { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022 };
  // What tests rules (testing) is no part of the program.
  const files = (await readdir(join(core, "src"), { recursive: true })).filter(
    (file) => file.endsWith(".ts") && !file.startsWith("testing"),
  );
  for (const file of files) {
    const source = await readFile(join(core, "src", file), "utf8");
    const { outputText } = ts.transpileModule(source, { compilerOptions });
    const target = join(folder, file.replace(/\.ts$/, ".js"));
    await mkdir(dirname(target), { recursive: true });
    await writeFile(target, outputText);
  }
  await writeFile(join(folder, "package.json"), '{ "type": "module" }');
  return {
    async run(program) {
      const main = join(folder, "main.js");
      await writeFile(main, program.replaceAll('"@hypergrad/core"', '"./index.js"'));
      const { stdout } = await promisify(execFile)(process.execPath, [main], { cwd: folder });
      return stdout;
    },
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}
