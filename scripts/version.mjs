/** Makes the next version of the changesets in .changeset; what it has changed is to be looked at and committed. See "Release" in CONTRIBUTING.md. */
import { nextVersion } from "./packages/version.mjs";
import { root } from "./workspace.mjs";

try {
  const version = await nextVersion(root, new Date().toISOString().slice(0, 10));
  console.log(`Version ${version}. Look at what has changed, and commit it; then: npm run release -- --dry-run`);
} catch (error) {
  console.error(error.message);
  process.exit(1);
}
