import { sha256 } from '../disk/sha256.ts';

/** File systems allow 255 bytes; the name of a temporary file adds 22. */
const maxLength = 220;
const digestLength = 32;

/** Shortens an ASCII name that is too long for a file name: the end is replaced by a digest, which keeps it unique. */
export function fitFileName(name: string): string {
  if (name.length <= maxLength) return name;
  const digest = sha256(name).slice(0, digestLength);
  return `${name.slice(0, maxLength - digestLength - 1)}-${digest}`;
}
