import type { Manifest, ManifestLine } from '../model/record.ts';

/**
 * Returns an ID for the leading layers of a task's image: the instructions up to the first RUN, the build args that they use,
 * and the needed images. Returns undefined if the image has no RUN, because such layers are not worth waiting for. The ID only
 * affects the order of builds.
 */
export function leadingLayers({ lines }: Manifest): string | undefined {
  const linesOf = (kind: string): ManifestLine[] => lines.filter((line) => line[0] === kind);
  const steps = linesOf('step');
  const end = steps.findIndex(([, , text]) => /^RUN\b/i.test(text));
  if (end < 0) return undefined;
  const leading = steps.slice(0, end + 1).map(([, , text]) => text);
  const args = linesOf('arg').filter(([, name]) => leading.some((text) => text.includes(name)));
  return JSON.stringify([leading, [...args, ...linesOf('need')].map(([, name, value]) => [name, value])]);
}
