/** Returns the FNV-1a hash of bytes, four at a time. It detects torn files much faster than SHA-256, but not forged ones. */
export function checksum(bytes: Uint8Array): number {
  const wordCount = bytes.length >> 2;
  const start = bytes.byteOffset;
  const words =
    start % 4 === 0
      ? new Uint32Array(bytes.buffer, start, wordCount)
      : new Uint32Array(bytes.buffer.slice(start, start + wordCount * 4));
  let sum = 0x811c9dc5;
  for (let at = 0; at < wordCount; at++) sum = Math.imul(sum ^ words[at]!, 0x01000193);
  for (let at = wordCount * 4; at < bytes.length; at++) sum = Math.imul(sum ^ bytes[at]!, 0x01000193);
  return sum >>> 0;
}
