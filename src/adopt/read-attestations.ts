import type { Attestations } from '../model/task.ts';

type Omit = (what: string) => void;

/** Reads the pairs of `type=provenance,mode=max` and `type=sbom,generator=IMAGE`. */
export function readAttestations(all: readonly Readonly<Record<string, string>>[], omit: Omit): Attestations {
  const attest: { -readonly [K in keyof Attestations]: Attestations[K] } = {};
  for (const { type = '', disabled, ...more } of all) {
    if (type === 'provenance' || type === 'sbom') delete attest[type];
    if (disabled !== undefined && disabled !== 'false') continue;
    const { mode, generator, ...rest } = more;
    if (type === 'provenance') attest.provenance = mode === 'max' ? 'max' : 'min';
    else if (type === 'sbom') attest.sbom = generator ?? true;
    else omit(`attest type=${type}`);
    for (const option of Object.keys(rest)) omit(`attest ${type} option ${option}`);
  }
  return attest;
}

/** Reads `key=value`. What stands before a colon says what gets the annotation; without it, the image's manifest. */
export function readAnnotations(all: readonly string[], omit: Omit): Record<string, string> {
  const annotations: Record<string, string> = {};
  for (const text of all) {
    const [, place = 'manifest', name, value] = /^(?:([^:=]+):)?([^=:]+)=(.*)$/s.exec(text) ?? [];
    if (name === undefined) omit(`the annotation ${text}`);
    else if (place !== 'manifest') omit(`annotations of ${place}`);
    else annotations[name] = value!;
  }
  return annotations;
}
