import picocolors from 'picocolors';
import type { Paint } from './reporter.ts';

/** Returns functions that color text, or that return it as it is if `isOn` is false. */
export function makePaint(isOn: boolean): Paint {
  const colors = picocolors.createColors(isOn);
  return { good: colors.green, bad: colors.red, dim: colors.dim, bold: colors.bold, warn: colors.yellow };
}
