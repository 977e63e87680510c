/** Runs what the imports before this one have described, and writes what became of every test: `node bundle.cjs RESULTS WORD…`. */
import { writeFileSync } from "node:fs";

const [results, ...words] = process.argv.slice(2);
const env = jasmine.getEnv();
const tests = [];
const times = new Map();

env.configure({
  random: false,
  specFilter: (spec) => words.length === 0 || words.some((word) => spec.getFullName().includes(word)),
});
env.addReporter({
  specDone({ fullName, status, failedExpectations }) {
    if (status === "excluded") return;
    const name = fullName.replace(" wasm {}", "").replace(/ +/g, " ");
    // Some tests have the same name.
    const time = (times.get(name) ?? 0) + 1;
    times.set(name, time);
    const message = failedExpectations[0]?.message.split("\n")[0].slice(0, 300);
    tests.push({ name: time === 1 ? name : `${name} (${time})`, status, message });
  },
  jasmineDone() {
    writeFileSync(results, JSON.stringify(tests));
    process.exit(0);
  },
});
env.execute();
