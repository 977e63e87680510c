/** Unpacks the Chromium of npm into os.tmpdir(), as its package does; see chromium.mjs, which has it done elsewhere. */
import chromium from "@sparticuz/chromium";

await chromium.executablePath();
