/**
 * `useBackend`: loads and selects a tfjs backend, and says which and why.
 *
 * Backends that the program has imported are there already. Others are optional peers, imported by name when asked for or when "auto" looks for one; that works in Node and, with an
 * import map, in a page, but not in a bundle, into which nothing comes that the program does not import. "auto" takes the fastest that works: the tensorflow backend where its package and
 * native addon are there, WebGPU where there is an adapter, else WASM, else WebGL, else plain JavaScript.
 */
import * as tf from "@tensorflow/tfjs-core";

/** The backends that `useBackend` knows. */
export type BackendName = "tensorflow" | "webgpu" | "wasm" | "webgl" | "cpu";

/** The backend that was selected. */
export interface SelectedBackend {
  /** Which one. */
  readonly name: BackendName;
  /** Why this one, in a sentence. */
  readonly reason: string;
}

interface Backend {
  /** Packages that bring it, the preferred one first. */
  readonly packages: readonly string[];
  readonly what: string;
  /** Sees to what must be there before the package is imported, and throws where that cannot be. `auto`: nobody asked for this one. */
  readonly prepare?: (auto: boolean) => Promise<void>;
}

const backends: Readonly<Record<BackendName, Backend>> = {
  tensorflow: {
    packages: ["@tensorflow/tfjs-node-gpu", "@tensorflow/tfjs-node"],
    what: "TensorFlow's native library",
    prepare: only("Node", true),
  },
  webgpu: {
    packages: ["@tensorflow/tfjs-backend-webgpu"],
    what: "WebGPU on this machine's adapter",
    prepare: prepareWebGpu,
  },
  wasm: { packages: ["@tensorflow/tfjs-backend-wasm"], what: "WebAssembly with SIMD on the CPU" },
  webgl: {
    packages: ["@tensorflow/tfjs-backend-webgl"],
    what: "WebGL on this machine's graphics",
    prepare: only("a browser", false),
  },
  cpu: { packages: ["@tensorflow/tfjs-backend-cpu"], what: "plain JavaScript on the CPU" },
};

const preference: readonly BackendName[] = ["tensorflow", "webgpu", "wasm", "webgl", "cpu"];

const inNode = (): boolean => tf.env().getBool("IS_NODE");

/** For a backend that there is in one kind of place alone. */
function only(place: string, node: boolean): () => Promise<void> {
  return async () => {
    if (inNode() !== node) throw new Error(`it is for ${place}`);
  };
}

/** Something with the part of WebGPU's API that is looked at here. */
interface Gpu {
  requestAdapter(): Promise<{ readonly info?: { readonly isFallbackAdapter?: boolean } } | null>;
}

/** In a browser `navigator.gpu` is there or not; in Node the package "webgpu" brings it, and it must be there before the backend is imported. */
async function prepareWebGpu(auto: boolean): Promise<void> {
  const scope = globalThis as { navigator?: { gpu?: Gpu } };
  if (!scope.navigator?.gpu && inNode()) {
    const { create, globals } = (await importOptional("webgpu")) as { create(flags: string[]): Gpu; globals: object };
    Object.assign(globalThis, globals);
    if (!scope.navigator) scope.navigator = {};
    Object.defineProperty(scope.navigator, "gpu", { value: create([]), configurable: true });
  }
  const adapter = await scope.navigator?.gpu?.requestAdapter();
  if (!adapter) throw new Error("there is no WebGPU adapter");
  if (auto && adapter.info?.isFallbackAdapter) throw new Error("the only WebGPU adapter is a slow one in software");
}

/** A package that is needed is not there, or does not load: something can be done about it. */
class Missing extends Error {
  readonly packages: readonly string[];

  constructor(message: string, packages: readonly string[], cause?: unknown) {
    super(message, { cause });
    this.packages = packages;
  }
}

/** Imports a package that may not be there. The name is a variable so that no bundler insists on it. */
async function importOptional(name: string): Promise<unknown> {
  try {
    return await import(/* @vite-ignore */ /* webpackIgnore: true */ name);
  } catch (cause) {
    const elsewhere = `nothing in this program imports ${name}, and it cannot be found by its name in a browser`;
    if (!inNode()) throw new Missing(elsewhere, [name], cause);
    const message = (cause as Error).message.split("\n")[0];
    const absent = (cause as { code?: string }).code?.endsWith("MODULE_NOT_FOUND") && message?.includes(`'${name}'`);
    const what = absent ? `${name} is not installed` : `${name} is installed but does not load (${message})`;
    throw new Missing(what, [name], cause);
  }
}

/** What to do to have one of these packages. */
const remedy = (packages: readonly string[]): string =>
  inNode()
    ? `Install what it needs (${packages.join(" or ")})`
    : `Install what it needs and import it: import "${packages[0]}"`;

/** Makes the backend the active one, or throws saying why that cannot be. */
async function activate(name: BackendName, auto: boolean): Promise<string> {
  const { packages, what, prepare } = backends[name];
  await prepare?.(auto);
  const failures: string[] = [];
  for (const candidate of tf.findBackendFactory(name) ? [] : packages) {
    try {
      await importOptional(candidate);
      break;
    } catch (error) {
      failures.push((error as Error).message);
    }
  }
  if (!tf.findBackendFactory(name)) throw new Missing(failures.join("; "), packages);
  const before = tf.getBackend();
  if (await tf.setBackend(name)) {
    await tf.ready();
    return what;
  }
  if (before) await tf.setBackend(before);
  throw new Error("it is there, but does not start here");
}

/**
 * Loads a tfjs backend and makes it the active one.
 *
 * @param name "auto" (default) takes the fastest that works here; "tensorflow" is @tensorflow/tfjs-node-gpu, else @tensorflow/tfjs-node.
 * @returns Which backend, and why.
 * @throws Error for an unknown name, and where the backend asked for is not installed or does not start; it says what to install.
 */
export async function useBackend(name: BackendName | "auto" = "auto"): Promise<SelectedBackend> {
  if (name !== "auto") {
    if (!Object.hasOwn(backends, name)) {
      throw new Error(
        `useBackend: the backend is ${JSON.stringify(name)}; expected "auto", ${preference.map((known) => `"${known}"`).join(", ")}.`,
      );
    }
    try {
      return { name, reason: `asked for: ${await activate(name, false)}` };
    } catch (cause) {
      const hint = cause instanceof Missing ? `${remedy(cause.packages)}, or take "auto".` : 'Take "auto".';
      throw new Error(`useBackend: "${name}" cannot be used: ${(cause as Error).message}. ${hint}`, { cause });
    }
  }
  const passed: string[] = [];
  for (const candidate of preference) {
    try {
      const what = await activate(candidate, true);
      return { name: candidate, reason: [what, ...passed].join("; ") };
    } catch (error) {
      passed.push(`not ${candidate}: ${(error as Error).message}`);
    }
  }
  throw new Error(
    `useBackend: no backend works here (${passed.join("; ")}). ${remedy(["@tensorflow/tfjs-backend-wasm", "@tensorflow/tfjs-backend-cpu"])}.`,
  );
}
