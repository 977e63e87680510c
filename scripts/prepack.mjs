/**
 * Runs in a package before it is packed or published: writes `dist/NAME.min.js`, the whole package as one ES module for pages without a
 * bundler, and has the files of TensorFlow.js's WASM backend lie beside it where the package is the one that finds them.
 *
 * npm leaves "workspace:" and "catalog:" in the manifest, which nobody can install: it is refused.
 */
import { copyFileSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, join } from "node:path";
import { build } from "esbuild";
import { readJson } from "./workspace.mjs";

if (!process.env.npm_config_user_agent?.startsWith("pnpm/")) {
  console.error(
    'Not by npm: it would leave "workspace:" versions in the package, which nobody can install. See "Release" in CONTRIBUTING.md: npm run release -- --dry-run',
  );
  process.exit(1);
}

const folder = process.cwd();
const { exports } = readJson(join(folder, "package.json"));

/** What a page may import: all entries but the one for tests, in one module, so that they share what they register. */
const entries = Object.entries(exports)
  .filter(([entry]) => entry !== "./testing" && entry !== "./package.json")
  .map(([, { default: file }]) => `export * from "${file}";`);

await build({
  stdin: { contents: entries.join("\n"), resolveDir: folder },
  outfile: join(folder, "dist", `${basename(folder)}.min.js`),
  bundle: true,
  minify: true,
  format: "esm",
  target: "es2022",
  external: ["@tensorflow/*", "@hypergrad/*"],
  logLevel: "warning",
});

if (basename(folder) === "wasm") {
  const { resolve } = createRequire(join(folder, "package.json"));
  const backend = join(resolve("@tensorflow/tfjs-backend-wasm/package.json"), "..", "dist");
  for (const kind of ["", "-simd", "-threaded-simd"]) {
    const name = `tfjs-backend-wasm${kind}.wasm`;
    copyFileSync(join(backend, name), join(folder, "dist", name));
  }
}
