/**
 * A program that npm started ends when npm does. npm hands a signal on to the shell between the two at most, and the program behind the shell would go on by itself.
 */
import { readFileSync } from "node:fs";

/** The parent's name and its own parent, where the system tells (Linux). */
function parentOf(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const end = stat.lastIndexOf(")");
    return { name: stat.slice(stat.indexOf("(") + 1, end), parent: stat.slice(end + 2).split(" ")[1] };
  } catch {
    return undefined;
  }
}

/** Who started this program: its parent, and the shell's parent where the parent is a shell. */
function starters() {
  const shell = parentOf(process.ppid);
  return shell && /sh$/.test(shell.name) ? `${process.ppid} ${shell.parent}` : String(process.ppid);
}

/** Ends this program soon after the npm that started it has ended. */
export function endWithNpm() {
  if (!process.env.npm_lifecycle_event) return;
  const before = starters();
  const watch = setInterval(() => {
    if (starters() !== before) process.exit(1);
  }, 250);
  watch.unref();
}
