/**
 * CRC-32, the checksum of zip, gzip and PNG: finds every change of up to 32 bits in a row, and all but one in 2³² of any other kind.
 *
 * The algorithm, with its table of 256 remainders, is that of the PNG specification (ISO/IEC 15948), annex D.
 */

const table = Uint32Array.from({ length: 256 }, (_, byte) => {
  let remainder = byte;
  for (let bit = 0; bit < 8; bit++) remainder = remainder & 1 ? 0xedb88320 ^ (remainder >>> 1) : remainder >>> 1;
  return remainder;
});

/**
 * The checksum of some bytes.
 *
 * @param before That of the bytes before these, where they are a later part of something.
 */
export function crc32(bytes: Uint8Array, before = 0): number {
  let crc = ~before;
  for (let i = 0; i < bytes.length; i++) {
    crc = (table[(crc ^ (bytes[i] as number)) & 0xff] as number) ^ (crc >>> 8);
  }
  return ~crc >>> 0;
}
