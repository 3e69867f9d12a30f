import { createHash } from 'node:crypto';
import type { RawManifest } from '../../src/model/registry.ts';
import type { FakeRegistry } from './fake-registry.ts';

const manifestType = 'application/vnd.oci.image.manifest.v1+json';
const indexType = 'application/vnd.oci.image.index.v1+json';
const predicates = { provenance: 'https://slsa.dev/provenance/v0.2', sbom: 'https://spdx.dev/Document' };

const digestOf = (bytes: Buffer): string => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

function rawManifest(mediaType: string, content: object): RawManifest {
  const body = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, ...content }));
  return { mediaType, digest: digestOf(body), body };
}

/** What BuildKit pushes beside an image. */
export interface Attached {
  readonly attest?: readonly (keyof typeof predicates)[];
  readonly annotations?: Readonly<Record<string, string>>;
}

/**
 * Makes an image in a registry one with attestations and annotations, as BuildKit pushes it: a tag points to an index of the image and
 * its attestations. Returns the digests.
 */
export async function attach(
  registry: FakeRegistry,
  tag: string,
  { attest = [], annotations }: Attached,
): Promise<{ readonly index: string; readonly image: string; readonly attestation: string }> {
  const repository = tag.slice(0, tag.lastIndexOf(':'));
  const put = async (manifest: RawManifest, name = `${repository}@${manifest.digest}`): Promise<string> => {
    await registry.put(name, manifest);
    return manifest.digest;
  };
  const plain = JSON.parse((await registry.manifest(tag)).body.toString('utf8')) as object;
  const image = rawManifest(manifestType, { ...plain, ...(annotations ? { annotations } : {}) });
  await put(image);
  const [config, statement] = [Buffer.from('{}'), Buffer.from('{"_type":"statement"}')];
  for (const blob of [config, statement]) registry.putBlob(repository, blob);
  const attestation = rawManifest(manifestType, {
    config: {
      mediaType: 'application/vnd.oci.image.config.v1+json',
      digest: digestOf(config),
      size: config.length,
    },
    layers: attest.map((kind) => ({
      mediaType: 'application/vnd.in-toto+json',
      digest: digestOf(statement),
      size: statement.length,
      annotations: { 'in-toto.io/predicate-type': predicates[kind] },
    })),
  });
  await put(attestation);
  const entry = ({ mediaType, digest, body }: RawManifest) => ({ mediaType, digest, size: body.length });
  const index = rawManifest(indexType, {
    manifests: [
      { ...entry(image), platform: { os: 'linux', architecture: 'amd64' } },
      {
        ...entry(attestation),
        annotations: {
          'vnd.docker.reference.digest': image.digest,
          'vnd.docker.reference.type': 'attestation-manifest',
        },
        platform: { os: 'unknown', architecture: 'unknown' },
      },
    ],
  });
  await put(index, tag);
  return { index: index.digest, image: image.digest, attestation: attestation.digest };
}
