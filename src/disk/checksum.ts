/** Of bytes (FNV-1a over words of four): tells a torn file in a fraction of SHA-256's time, not a forged one. */
export function checksum(bytes: Uint8Array): number {
  const whole = bytes.length >> 2;
  const start = bytes.byteOffset;
  const words =
    start % 4 === 0
      ? new Uint32Array(bytes.buffer, start, whole)
      : new Uint32Array(bytes.buffer.slice(start, start + whole * 4));
  let sum = 0x811c9dc5;
  for (let at = 0; at < whole; at++) sum = Math.imul(sum ^ words[at]!, 0x01000193);
  for (let at = whole * 4; at < bytes.length; at++) sum = Math.imul(sum ^ bytes[at]!, 0x01000193);
  return sum >>> 0;
}
