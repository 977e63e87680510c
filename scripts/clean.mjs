/** Removes what the build and the documentation wrote; node_modules stays. */
import { rmSync } from "node:fs";
import { join } from "node:path";
import { root, workspacePackages } from "./workspace.mjs";

for (const { folder } of workspacePackages()) rmSync(join(root, folder, "dist"), { recursive: true, force: true });
rmSync(join(root, "docs", "api"), { recursive: true, force: true });
rmSync(join(root, "node_modules", ".cache"), { recursive: true, force: true });
