/**
 * The files that a study leaves behind. They are tried before the first run, so that no work is lost to a wrong path, and written whole or not at all: each next to its place first, and moved
 * there when all are complete.
 */
import { existsSync, mkdirSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";

/** Where a file goes, and which option of the command line says so. */
export interface Output {
  readonly option: string;
  readonly path: string;
}

/** Where a file is written before it is moved to its place: in the same folder, so that moving it is one step of the file system. */
const draftOf = (path: string) => join(dirname(path), `.${basename(path)}.draft`);

const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error));

/**
 * Makes the folders, and tries to write.
 *
 * @throws Error that names the option, where a file cannot be written there.
 */
export function tryOutputs(outputs: readonly Output[]): void {
  for (const { option, path } of outputs) {
    makeFolder(option, dirname(path));
    if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) {
      throw new Error(`${option}: ${path} is a folder; expected a place for a file.`);
    }
    const draft = draftOf(path);
    try {
      writeFileSync(draft, "");
      rmSync(draft);
    } catch (error) {
      throw new Error(`${option}: nothing can be written in ${dirname(path)} (${messageOf(error)}); give another.`);
    }
  }
}

/** Makes a folder and those above it, one by one: Node's own recursive way does not end where the system denies that the folder above is there, as it does below /proc. */
function makeFolder(option: string, folder: string): void {
  if (existsSync(folder)) {
    if (statSync(folder).isDirectory()) return;
    throw new Error(`${option}: ${folder} is a file; expected a folder.`);
  }
  makeFolder(option, dirname(folder));
  try {
    mkdirSync(folder);
  } catch (error) {
    throw new Error(`${option}: the folder ${folder} cannot be made (${messageOf(error)}); give another.`);
  }
}

/**
 * Writes files, all or none: where one cannot be written, as on a full disk, those that were there stay as they were.
 *
 * @throws Error that names the option.
 */
export function writeOutputs(outputs: readonly (Output & { readonly text: string })[]): void {
  // From here on a signal waits until every file is in its place.
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(1));
  try {
    for (const { option, path, text } of outputs) {
      try {
        writeFileSync(draftOf(path), text, { flush: true });
      } catch (error) {
        throw new Error(`${option}: ${path} cannot be written (${messageOf(error)}); nothing was changed there.`);
      }
    }
    for (const { path } of outputs) renameSync(draftOf(path), path);
  } finally {
    for (const { path } of outputs) rmSync(draftOf(path), { force: true });
  }
}
