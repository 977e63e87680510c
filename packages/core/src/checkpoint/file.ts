/**
 * Checkpoints as files: safetensors with a checksum, so that a damaged file is refused and never trained on.
 *
 * The checksum is the first entry of the header's metadata, eight hexadecimal digits at a fixed place. It is taken of all bytes of the file, with zeros in its own place.
 */
import { shown } from "../expression/shown.js";
import { type Checkpoint, checkVariables, FORMAT } from "./checkpoint.js";
import { crc32 } from "./crc32.js";
import { decodeSafetensors, encodeSafetensors } from "./safetensors.js";

const UNKNOWN = "00000000";

/** How a file begins, after the length of its header. */
const beginning = new TextEncoder().encode('{"__metadata__":{"checksum":"');

/** Where the digits stand. */
const digits = { from: 8 + beginning.length, to: 8 + beginning.length + UNKNOWN.length };

/** The checksum of a file, whatever stands in its place. */
function checksumOf(bytes: Uint8Array): string {
  const before = crc32(bytes.subarray(0, digits.from));
  const all = crc32(bytes.subarray(digits.to), crc32(new TextEncoder().encode(UNKNOWN), before));
  return all.toString(16).padStart(UNKNOWN.length, "0");
}

const damaged = "The file is damaged; copy it again from its source.";

/**
 * A checkpoint as the bytes of a safetensors file.
 *
 * `await fs.writeFile("run.safetensors", encodeCheckpoint(await optimizer.checkpoint()))`
 */
export function encodeCheckpoint({ format, structure, variables, tensors }: Checkpoint): Uint8Array {
  const metadata = { checksum: UNKNOWN, format, structure, variables: JSON.stringify(variables) };
  const bytes = encodeSafetensors({ tensors, metadata });
  bytes.set(new TextEncoder().encode(checksumOf(bytes)), digits.from);
  return bytes;
}

/**
 * The checkpoint in the bytes of a file that `encodeCheckpoint` made. A file of the first versions, which has no checksum, is read with a warning.
 *
 * @throws Error for a file that is truncated, damaged or none of ours.
 */
export function decodeCheckpoint(bytes: Uint8Array): Checkpoint {
  const { tensors, metadata } = decodeSafetensors(bytes);
  const { format, structure, variables } = metadata;
  if (format !== FORMAT || structure === undefined || variables === undefined) {
    throw new Error(
      `checkpoint: the file's format is ${shown(format)}; expected "${FORMAT}". It holds tensors, but not an optimizer's.`,
    );
  }
  checkChecksum(bytes, metadata);
  let shapes: Checkpoint["variables"];
  try {
    shapes = JSON.parse(variables);
  } catch (cause) {
    throw new Error(`checkpoint: the list of its variables is not JSON. ${damaged}`, { cause });
  }
  checkVariables(shapes, damaged);
  return { format, structure, variables: shapes, tensors };
}

function checkChecksum(bytes: Uint8Array, metadata: Readonly<Record<string, string>>): void {
  // The first versions wrote these three and nothing else: one whose name was damaged is not taken for a file without a checksum.
  if (Object.keys(metadata).sort().join() === "format,structure,variables") {
    console.warn(
      "checkpoint: the file has no checksum, as an earlier version wrote it, so damage may go unnoticed. Encode it again to give it one.",
    );
    return;
  }
  const found = beginning.every((byte, i) => byte === bytes[8 + i]) ? metadata.checksum : undefined;
  const expected = checksumOf(bytes);
  if (found === expected) return;
  throw new Error(
    `checkpoint: the file is not what was written: its checksum is ${expected}, and it says ${shown(found)}. ${damaged}`,
  );
}
