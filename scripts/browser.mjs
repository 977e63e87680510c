/**
 * Chromium for tests: the one that is installed, else the one that came with `npm install`; and a server for pages.
 */
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";
import puppeteer from "puppeteer-core";
import { unpackedChromium } from "./chromium.mjs";

/** Where installed browsers are found. */
const usual = {
  linux: ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"].map((name) => `/usr/bin/${name}`),
  darwin: ["Google Chrome", "Chromium"].map((name) => `/Applications/${name}.app/Contents/MacOS/${name}`),
  win32: ["PROGRAMFILES", "PROGRAMFILES(X86)", "LOCALAPPDATA"].map((name) =>
    join(process.env[name] ?? "", "Google", "Chrome", "Application", "chrome.exe"),
  ),
};

/** The pages are our own, and a container rarely allows a sandbox. WebGL and WebGPU are drawn in software, alike on every machine. */
const flags = [
  "--no-sandbox",
  "--use-angle=swiftshader",
  "--enable-unsafe-swiftshader",
  "--enable-unsafe-webgpu",
  "--use-webgpu-adapter=swiftshader",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** What can be started, best first: the browser that was asked for and no other, else those installed, else the one from npm. */
function* candidates() {
  const asked = process.env.CHROME_PATH ?? process.env.PUPPETEER_EXECUTABLE_PATH;
  const installed = asked ? [asked] : (usual[process.platform] ?? []).filter((path) => existsSync(path));
  for (const executablePath of installed) {
    const headless = executablePath.includes("headless-shell") ? "shell" : true;
    yield { name: executablePath, find: async () => ({ executablePath, headless }) };
  }
  if (asked) return;
  yield {
    name: "@sparticuz/chromium",
    find: async () => {
      const { executablePath, env } = await unpackedChromium();
      return { executablePath, headless: "shell", env: { ...process.env, ...env } };
    },
  };
}

/**
 * Starts a headless browser with WebGL, WebGPU and, on pages that ask for it, cross-origin isolation.
 *
 * @returns `browser` (puppeteer's), its `name` for people, and `close`; or, where none can be started, the reasons as `unavailable`.
 */
export async function launchBrowser() {
  const reasons = [];
  for (const { name, find } of candidates()) {
    try {
      const browser = await puppeteer.launch({ ...(await find()), args: flags });
      return { browser, name: `${await browser.version()} (${name})`, close: () => browser.close() };
    } catch (error) {
      reasons.push(
        `${name}: ${error.message
          .trim()
          .replace(/\s*\n\s*/g, " ")
          .slice(0, 300)}`,
      );
    }
  }
  return { unavailable: reasons.join("; ") };
}

const types = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".mjs": "text/javascript",
  ".wasm": "application/wasm",
};

/**
 * Serves folders on the loopback address.
 *
 * @param folders What a file is looked for in, one after the other.
 * @param options `isolated`: pages get the two headers of cross-origin isolation, without which there is no SharedArrayBuffer.
 * @returns The `url` of the server, and `close`.
 */
export async function servePages(folders, { isolated = false } = {}) {
  const server = createServer(async ({ url = "/" }, response) => {
    const path = normalize(decodeURIComponent(new URL(url, "http://localhost").pathname));
    if (isolated) {
      response.setHeader("Cross-Origin-Opener-Policy", "same-origin");
      response.setHeader("Cross-Origin-Embedder-Policy", "require-corp");
    }
    for (const folder of folders) {
      try {
        const content = await readFile(join(folder, path.endsWith("/") ? `${path}index.html` : path));
        response.setHeader("Content-Type", types[extname(path) || ".html"] ?? "application/octet-stream");
        response.end(content);
        return;
      } catch {
        // It may lie in the next one.
      }
    }
    response.writeHead(404).end();
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${server.address().port}/`,
    close: () =>
      new Promise((resolve) => {
        server.close(resolve);
        // Chrome opens connections that it asks nothing of, and a server would wait for these for a minute or more.
        server.closeAllConnections();
      }),
  };
}
