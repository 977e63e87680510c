/**
 * What a worker runs, as text: it then needs no file of its own, which no bundler would find, and no minifier reads it.
 *
 * A worker sleeps until there is a job, takes chunks for as long as there are any, and sleeps again. It hears of nothing else: a module that it has not seen it compiles itself, from bytes in the memory.
 */
import { ARGUMENTS, at, COUNT, MODULES, READY, SCRATCH, SCRATCHED } from "./control.js";

/** The functions that a kernel may import and be run by a worker. */
export const imported: readonly string[] = ["exp", "log", "tanh"];

const start = `(memory, control, me) => {
  const ints = new Int32Array(control), numbers = new Float64Array(control), made = [], args = [];
  const compile = (place) => {
    const from = numbers[place];
    memory.grow(0); // It may have grown elsewhere.
    const module = new WebAssembly.Module(new Uint8Array(memory.buffer).slice(from, from + numbers[place + 1]));
    return Object.values(new WebAssembly.Instance(module, { env: { memory }, Math }).exports);
  };
  const work = () => {
    const number = ints[${at.module}], chunk = ints[${at.chunk}], size = ints[${at.size}], length = ints[${at.arguments}];
    for (;;) {
      const begin = Atomics.add(ints, ${at.next}, 1) * chunk;
      if (begin >= size) return;
      const kernel = (made[number] ??= compile(${MODULES} + 2 * number))[ints[${at.kernel}]];
      const end = Math.min(begin + chunk, size);
      let counted = false;
      for (let unit = begin; unit < end && !counted; unit++) {
        for (let i = 0; i < length; i++) {
          const place = ${ARGUMENTS} + 3 * i, kind = numbers[place], from = numbers[place + 1];
          if (kind === ${COUNT}) counted = true;
          args[i] = kind === ${COUNT} ? end - begin : kind === ${SCRATCHED} ? numbers[${SCRATCH} + me] + from : from + unit * numbers[place + 2];
        }
        args.length = length;
        kernel(...args);
      }
    }
  };
  Atomics.store(ints, ${READY} + me, 1);
  for (let turn = 0; ; turn = Atomics.load(ints, ${at.turn})) {
    Atomics.wait(ints, ${at.turn}, turn);
    Atomics.add(ints, ${at.inside}, 1);
    try {
      if (Atomics.load(ints, ${at.open})) work();
    } catch {
      Atomics.store(ints, ${at.failed}, 1);
    }
    if (Atomics.sub(ints, ${at.inside}, 1) === 1) Atomics.notify(ints, ${at.inside});
  }
}`;

/** In Node, where a worker finds what it is given; and in a browser, where it is told. */
export const nodeText: string = `(${start})(...require("node:worker_threads").workerData)`;
export const browserText: string = `onmessage = ({ data }) => (${start})(...data)`;
