/** Uses the packages in a browser: bundled by Vite, which is told nothing, and on pages without a bundler. */
import { copyFileSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";
import { createServer } from "vite";
import { servePages } from "../browser.mjs";
import { readJson, root, tool } from "../workspace.mjs";
import { judge } from "./node.mjs";
import { succeed } from "./pack.mjs";
import { readmeProgram } from "./sizes.mjs";

/** Opens a page and answers with what `ask` finds there; an error of the page, or a file that it does not get, is thrown. */
async function visit(browser, url, ask) {
  const page = await browser.newPage();
  // A machine that is busy is slow, not wrong.
  page.setDefaultTimeout(180_000);
  const problems = [];
  const requests = [];
  page.on("pageerror", (error) => problems.push(String(error?.message ?? error)));
  page.on("console", (message) => message.type() === "error" && problems.push(message.text()));
  page.on("response", (response) => {
    if (response.status() >= 400 && !response.url().endsWith("/favicon.ico")) {
      problems.push(`${response.url()} is ${response.status()}`);
    }
    requests.push(response.url());
  });
  try {
    await page.goto(url);
    const answer = await Promise.race([
      ask(page),
      new Promise((_, reject) =>
        page.on("pageerror", (error) => reject(error ?? new Error("an error without a name"))),
      ),
    ]);
    return { answer, requests };
  } catch (error) {
    throw new Error([error.message, ...problems].join("; "));
  } finally {
    await page.close();
  }
}

/** What the training of consumers/main.js comes to. */
async function trained(page) {
  await page.waitForFunction(() => "trained" in globalThis);
  return page.evaluate(() => globalThis.trained);
}

/** The same, and in a Worker after that. */
async function trainedTwice(page) {
  const answer = await trained(page);
  judge(await page.evaluate(() => globalThis.trainInWorker()));
  return answer;
}

async function served(folder, browser, path, { ask = trained, isolated = false } = {}) {
  const server = await servePages([folder], { isolated });
  try {
    const { answer, requests } = await visit(browser, `${server.url}${path}`, ask);
    const wasm = requests.filter((url) => url.includes(".wasm")).map((url) => new URL(url).pathname);
    return { answer, wasm };
  } finally {
    await server.close();
  }
}

/** The page and its Worker have both to find the file that fits, and no other. */
export async function bundleWithVite(folder, browser) {
  await succeed(tool("vite", "build", "--logLevel", "warn"), { cwd: folder });
  const { answer, wasm } = await served(join(folder, "dist"), browser, "", { ask: trainedTwice });
  if (!wasm.every((file) => /backend-wasm-simd-[\w-]+\.wasm$/.test(file))) throw new Error(`it asked for ${wasm}`);
  return judge(answer);
}

/** TensorFlow.js's own threads would not survive Vite's minifier; see packages/wasm/src/threads/sharing.ts. */
export async function isolatedBundle(folder, browser) {
  const { answer, wasm } = await served(join(folder, "dist"), browser, "", { isolated: true });
  if (!wasm.every((file) => file.includes("threaded"))) throw new Error(`it asked for ${wasm}, not for shared memory`);
  return `${judge(answer)}, on shared memory`;
}

/** README's first program by esbuild, as docs/guide/bundle.md has it. */
export async function bundleWithEsbuild(folder, browser) {
  const out = join(folder, "esbuild");
  // It ends with what it prints.
  const contents = `${readmeProgram()}\nglobalThis.said = await optimizer.hyperparameters();`;
  await build({
    stdin: { contents, resolveDir: folder, loader: "ts" },
    bundle: true,
    format: "esm",
    outfile: join(out, "main.js"),
    logLevel: "error",
  });
  const files = join(folder, "node_modules", "@hypergrad", "wasm", "dist");
  for (const name of readdirSync(files).filter((file) => file.endsWith(".wasm"))) {
    copyFileSync(join(files, name), join(out, name));
  }
  writeFileSync(join(out, "index.html"), '<!doctype html><script type="module" src="main.js"></script>');
  const ask = async (page) => {
    await page.waitForFunction(() => "said" in globalThis);
    return page.evaluate(() => Object.values(globalThis.said)[0]);
  };
  const { answer } = await served(out, browser, "", { ask });
  if (!Number.isFinite(answer.lr) || !Number.isFinite(answer.radius)) {
    throw new Error(`its hyperparameters are ${JSON.stringify(answer)}`);
  }
  return `lr ${answer.lr}, radius ${answer.radius}`;
}

export async function developWithVite(folder, browser) {
  const server = await createServer({
    root: folder,
    configFile: false,
    logLevel: "error",
    server: { host: "127.0.0.1" },
  });
  try {
    await server.listen();
    const { answer } = await visit(browser, server.resolvedUrls.local[0], trainedTwice);
    return judge(answer);
  } finally {
    await server.close();
  }
}

/** The page of docs/guide/page.md, with the folder's node_modules in place of the CDN; the versions that it names must be those that are there. */
function guidePage(folder) {
  const guide = readFileSync(join(root, "docs", "guide", "page.md"), "utf8");
  const [, page] = /```html\n([\s\S]*?)```/.exec(guide);
  return page.replace(/https:\/\/cdn\.jsdelivr\.net\/npm\/((?:@[\w-]+\/)?[\w-]+)@([\d.]+)\//g, (_, name, version) => {
    const installed = readJson(join(folder, "node_modules", name, "package.json")).version;
    if (version !== installed) throw new Error(`docs/guide/page.md has ${name} ${version}; this is ${installed}`);
    return `/node_modules/${name}/`;
  });
}

/** Its import map with a program of ours. */
function pageWith(folder, name, program) {
  const [map] = /<script type="importmap">[\s\S]*?<\/script>/.exec(guidePage(folder));
  writeFileSync(join(folder, name), `<!doctype html>\n${map}\n<script type="module">${program}</script>\n`);
}

export async function pageWithoutBundler(folder, browser) {
  pageWith(folder, "page.html", 'import "./main.js";');
  const { answer } = await served(folder, browser, "page.html");
  return judge(answer);
}

export async function isolatedPage(folder, browser) {
  const { answer, wasm } = await served(folder, browser, "page.html", { isolated: true });
  if (!wasm.every((file) => file.includes("threaded"))) throw new Error(`it asked for ${wasm}, not for shared memory`);
  return `${judge(answer)}, on shared memory`;
}

/** Who calls setWasmPaths is obeyed. */
export async function ownWasmPaths(folder, browser) {
  const backend = "/node_modules/@tensorflow/tfjs-backend-wasm/dist/";
  const own = `import { setWasmPaths } from "@tensorflow/tfjs-backend-wasm"; import "@hypergrad/wasm"; setWasmPaths("${backend}"); await import("./main.js");`;
  pageWith(folder, "own.html", own);
  const { answer, wasm } = await served(folder, browser, "own.html");
  if (!wasm.every((file) => file.startsWith(backend))) throw new Error(`it asked for ${wasm}, not below ${backend}`);
  return judge(answer);
}

export async function documentedPage(folder, browser) {
  writeFileSync(join(folder, "guide.html"), guidePage(folder));
  const ask = async (page) => {
    await page.waitForFunction(() => /\d/.test(document.body.textContent));
    return page.evaluate(() => document.body.textContent.trim());
  };
  const { answer } = await served(folder, browser, "guide.html", { ask });
  return `it says ${answer.slice(0, 40)} …`;
}
