import { launchBrowser } from "./browser.mjs";
import { pathToFileURL } from "node:url";
const [file, prefix] = process.argv.slice(2);
const { browser, close } = await launchBrowser();
for (const [name, width] of [["wide", 1280], ["narrow", 390]])
  for (const scheme of ["light", "dark"]) {
    const page = await browser.newPage();
    await page.setViewport({ width, height: 844, deviceScaleFactor: width < 500 ? 2 : 1 });
    await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
    await page.goto(pathToFileURL(file).href);
    await new Promise((r) => setTimeout(r, 500));
    const h = await page.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.scrollHeight]);
    console.log(name, scheme, h.join("x"));
    const step = width < 500 ? 2400 : 2600;
    for (let y = 0, i = 0; y < h[1]; y += step, i++)
      await page.screenshot({ path: `${prefix}-${name}-${scheme}-${i}.png`, clip: { x: 0, y, width, height: Math.min(step, h[1] - y) }, captureBeyondViewport: true });
    await page.close();
  }
await close();
