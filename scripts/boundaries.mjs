/**
 * The house rules between packages:
 *  1. a source imports only what its own package.json declares, and a package only in the direction of the arrows
 *     examples → ftp → optimizers → core;
 *  2. the libraries import, of TensorFlow.js, only tfjs-core; only core may name a backend, and only in a dynamic import;
 *  3. what tests rules (src/testing, and fast-check) is imported by nothing else of a library;
 *  4. within core and wasm, folders are wings, and each imports only those below it; no imports go round in a circle, anywhere;
 *  5. a source, and a test, has at most 300 lines: what is longer is two ideas;
 *  6. every library has a README, the MIT license, and an exports map whose every file exists and loads after a build.
 */
import { existsSync, readFileSync } from "node:fs";
import { builtinModules } from "node:module";
import { join, relative } from "node:path";
import { pathToFileURL } from "node:url";
import ts from "typescript";
import { filesUnder, root, workspacePackages } from "./workspace.mjs";

/** What a library may import of the others; examples and benchmarks may import all. */
const below = {
  "@hypergrad/core": [],
  "@hypergrad/wasm": ["@hypergrad/core"],
  "@hypergrad/optimizers": ["@hypergrad/core"],
  "@hypergrad/ftp": ["@hypergrad/core", "@hypergrad/optimizers"],
};

/** The wings of a library, from the bottom: each imports itself and those before it. What lies beside them, an entry, imports all. */
const wings = {
  "packages/core": ["expression", "executors", "passes", "rule", "plan", "tower", "checkpoint", "optimizer", "testing"],
  "packages/wasm": ["heap", "threads", "tape", "fused", "kernels", "chains"],
};

const LINES = 300;

const problems = [];
const packages = workspacePackages();

/** Every module specifier of a source, with whether a dynamic import names it. */
function imports(path) {
  const source = ts.createSourceFile(path, readFileSync(path, "utf8"), ts.ScriptTarget.Latest, true);
  const found = [];
  const visit = (node) => {
    const dynamic = ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword;
    const typed = ts.isImportTypeNode(node);
    const specifier = dynamic
      ? node.arguments[0]
      : typed
        ? node.argument.literal
        : ts.isImportDeclaration(node) || ts.isExportDeclaration(node)
          ? node.moduleSpecifier
          : undefined;
    if (specifier && ts.isStringLiteralLike(specifier)) {
      // A type leaves no import behind at run time, so it binds a package to another no more than a dynamic import does.
      const soft = dynamic || typed || node.importClause?.isTypeOnly || node.isTypeOnly || false;
      found.push({ specifier: specifier.text, soft });
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

function checkImports({ folder, manifest }) {
  const library = folder.startsWith("packages/");
  const declared = new Set(
    Object.keys({
      ...manifest.dependencies,
      ...manifest.peerDependencies,
      ...(library ? {} : manifest.devDependencies),
    }),
  );
  const sourceFolder = join(root, folder, "src");
  for (const path of filesUnder(sourceFolder, (file) => /\.m?ts$/.test(file))) {
    const where = relative(root, path);
    for (const { specifier, soft } of imports(path)) {
      const testing = where.includes("/src/testing/");
      if (library && !testing && (specifier === "fast-check" || /\/testing\//.test(specifier))) {
        problems.push(`${where} imports ${specifier}: what tests rules is for tests; only src/testing imports it`);
      }
      if (specifier.startsWith(".")) {
        if (!join(path, "..", specifier).startsWith(sourceFolder) && library) {
          problems.push(`${where} imports ${specifier}, which is outside of its package's src`);
        }
        continue;
      }
      if (specifier.startsWith("node:")) continue;
      if (builtinModules.includes(specifier)) {
        problems.push(`${where} imports ${specifier}: write node:${specifier}`);
        continue;
      }
      const name = specifier.split("/", specifier.startsWith("@") ? 2 : 1).join("/");
      if (name === manifest.name) {
        problems.push(`${where} imports its own package ${name}: use a relative path`);
      } else if (!declared.has(name)) {
        problems.push(`${where} imports ${name}, which ${folder}/package.json does not declare`);
      }
      if (!library) continue;
      if (name.startsWith("@hypergrad/") && !below[manifest.name]?.includes(name)) {
        problems.push(
          `${where} imports ${name}: ${manifest.name} may import only ${below[manifest.name]?.join(", ") || "no other package"}`,
        );
      }
      const backend = name.startsWith("@tensorflow/") && name !== "@tensorflow/tfjs-core";
      if (backend && manifest.name !== "@hypergrad/wasm" && !(manifest.name === "@hypergrad/core" && soft)) {
        problems.push(
          `${where} imports ${name}: of TensorFlow.js the libraries import only tfjs-core (core: backends dynamically)`,
        );
      }
    }
  }
}

/** Every source of a package, with the sources that it imports. */
function graphOf({ folder }) {
  const files = filesUnder(join(root, folder, "src"), (file) => file.endsWith(".ts"));
  const target = (path, specifier) => join(path, "..", specifier).replace(/\.js$/, ".ts");
  return new Map(
    files.map((path) => {
      const relatives = imports(path).filter(({ specifier }) => specifier.startsWith("."));
      return [path, relatives.map(({ specifier }) => target(path, specifier)).filter((other) => files.includes(other))];
    }),
  );
}

function checkWings({ folder }, graph) {
  const order = wings[folder];
  if (!order) return;
  const source = join(root, folder, "src");
  const floor = (path) => {
    const [wing, ...rest] = relative(source, path).replaceAll("\\", "/").split("/");
    return rest.length === 0 ? order.length : order.indexOf(wing);
  };
  for (const [path, others] of graph) {
    if (floor(path) < 0) problems.push(`${relative(root, path)} is in no wing; there are ${order.join(", ")}`);
    for (const other of others) {
      if (floor(other) <= floor(path)) continue;
      problems.push(
        `${relative(root, path)} imports ${relative(root, other)}, which is above it: ${order.join(" ← ")}`,
      );
    }
  }
}

/** Walks along imports; a file that is met again on the way closes a circle. */
function checkCircles(graph) {
  const done = new Set();
  const visit = (path, way) => {
    if (way.includes(path)) {
      const circle = [...way.slice(way.indexOf(path)), path].map((file) => relative(root, file));
      problems.push(`imports go round in a circle: ${circle.join(" → ")}`);
      return;
    }
    if (done.has(path)) return;
    for (const other of graph.get(path)) visit(other, [...way, path]);
    done.add(path);
  };
  for (const path of graph.keys()) visit(path, []);
}

function checkLength({ folder }) {
  for (const path of filesUnder(join(root, folder), (file) => /\.m?ts$/.test(file))) {
    const lines = readFileSync(path, "utf8").split("\n").length - 1;
    if (lines > LINES) problems.push(`${relative(root, path)} has ${lines} lines, more than ${LINES}: it is two ideas`);
  }
}

async function checkLibrary({ folder, manifest }) {
  const wants = (condition, text) => condition || problems.push(`${folder}: ${text}`);
  wants(existsSync(join(root, folder, "README.md")), "has no README.md");
  wants(manifest.license === "MIT", 'package.json has no "license": "MIT"');
  wants(manifest.type === "module", 'package.json has no "type": "module"');
  wants(manifest.sideEffects !== undefined, 'package.json has no "sideEffects"');
  wants(manifest.exports?.["."]?.types && manifest.exports["."].default, 'exports has no "." with types and default');
  for (const [entry, target] of Object.entries(manifest.exports ?? {})) {
    for (const [condition, file] of Object.entries(typeof target === "string" ? { default: target } : target)) {
      const path = join(root, folder, file);
      if (!existsSync(path))
        problems.push(`${folder}: exports["${entry}"].${condition} is ${file}, which does not exist`);
      else if (condition === "default" && file.endsWith(".js")) {
        await import(pathToFileURL(path).href).catch((error) =>
          problems.push(`${folder}: exports["${entry}"] does not load: ${error.message}`),
        );
      }
    }
  }
}

for (const each of packages) {
  checkImports(each);
  const graph = graphOf(each);
  checkWings(each, graph);
  checkCircles(graph);
  checkLength(each);
  if (each.folder.startsWith("packages/")) await checkLibrary(each);
}

if (problems.length > 0) {
  console.error(problems.join("\n"));
  process.exit(1);
}
console.log(`${packages.length} packages keep to the boundaries`);
