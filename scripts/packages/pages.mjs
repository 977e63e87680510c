/** Uses the packages in a browser: bundled by Vite, which is told nothing, and on pages without a bundler. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createServer } from "vite";
import { servePages } from "../browser.mjs";
import { readJson, root, tool } from "../workspace.mjs";
import { judge } from "./node.mjs";
import { succeed } from "./pack.mjs";

/** Opens a page and answers with what `ask` finds there; an error of the page, or a file that it does not get, is thrown. */
async function visit(browser, url, ask) {
  const page = await browser.newPage();
  const problems = [];
  const requests = [];
  page.on("pageerror", (error) => problems.push(error.message));
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
      new Promise((_, reject) => page.on("pageerror", (error) => reject(error))),
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

async function served(folder, browser, path, ask = trained) {
  const server = await servePages([folder]);
  try {
    return await visit(browser, `${server.url}${path}`, ask);
  } finally {
    await server.close();
  }
}

export async function bundleWithVite(folder, browser) {
  await succeed(tool("vite", "build", "--logLevel", "warn"), { cwd: folder });
  const { answer, requests } = await served(join(folder, "dist"), browser, "");
  const file = requests.find((url) => url.includes(".wasm"));
  return `${judge(answer)}, with ${file?.split("/").at(-1).split("#")[0]}`;
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
    const { answer } = await visit(browser, server.resolvedUrls.local[0], trained);
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

/** Who calls setWasmPaths is obeyed. */
export async function ownWasmPaths(folder, browser) {
  const backend = "/node_modules/@tensorflow/tfjs-backend-wasm/dist/";
  const own = `import { setWasmPaths } from "@tensorflow/tfjs-backend-wasm"; import "@hypergrad/wasm"; setWasmPaths("${backend}"); await import("./main.js");`;
  pageWith(folder, "own.html", own);
  const { answer, requests } = await served(folder, browser, "own.html");
  const file = requests.find((url) => url.includes(".wasm"));
  if (!file?.includes(backend)) throw new Error(`it asked for ${file}, not for a file of ${backend}`);
  return judge(answer);
}

export async function documentedPage(folder, browser) {
  writeFileSync(join(folder, "guide.html"), guidePage(folder));
  const { answer } = await served(folder, browser, "guide.html", async (page) => {
    await page.waitForFunction(() => /\d/.test(document.body.textContent));
    return page.evaluate(() => document.body.textContent.trim());
  });
  return answer.replace(/\s+/g, " ");
}
