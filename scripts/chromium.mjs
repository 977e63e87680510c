/**
 * The Chromium that comes inside @sparticuz/chromium, unpacked once under node_modules/.cache, with the few libraries that it wants of a
 * machine (NSS, expat), a font, and SwiftShader, which is a Vulkan device in software.
 *
 * The package unpacks straight into os.tmpdir(), and takes whatever lies there under the right name to be whole. Here a process of its own
 * unpacks into a folder of its own, which then gets its name in one step: who comes second, or too late, finds all of it or nothing.
 */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { readJson, root, run } from "./workspace.mjs";

const { version } = readJson(join(root, "node_modules", "@sparticuz", "chromium", "package.json"));
const cache = join(root, "node_modules", ".cache");
const folder = join(cache, `chromium-${version}`);

const fontsConfiguration = `<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <dir>${join(folder, "fonts")}</dir>
  <dir>/usr/share/fonts</dir>
  <cachedir>${join(cache, "fontconfig")}</cachedir>
</fontconfig>
`;

/** Removes what processes that were killed left half unpacked. */
function sweep() {
  for (const name of readdirSync(cache)) {
    const path = join(cache, name);
    if (!name.startsWith("unpacking-")) continue;
    const old = Date.now() - (statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0) > 3_600_000;
    if (old) rmSync(path, { recursive: true, force: true });
  }
}

async function unpack() {
  mkdirSync(cache, { recursive: true });
  sweep();
  const staging = mkdtempSync(join(cache, "unpacking-"));
  try {
    // It keeps the libraries to itself unless it believes that it is in a function of AWS.
    const env = { ...process.env, TMPDIR: staging, AWS_EXECUTION_ENV: "AWS_Lambda_nodejs20.x" };
    const { code, output } = await run([process.execPath, join(root, "scripts", "unpack-chromium.mjs")], { env });
    if (code !== 0) throw new Error(`@sparticuz/chromium ${version} does not unpack: ${output.trim()}`);
    writeFileSync(join(staging, "fonts", "fonts.conf"), fontsConfiguration);
    renameSync(staging, folder);
  } catch (error) {
    // Another process was faster, which is as good.
    if (!existsSync(folder)) throw error;
  } finally {
    rmSync(staging, { recursive: true, force: true });
  }
}

/**
 * Unpacks it where nobody has.
 *
 * @returns The executable, and the environment in which it, and whatever looks for a Vulkan device, has to be started.
 * @throws Error on a machine for which the package has no executable.
 */
export async function unpackedChromium() {
  if (process.platform !== "linux" || process.arch !== "x64") {
    throw new Error(`@sparticuz/chromium is for Linux on x64; this is ${process.platform} on ${process.arch}`);
  }
  if (!existsSync(folder)) await unpack();
  const libraries = [folder, join(folder, "al2023", "lib"), process.env.LD_LIBRARY_PATH].filter(Boolean);
  return {
    executablePath: join(folder, "chromium"),
    version,
    env: {
      LD_LIBRARY_PATH: libraries.join(delimiter),
      FONTCONFIG_PATH: join(folder, "fonts"),
      VK_ICD_FILENAMES: join(folder, "vk_swiftshader_icd.json"),
    },
  };
}
