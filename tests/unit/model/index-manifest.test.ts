import { createHash } from 'node:crypto';
import * as fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { composeIndex, type IndexMember } from '../../../src/model/index-manifest.ts';

const test = suite('indexes');
const oci = 'application/vnd.oci.image.manifest.v1+json';
const docker = 'application/vnd.docker.distribution.manifest.v2+json';
const member = (platform: string, mediaType = oci): IndexMember => ({
  platform,
  manifest: { mediaType, digest: `sha256:${createHash('sha256').update(platform).digest('hex')}`, size: 7 },
});

test('an OCI index, or the list of docker if all images are of its own format', () => {
  const { mediaType, digest, body } = composeIndex([member('linux/arm64/v8'), member('linux/amd64')]);
  assert.is(mediaType, 'application/vnd.oci.image.index.v1+json');
  assert.is(digest, `sha256:${createHash('sha256').update(body).digest('hex')}`);
  const index = JSON.parse(body.toString('utf8')) as { mediaType: string; manifests: object[] };
  assert.is(index.mediaType, mediaType);
  assert.equal(
    index.manifests.map((each) => (each as { platform: object }).platform),
    [
      { os: 'linux', architecture: 'amd64' },
      { os: 'linux', architecture: 'arm64' },
    ],
  );
  const lists = composeIndex([member('linux/amd64', docker), member('linux/arm/v7', docker)]);
  assert.is(lists.mediaType, 'application/vnd.docker.distribution.manifest.list.v2+json');
  assert.match(lists.body.toString(), '"variant":"v7"');
  assert.is(composeIndex([member('linux/amd64', docker), member('linux/arm64')]).mediaType, mediaType);
});

test('the same images in any order are the same bytes; another image is another index', () => {
  const names = ['linux/amd64', 'linux/arm64', 'linux/arm/v6', 'linux/arm/v7', 'linux/s390x'];
  fc.assert(
    fc.property(fc.shuffledSubarray(names, { minLength: 2 }), (chosen) => {
      const members = chosen.map((name) => member(name));
      const { digest } = composeIndex(members);
      assert.is(composeIndex([...members].reverse()).digest, digest);
      assert.is.not(composeIndex(members.slice(1)).digest, digest);
    }),
  );
});

test.run();
