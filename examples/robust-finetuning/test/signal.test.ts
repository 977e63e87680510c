import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const root = fileURLToPath(new URL("../../..", import.meta.url));

/** The processes in whose command line a text stands. */
function processesWith(text: string): string[] {
  if (process.platform !== "linux") {
    const lines = execFileSync("ps", ["-eo", "pid,args"], { encoding: "utf8" }).split("\n");
    return lines.filter((line) => line.includes(text)).map((line) => line.trim());
  }
  return readdirSync("/proc").flatMap((pid) => {
    try {
      const line = readFileSync(`/proc/${Number(pid)}/cmdline`, "utf8").replaceAll("\0", " ");
      return line.includes(text) ? [`${pid} ${line}`] : [];
    } catch {
      return [];
    }
  });
}

async function until(happened: () => boolean, seconds: number): Promise<void> {
  for (const end = Date.now() + 1000 * seconds; !happened() && Date.now() < end; ) {
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

describe.skipIf(process.platform === "win32")("npm start, when a signal ends npm alone,", () => {
  // SIGKILL gives npm no time to hand anything on: that its parent is gone, the study can only see by itself, and a shell in between hides it except on Linux.
  it.each(process.platform === "linux" ? (["SIGTERM", "SIGKILL"] as const) : (["SIGTERM"] as const))(
    "leaves nothing running, and no file, after %s",
    async (signal) => {
      const out = mkdtempSync(join(tmpdir(), "signal-"));
      const npm = spawn("npm", ["start", "--", "--quick", "--out", out], {
        cwd: root,
        stdio: ["ignore", "pipe", "pipe"],
      });
      try {
        let printed = "";
        for (const stream of [npm.stdout, npm.stderr])
          stream.setEncoding("utf8").on("data", (text) => (printed += text));
        await until(() => printed.includes("Backend:") || npm.exitCode !== null, 200);
        expect(printed).toContain("Backend:");
        expect(processesWith(out).length).toBeGreaterThan(0);
        npm.kill(signal);
        await until(() => processesWith(out).length === 0, 20);
        expect(processesWith(out)).toEqual([]);
        expect(readdirSync(out)).toEqual([]);
      } finally {
        for (const line of processesWith(out)) process.kill(Number(line.split(" ")[0]), "SIGKILL");
        rmSync(out, { recursive: true });
      }
    },
    240_000,
  );
});
