/**
 * Where the backend's three .wasm files are, of which a browser fetches one. tfjs looks for them beside the page, where no bundler puts
 * them; so they lie beside this module in the published package (scripts/prepack.mjs copies them), and are spoken of in the one form of
 * words that every bundler knows.
 */
import { setWasmPaths, version_wasm } from "@tensorflow/tfjs-backend-wasm";
import { env } from "@tensorflow/tfjs-core";
import { hasSimd } from "./heap/assemble.js";
import { shouldShare } from "./threads/setting.js";

/** The version whose files they are: another's would not fit its backend. */
const VERSION = "4.22.0";

/** The files' addresses. In a classic script there is no `import.meta.url`, and this throws. */
const addresses = () => ({
  "tfjs-backend-wasm.wasm": new URL("./tfjs-backend-wasm.wasm", import.meta.url).href,
  "tfjs-backend-wasm-simd.wasm": new URL("./tfjs-backend-wasm-simd.wasm", import.meta.url).href,
  "tfjs-backend-wasm-threaded-simd.wasm": new URL("./tfjs-backend-wasm-threaded-simd.wasm", import.meta.url).href,
});

/** The file that the backend will ask for, unless a flag of tfjs says otherwise by then. */
function expected(): keyof ReturnType<typeof addresses> {
  if (!hasSimd()) return "tfjs-backend-wasm.wasm";
  return shouldShare() ? "tfjs-backend-wasm-threaded-simd.wasm" : "tfjs-backend-wasm-simd.wasm";
}

/**
 * Tells the backend where its files are; a `setWasmPaths` of the program's own, which comes later, still has the last word.
 *
 * For tfjs an address by name goes before a folder's. So the expected file is given as a folder whose "name" ends in #, after which the file's
 * name is a fragment that no server sees, and a folder given later replaces it. The other files, by name, are for flags set later.
 */
export function tellWhereFilesAre(): void {
  if (env().getBool("IS_NODE") || version_wasm !== VERSION) return;
  const name = expected();
  let files: Partial<ReturnType<typeof addresses>>;
  try {
    files = addresses();
  } catch {
    return;
  }
  const address = files[name];
  setWasmPaths(files as Parameters<typeof setWasmPaths>[0]);
  delete files[name];
  setWasmPaths(`${address}#`);
}
