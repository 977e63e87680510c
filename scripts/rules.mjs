/**
 * Writes docs/rules.md, the page of every update rule, from the rules themselves: formulas and sources from their docstrings, hyperparameters from their declarations,
 * costs from their programs. Run after a build.
 *
 *   node scripts/rules.mjs            writes the page
 *   node scripts/rules.mjs --check    fails where the page is not what would be written
 */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import ts from "typescript";
import { learned } from "../packages/core/dist/index.js";
import { passesOf } from "../packages/core/dist/passes/passes.js";
import { planOf } from "../packages/core/dist/plan/plan.js";
import { reachOf } from "../packages/core/dist/plan/reach.js";
import { ftp } from "../packages/ftp/dist/index.js";
import * as optimizers from "../packages/optimizers/dist/index.js";

const root = fileURLToPath(new URL("..", import.meta.url));
const page = `${root}docs/rules.md`;

/** What stands on the page, in this order; the check says where one is forgotten. */
const sections = [
  ["Gradient descent", ["sgd", "sgdw", "lars", "lion", "rprop"]],
  ["Adaptive rates", ["rmsprop", "adagrad", "adadelta"]],
  [
    "The family of Adam",
    ["adam", "adamw", "amsgrad", "adamax", "nadam", "radam", "yogi", "adabelief", "adan", "ademamix", "lamb"],
  ],
  ["Without a learning rate", ["dAdaptAdam", "prodigy", "scheduleFreeSgd", "scheduleFreeAdamw", "mechanic"]],
  ["Matrices", ["muon", "shampoo"]],
  [
    "Around any rule",
    ["clipByValue", "clipByNorm", "clipByGlobalNorm", "l2", "averaged", "lookahead", "cautious", "ftp"],
  ],
  ["Learned rates", ["additive", "multiplicative", "relativeSgd", "sgdHd", "adamHd", "gdtuo"]],
  ["For groups", ["frozen"]],
];

/** Settings that a rule needs to show all that it has, and its variants that are rules of their own. */
const variants = {
  sgd: { "with momentum": { momentum: 0.9 }, "with Nesterov momentum": { momentum: 0.9, nesterov: true } },
  rmsprop: { centered: { centered: true }, "with momentum": { momentum: 0.9 } },
  ademamix: { "with a warm-up": { warmup: 1000 } },
};

// ── Docstrings ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

const sourcesIn = (folder) => readdirSync(folder).filter((name) => name.endsWith(".ts"));

/** The text of a docstring, without tags. */
function plainText(comment) {
  const lines = comment.split("\n").map((line) => line.replace(/^\s*\* ?/, "").trimEnd());
  const tag = lines.findIndex((line) => line.trim().startsWith("@"));
  return lines
    .slice(0, tag < 0 ? undefined : tag)
    .join("\n")
    .trim();
}

/** Exported name → the text of its docstring. */
function docstringsOf(folder, files) {
  const docs = new Map();
  for (const file of files) {
    const text = readFileSync(`${folder}/${file}`, "utf8");
    const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
    for (const statement of source.statements) {
      const exported = statement.modifiers?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword);
      const name = statement.name?.text ?? statement.declarationList?.declarations[0].name.text;
      const comment = (ts.getLeadingCommentRanges(text, statement.pos) ?? []).at(-1);
      if (!exported || !name || !comment || !(ts.isFunctionDeclaration(statement) || ts.isVariableStatement(statement)))
        continue;
      docs.set(name, plainText(text.slice(comment.pos + 3, comment.end - 2)));
    }
  }
  return docs;
}

const optimizersFolder = `${root}packages/optimizers/src`;
const docs = new Map([
  ...docstringsOf(
    optimizersFolder,
    sourcesIn(optimizersFolder).filter((name) => name !== "gdtuo.ts"),
  ),
  ...docstringsOf(`${root}packages/ftp/src`, ["ftp.ts"]),
]);

/** A namespace: what its module says, and its functions. */
function gdtuoText() {
  const text = readFileSync(`${optimizersFolder}/gdtuo.ts`, "utf8");
  const header = plainText(text.slice(text.indexOf("/**") + 3, text.indexOf("*/")));
  const functions = [...docstringsOf(optimizersFolder, ["gdtuo.ts"])];
  return `${header}\n\n${functions.map(([name, doc]) => `- \`gdtuo.${name}\`: ${doc.replaceAll("\n", " ")}`).join("\n")}`;
}
docs.set("gdtuo", gdtuoText());

// ── Hyperparameters ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

const grains = ["element", "channel", "tensor", "model"];

const number = (x) =>
  x >= 3e38
    ? "no limit"
    : x !== 0 && (Math.abs(x) < 1e-3 || Math.abs(x) >= 1e5)
      ? x.toExponential().replace("e+", "e")
      : String(x);

/** The rule with one hyperparameter learned. */
function learning(spec, name, per) {
  const { default: value, domain } = spec.rule.hyperparameters[name];
  const init = value >= 3e38 ? 1 : Math.min(Math.max(value, domain.min), domain.max);
  return { ...spec, settings: { ...spec.settings, [name]: learned(init, optimizers.sgd({ lr: 0 }), { per }) } };
}

/** The finest grain at which a hyperparameter can be learned: found by trying. */
function finestOf(spec, name) {
  return (
    grains.find((per) => {
      try {
        planOf(learning(spec, name, per));
        return true;
      } catch {
        return false;
      }
    }) ?? "–"
  );
}

/** The horizon from which on its hyper-gradient is not 0 in every step. */
function horizonOf(spec, name) {
  const { step, start } = reachOf(learning(spec, name, "model"), name);
  return step ?? (start === undefined ? "none" : "none: it is in the initial state alone");
}

function hyperparameterTable(spec, names) {
  if (names.length === 0) return "No hyperparameters.\n";
  const rows = names.map((name) => {
    const { domain, per } = spec.rule.hyperparameters[name];
    const setting = spec.settings[name];
    const shown = typeof setting === "number" ? number(setting) : "learned";
    return `| \`${name}\` | ${shown} | ${domain.description} | ${per} | ${finestOf(spec, name)} | ${horizonOf(spec, name)} |`;
  });
  return `| hyperparameter | default | domain | learned per, by default | per, at the finest | with a horizon of at least |\n| --- | --- | --- | --- | --- | --- |\n${rows.join("\n")}\n`;
}

// ── Cost ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Where the inputs of a program live: what covers a tensor is a number, and so are the slots named. */
function placesOf(program, numbers) {
  return new Map(
    program.instructions.flatMap(({ kind, grain }) => {
      if (kind.op !== "input") return [];
      return [[kind.name, (grain === "element" || grain === "channel") && !numbers.has(kind.name) ? grain : "host"]];
    }),
  );
}

/** The slots that begin as one number and stay one: found by assuming it of all, and dropping those that become arrays. */
function numbersOf({ rule }, { update }) {
  const numbers = new Set(Object.keys(rule.state).filter((name) => typeof rule.state[name].init === "number"));
  for (;;) {
    const { program, places } = passesOf(update, placesOf(update, numbers), false);
    const grown = [...numbers].filter(
      (name) => program.outputs.has(name) && places[program.outputs.get(name)] !== "host",
    );
    if (grown.length === 0) return numbers;
    for (const name of grown) numbers.delete(name);
  }
}

/** Loops over the elements of a tensor of a matrix's layout, the arrays that they read and those that they write. */
function costOf(spec) {
  const plan = planOf(spec);
  const cost = { passes: 0, reads: 0, writes: 0 };
  const numbers = numbersOf(spec, plan);
  for (const program of [...plan.rounds.map((round) => round.program), plan.update]) {
    for (const step of passesOf(program, placesOf(program, numbers), false).steps) {
      if (step.over !== "element") continue;
      cost.passes++;
      cost.reads += step.elements.filter((index) => !step.stores.includes(index)).length;
      cost.writes += step.stores.length;
    }
  }
  const state = Object.entries(spec.rule.state).filter(
    ([name, { grain }]) => grain === "element" && !numbers.has(name),
  ).length;
  return { ...cost, state };
}

const times = (n, what) => `${n} ${what}${n === 1 ? "" : "s"}`;

function costText(spec) {
  if (planOf(spec).still) return "Cost: none; the gradient is checked for NaN, as always.\n";
  const { passes, reads, writes, state } = costOf(spec);
  const operator = Object.values(spec.rule.stages ?? {}).some(({ kind }) => kind === "operator");
  return `Cost: ${times(passes, "pass").replace("passs", "passes")} over memory, ${times(reads, "array")} read and ${writes} written; ${times(state, "array")} of state.${operator ? " Its matrix products come on top." : ""}\n`;
}

// ── The page ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

const exported = new Map(Object.entries(optimizers));

const ruleOf = (spec) => (spec.kind === "rule" ? spec : ruleOf(spec.spec ?? spec.otherwise));

/** What calling an exported name gives: a rule, or a wrapper around SGD. */
function specOf(name, settings) {
  if (name === "ftp") return { spec: ruleOf(ftp(optimizers.sgd(), settings)), base: ruleOf(optimizers.sgd()) };
  const made = exported.get(name)(settings);
  if (typeof made !== "function") return { spec: ruleOf(made), base: undefined };
  return { spec: ruleOf(made(optimizers.sgd())), base: ruleOf(optimizers.sgd()) };
}

function entryOf(name) {
  const text = docs.get(name);
  if (text === undefined) throw new Error(`rules: ${name} has no docstring.`);
  const parts = [`### ${name}\n`, `${text}\n`];
  if (["additive", "multiplicative", "gdtuo"].includes(name)) return parts.join("\n");
  const { spec, base } = specOf(name, {});
  const own = Object.keys(spec.rule.hyperparameters).filter((each) => !base || !(each in base.rule.hyperparameters));
  parts.push(hyperparameterTable(spec, own));
  parts.push(
    base
      ? costText(spec).replace("Cost:", "Cost around plain SGD (alone: 1 pass, 2 arrays read and 1 written):")
      : costText(spec),
  );
  for (const [variant, settings] of Object.entries(variants[name] ?? {})) {
    const { spec: other } = specOf(name, settings);
    const more = Object.keys(other.rule.hyperparameters).filter((each) => !own.includes(each));
    parts.push(`**${variant}**${more.length > 0 ? "\n" : ""}`);
    if (more.length > 0) parts.push(hyperparameterTable(other, more));
    parts.push(costText(other));
  }
  return parts.join("\n");
}

const known = new Set(sections.flatMap(([, names]) => names));
const forgotten = Object.keys(optimizers).filter((name) => !known.has(name));
const gone = [...known].filter((name) => name !== "ftp" && !(name in optimizers));
if (forgotten.length + gone.length > 0) {
  console.error(
    `rules: not on the page: ${forgotten.join(", ") || "–"}; on the page, but not exported: ${gone.join(", ") || "–"}. Change \`sections\` in scripts/rules.mjs.`,
  );
  process.exit(1);
}

const text = `# Update rules

Every rule of \`@hypergrad/optimizers\`, and FTP. Every hyperparameter in the tables is a number, a schedule or learned: \`adamw({ beta2: learned(0.999, adam({ lr: 1e-3 }), { in: "logit" }) })\`.
This page is written by \`node scripts/rules.mjs\` from the rules themselves, and \`npm test\` checks that it is true.

**Grain** is what one learned value covers: the whole model, one tensor, one output channel, one element. *At the finest* says from where on the sensitivity would be a matrix. Learning
costs one array of state for each hyperparameter, its sensitivity, which is written in the step and read with the next gradient, and per element the values as well; a horizon above 1 costs one more for every slot
that depends on the hyperparameter.

**Horizon** is how many steps back a hyper-gradient looks, 1 unless \`learned\` is told otherwise. With less than stands in the table, and with *none* at all, no derivative leads from the hyperparameter to the parameter: it can be
learned, but never moves, and \`hyper\` says so.

**Cost** counts the loops over a tensor's elements that the fused kernels of \`@hypergrad/wasm\` run in a step with default settings, and the arrays of the tensor's size that they read and write. One more pass, over the
gradient, checks it for NaN and contracts it for the hyper-gradients. A pass ends where a sum over the tensor is needed before it can go on.

${sections.map(([title, names]) => `## ${title}\n\n${names.map(entryOf).join("\n")}`).join("\n")}`;

const tidy = `${text.trimEnd()}\n`;
if (process.argv.includes("--check")) {
  const written = readFileSync(page, "utf8");
  if (written !== tidy) {
    console.error("docs/rules.md is not what the rules say. Run: npm run build && node scripts/rules.mjs");
    process.exit(1);
  }
  console.log(`docs/rules.md is what the ${known.size} rules say.`);
} else {
  writeFileSync(page, tidy);
  console.log(`docs/rules.md: ${known.size} rules.`);
}
