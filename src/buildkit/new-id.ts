import { randomBytes } from 'node:crypto';

/** Returns an ID as BuildKit makes them: 25 letters and digits (moby/buildkit identity/randomid.go). */
export function newId(): string {
  return randomBytes(16).toString('hex').slice(0, 25);
}
