/**
 * Makes the fixtures from a full folder of recorded trajectories: the same files with only the cases that the tests compare.
 *
 *   node packages/ftp/test/golden/make-fixtures.mjs FOLDER
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gunzipSync, gzipSync } from "node:zlib";

const here = (name) => fileURLToPath(new URL(name, import.meta.url));
const [folder] = process.argv.slice(2);
if (!folder) {
  console.error("Which folder? node packages/ftp/test/golden/make-fixtures.mjs FOLDER");
  process.exit(2);
}

/** Family → the optimizer classes that its cases may be made of. */
const selection = JSON.parse(readFileSync(here("selection.json"), "utf8"));
mkdirSync(here("fixtures"), { recursive: true });

let total = 0;
for (const [family, classes] of Object.entries(selection)) {
  for (const dtype of ["float64", "float32"]) {
    const file = `${family}_${dtype}.json.gz`;
    if (!existsSync(join(folder, file))) continue;
    const all = JSON.parse(gunzipSync(readFileSync(join(folder, file))).toString());
    const cases = all.cases.filter(
      ({ optimizer, names }) =>
        optimizer.split(" / ").every((name) => classes.includes(name)) &&
        // See recorded.ts.
        (optimizer !== "AdamHD" || names.length === 1),
    );
    const packed = gzipSync(JSON.stringify({ ...all, cases }), { level: 9 });
    writeFileSync(join(here("fixtures"), file), packed);
    total += packed.length;
    console.log(`${file}: ${cases.length} of ${all.cases.length} cases, ${packed.length} bytes`);
  }
}
console.log(`${total} bytes in all`);
