/** What the machine can do at most: multiply-adds of 128 bits, and copies; measured in the same turns as what is held against it. */
import type { Contender } from "./measure.js";

const named = (name: string): number[] => [name.length, ...Buffer.from(name)];
const section = (id: number, bytes: readonly number[]): number[] => [id, ...length(bytes.length), ...bytes];
/** A number in LEB128. */
const length = (value: number): number[] => (value < 128 ? [value] : [(value & 127) | 128, ...length(value >> 7)]);

/** Numbers that are computed without waiting for each other: as many as registers hold beside an operand. */
const CHAINS = 14;

/** Multiply-adds in one turn of the loop: multiplications and additions are chains of their own where no instruction does both, so that neither waits for the other. */
const multiplyAdds = (relaxed: boolean): number => (relaxed ? CHAINS : CHAINS / 2);

/** A loop in registers, which touches no memory: (times, x) → the sum of all chains, so that none is left out. */
function loop(relaxed: boolean): Uint8Array<ArrayBuffer> {
  const [x, first] = [2, 3];
  const get = (local: number): number[] => [0x20, local];
  const set = (local: number): number[] => [0x21, local];
  const [add, multiply, multiplyAdd] = [
    [0xfd, 0xe4, 0x01],
    [0xfd, 0xe6, 0x01],
    [0xfd, 0x85, 0x02],
  ] as const;
  const chains = Array.from({ length: CHAINS }, (_, i) => first + i);
  const next = (chain: number): number[] => [
    ...get(chain),
    ...get(x),
    ...(relaxed ? [...get(x), ...multiplyAdd] : chain % 2 ? multiply : add),
    ...set(chain),
  ];
  const body = [
    ...[1, 1 + CHAINS, 0x7b],
    ...[x, ...chains].flatMap((local) => [...get(1), 0xfd, 0x13, ...set(local)]),
    ...[0x03, 0x40, ...chains.flatMap(next)],
    ...[...get(0), 0x41, 1, 0x6b, 0x22, 0, 0x0d, 0, 0x0b],
    ...chains.flatMap((chain, i) => [...get(chain), ...(i ? add : [])]),
    ...[0xfd, 0x1f, 0, 0x0b],
  ];
  return Uint8Array.from([
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, [1, 0x60, 2, 0x7f, 0x7d, 1, 0x7d]),
    ...section(3, [1, 0]),
    ...section(7, [1, ...named("run"), 0, 0]),
    ...section(10, [1, ...length(body.length), ...body]),
  ]);
}

/** Whether this engine has multiply-add in one instruction. */
export const hasMultiplyAdd = (): boolean => WebAssembly.validate(loop(true));

/** Does work so many times in a turn, and tells each time's milliseconds by the clock and of the processor. */
export function repeated(step: () => unknown, times: number, dispose: () => void = () => {}): Contender {
  return {
    time() {
      const [wall, cpu] = [performance.now(), process.cpuUsage()];
      for (let i = 0; i < times; i++) step();
      const { user, system } = process.cpuUsage(cpu);
      return { wall: (performance.now() - wall) / times, cpu: (user + system) / 1e3 / times };
    },
    dispose,
  };
}

/** So many floating point operations at the peak: with one instruction for multiply-add where the engine has it. */
export function peak(flops: number, times: number): Contender {
  const instance = new WebAssembly.Instance(new WebAssembly.Module(loop(hasMultiplyAdd())));
  const run = instance.exports.run as (times: number, x: number) => number;
  const rounds = Math.max(1, Math.round(flops / (multiplyAdds(hasMultiplyAdd()) * 4 * 2)));
  // Chains stay at one, or grow slowly.
  return repeated(() => run(rounds, 1), times);
}

/** A copy that reads and writes so many bytes together. */
export function copy(bytes: number, times: number): Contender {
  const from = new Float32Array(bytes / 8).fill(1);
  const to = new Float32Array(from.length).fill(2);
  return repeated(() => to.set(from), times);
}
