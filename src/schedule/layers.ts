import type { Manifest, ManifestLine } from '../model/record.ts';

/**
 * Names the layers that a task's image begins with: its instructions up to the first RUN, with the build args that they
 * mention and the needed images. Undefined where the image has no RUN: such layers are not worth waiting for. The name only
 * influences the order of builds.
 */
export function leadingLayers({ lines }: Manifest): string | undefined {
  const of = (kind: string): ManifestLine[] => lines.filter((line) => line[0] === kind);
  const steps = of('step');
  const end = steps.findIndex(([, , text]) => /^RUN\b/i.test(text));
  if (end < 0) return undefined;
  const leading = steps.slice(0, end + 1).map(([, , text]) => text);
  const args = of('arg').filter(([, name]) => leading.some((text) => text.includes(name)));
  return JSON.stringify([leading, [...args, ...of('need')].map(([, name, value]) => [name, value])]);
}
