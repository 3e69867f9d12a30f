import picocolors from 'picocolors';
import type { Paint } from './reporter.ts';

/** Colours, or none. */
export function makePaint(isOn: boolean): Paint {
  const colors = picocolors.createColors(isOn);
  return { good: colors.green, bad: colors.red, dim: colors.dim, bold: colors.bold, warn: colors.yellow };
}
