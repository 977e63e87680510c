/**
 * Runs the programs of the pages in Node, each in a process of its own, as a reader would: nothing is there that the program did not import. They are bundled with the packages' sources;
 * TensorFlow.js stays outside.
 */
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build, type Plugin } from "esbuild";
import config from "../../vitest.config.ts";
import { type Program, root } from "./blocks.ts";

const idOf = ({ page, line }: Program) => `${page}:${line}`;

/** Programs come from memory, packages from their sources, by the same aliases as in the tests. */
function sources(programs: readonly Program[]): Plugin {
  const texts = new Map(programs.map((program) => [idOf(program), program.text]));
  const aliases = config.resolve?.alias as { find: string | RegExp; replacement: string }[];
  return {
    name: "pages",
    setup({ onResolve, onLoad }) {
      onResolve({ filter: /\.(md|ts):\d+$/ }, ({ path }) => ({ path, namespace: "page" }));
      onLoad({ filter: /.*/, namespace: "page" }, ({ path }) => ({
        contents: texts.get(path) ?? "",
        loader: "ts",
        resolveDir: root,
      }));
      onResolve({ filter: /^@hypergrad\// }, ({ path }) => {
        const alias = aliases.find(({ find }) => (typeof find === "string" ? find === path : find.test(path)));
        return alias && { path: path.replace(alias.find, alias.replacement) };
      });
    },
  };
}

/** A trace that names the page and its line, without the minified sources that Node quotes. */
const readable = (output: string) =>
  output
    .replace(/page:(.*?\.(?:md|ts)):\d+:(\d+):\d+/g, "$1:$2")
    .split("\n")
    .filter((line) => line.length < 1000)
    .join("\n");

/** A folder with all programs, ready to run. */
export class Runner {
  // Inside the repository, so that what stays outside of the bundle is found.
  readonly #built = join(root, "node_modules", ".cache", `pages-${process.pid}`);
  readonly #files = new Map<string, string>();

  /** Bundles the programs; those that cannot be bundled are reported by the type check. */
  async prepare(programs: readonly Program[]): Promise<void> {
    mkdirSync(this.#built, { recursive: true });
    const entryPoints = programs.map((program, index) => {
      this.#files.set(idOf(program), join(this.#built, `${index}.js`));
      return { in: idOf(program), out: String(index) };
    });
    await build({
      entryPoints,
      outdir: this.#built,
      bundle: true,
      splitting: true,
      format: "esm",
      platform: "node",
      target: "node20",
      sourcemap: true,
      external: ["@tensorflow/*", "fast-check"],
      plugins: [sources(programs)],
      absWorkingDir: root,
      logLevel: "silent",
      // What is CommonJS in the bundle asks for Node's modules.
      banner: {
        js: `import { createRequire as _require } from "node:module"; const require = _require(import.meta.url);`,
      },
    });
  }

  /** Runs one program in an empty folder; resolves to what it wrote and how it ended. */
  run(program: Program): Promise<{ code: number | null; output: string }> {
    const folder = mkdtempSync(join(tmpdir(), "page-"));
    const child = spawn(process.execPath, ["--enable-source-maps", this.#files.get(idOf(program)) as string], {
      cwd: folder,
      stdio: ["ignore", "pipe", "pipe"],
    });
    let output = "";
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding("utf8").on("data", (text) => (output += text));
    return new Promise((resolve, reject) => {
      child.on("error", reject);
      child.on("close", (code) => resolve({ code, output: readable(output) }));
    }).finally(() => rmSync(folder, { recursive: true })) as Promise<{ code: number | null; output: string }>;
  }

  dispose(): void {
    rmSync(this.#built, { recursive: true, force: true });
  }
}
