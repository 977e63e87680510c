import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

const source = (path: string) => fileURLToPath(new URL(`./packages/${path}`, import.meta.url));
const testing = existsSync(source("core/src/testing.ts")) ? "testing.ts" : "testing/index.ts";

/** Tests run on the sources, so that they need no build; tsconfig.test.json holds the same mapping for types. */
export default defineConfig({
  resolve: {
    alias: [
      { find: /^@hypergrad\/core\/(executors|internal)$/, replacement: source("core/src/$1.ts") },
      { find: /^@hypergrad\/([\w-]+)\/testing$/, replacement: source(`$1/src/${testing}`) },
      { find: "@hypergrad/example-kit", replacement: source("../examples/kit/src/index.ts") },
      { find: /^@hypergrad\/([\w-]+)$/, replacement: source("$1/src/index.ts") },
    ],
  },
  test: {
    include: ["{packages,examples}/*/test/**/*.test.ts", "docs/test/**/*.test.ts"],
    setupFiles: ["packages/wasm/test/precise.ts"],
    pool: "forks",
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // TensorFlow.js greets every process that runs it in Node without its native add-on.
    onConsoleLog: (log) => !log.includes("looks like you are running TensorFlow.js in Node.js"),
  },
});
