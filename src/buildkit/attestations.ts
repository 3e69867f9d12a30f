import type { ImageTask } from '../model/task.ts';

/**
 * Returns the frontend's attributes for the attestations of an image (moby/buildkit frontend/attestations/parse.go). Without them a
 * builder makes none.
 */
export function attestationAttributes({
  provenance,
  sbom,
}: NonNullable<ImageTask['attest']> = {}): Record<string, string> {
  return {
    ...(provenance === undefined ? {} : { 'attest:provenance': `mode=${provenance}` }),
    ...(sbom === undefined ? {} : { 'attest:sbom': sbom === true ? '' : `generator=${sbom}` }),
  };
}

/** Returns the exporter's attributes for annotations of the image's own manifest (exporter/containerimage/exptypes/annotations.go). */
export function annotationAttributes(
  annotations: NonNullable<ImageTask['annotations']> = {},
): Record<string, string> {
  return Object.fromEntries(
    Object.entries(annotations).map(([name, value]) => [`annotation.${name}`, value]),
  );
}
