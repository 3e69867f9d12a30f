import { createHash } from 'node:crypto';

/** File systems take 255 bytes; what is being written has 22 more. */
const most = 220;
const digits = 32;

/** A name of plain ASCII as the name of a file: a longer one than file systems take is cut, and told from others by its digest. */
export function fitFileName(name: string): string {
  if (name.length <= most) return name;
  const digest = createHash('sha256').update(name).digest('hex').slice(0, digits);
  return `${name.slice(0, most - digits - 1)}-${digest}`;
}
