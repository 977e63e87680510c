import { spawnSync } from "node:child_process";
import { unpackedChromium } from "/work/wt/lead/scripts/chromium.mjs";

const { env } = await unpackedChromium();
for (let i = 0; i < 6; i++) {
  const t = Date.now();
  const r = spawnSync(
    process.execPath,
    ["/work/wt/lead/node_modules/.cache/environments/node.mjs", '{"backend":"webgpu"}'],
    { env: { ...process.env, ...env }, encoding: "utf8", maxBuffer: 2 ** 28 },
  );
  console.log(i, r.status, r.signal, (Date.now() - t) / 1000, r.stdout.length, r.stderr.slice(0, 300));
}
