/**
 * How much the packages add to a page beyond TensorFlow.js, gzipped: in a bundle of README's first program, which has FTP, a learned rate and WASM; and each as the one file that a page without a bundler loads whole.
 * A budget is what there is now, and some air: who needs more of it says so here. The kernels that train a real network (Winograd, depthwise, values moved and reduced, chains, threads, the backward pass that frees) are 25 kB of it; docs/decisions.md says why.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { root } from "../workspace.mjs";

/** Thousands of bytes. */
const page = 86;
const budgets = { core: 40, optimizers: 9, ftp: 2, wasm: 54 };

const gzipped = (bytes) => gzipSync(bytes, { level: 9 }).length / 1000;

/** The first program on the first page. */
export function readmeProgram() {
  const [, program] = /```ts\n([\s\S]*?)```/.exec(readFileSync(join(root, "README.md"), "utf8"));
  return program;
}

async function bundled(contents, folder) {
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: folder, loader: "ts" },
    bundle: true,
    minify: true,
    format: "esm",
    target: "es2022",
    external: ["@tensorflow/*"],
    write: false,
  });
  return gzipped(outputFiles[0].contents);
}

export async function checkSizes(folder) {
  const files = Object.entries(budgets).map(([name, budget]) => {
    const file = join(folder, "node_modules", "@hypergrad", name, "dist", `${name}.min.js`);
    return { name: `${name} whole`, size: gzipped(readFileSync(file)), budget };
  });
  const sizes = [{ name: "README's program", size: await bundled(readmeProgram(), folder), budget: page }, ...files];
  const report = sizes.map(({ name, size, budget }) => `${name} ${size.toFixed(1)} of ${budget} kB`).join(", ");
  if (sizes.some(({ size, budget }) => size > budget)) throw new Error(report);
  return report;
}
