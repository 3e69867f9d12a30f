import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { image } from '../../../src/define/index.ts';
import type { ImageFields } from '../../../src/define/types.ts';
import { indexMember } from '../../../src/model/index-manifest.ts';
import type { Step } from '../../../src/model/plan.ts';
import type { RemoteImage } from '../../../src/model/registry.ts';
import { findUnattached } from '../../../src/release/attachments.ts';
import { releasesOf, storeReleases } from '../../../src/release/releases.ts';
import { type Attached, attach } from '../../support/attest.ts';
import { type FakeRegistry, fakeRegistry } from '../../support/fake-registry.ts';
import { graphOf } from '../../support/graphs.ts';

const test = suite('attestations and annotations of a push');
const host = 'h:1/t';

type Fields = Pick<ImageFields<string>, 'attest' | 'annotations'>;

/** Returns the step of an image, and the image as a registry has it. */
async function published(
  registry: FakeRegistry,
  name: string,
  fields: Fields,
  attached?: Attached,
): Promise<{ step: Step; image: RemoteImage }> {
  const registryTag = `${host}/${name}:1-k0`;
  registry.push(registryTag, {
    id: `sha256:${'1'.repeat(64)}`,
    labels: {},
    platform: 'linux/amd64',
    created: 1,
  });
  if (attached !== undefined) await attach(registry, registryTag, attached);
  const definition = image({ name, versions: ['1'], context: 'a', ...fields });
  const task = graphOf({ definition }).tasks.get(`${name}:1`)!;
  return {
    step: { task, registryTag, action: 'reuse' } as unknown as Step,
    image: (await registry.image(registryTag, 'linux/amd64'))!,
  };
}

async function linesFor(
  ...all: readonly (readonly [name: string, Fields, Attached?])[]
): Promise<readonly string[]> {
  const registry = fakeRegistry();
  const found = await Promise.all(all.map((each) => published(registry, ...each)));
  return await findUnattached(
    found.map(({ step }) => step),
    new Map(found.map(({ step, image: each }) => [step.task.id, each])),
    registry,
  );
}

test('images with all that their definitions ask for are not listed, and asking for nothing costs no request', async () => {
  const fields = { attest: { provenance: 'max', sbom: true }, annotations: { a: 'b' } } as const;
  const attached = { attest: ['provenance', 'sbom'], annotations: { a: 'b', more: 'c' } } as const;
  assert.equal(await linesFor(['app', fields, attached], ['plain', {}], ['other', {}, attached]), []);
  const registry = fakeRegistry();
  const { step, image: found } = await published(registry, 'plain', {}, { attest: ['sbom'] });
  registry.calls.length = 0;
  await findUnattached([step], new Map([['plain:1', found]]), registry);
  assert.equal(registry.calls, []);
});

test('what is missing is listed by kind, with the tasks', async () => {
  const both = { attest: { provenance: 'min', sbom: 'scan:1' } } as const;
  assert.equal(
    await linesFor(
      ['none', both],
      ['none2', both],
      ['half', both, { attest: ['provenance'] }],
      ['old', { annotations: { a: 'new' } }, { annotations: { a: 'old' } }],
    ),
    [
      'published without provenance and an SBOM: none:1, none2:1',
      'published without an SBOM: half:1',
      'published without annotations: old:1',
    ],
  );
});

test('an index of several images contains their attestations, also in another repository', async () => {
  const registry = fakeRegistry();
  const { image: found } = await published(registry, 'app', {}, { attest: ['provenance'] });
  const ids = ['app:1@linux/amd64', 'app:1@linux/arm64'];
  const plain: RemoteImage = {
    ...found,
    manifest: { ...found.manifest, digest: found.digest },
    attestations: [],
  };
  const [release] = releasesOf(
    { published: new Map(ids.map((id) => [id, new Map()])), aliases: new Set(), notes: [] },
    new Map([
      [ids[0]!, found],
      [ids[1]!, plain],
    ]),
    (id) => id.slice('app:1@'.length),
  );
  const { manifests } = JSON.parse(release!.index!.body.toString('utf8')) as {
    manifests: { digest: string; platform: { os: string }; annotations?: Record<string, string> }[];
  };
  const [attestation] = found.attestations!;
  assert.equal(
    manifests.map(({ digest, platform: { os } }) => [digest, os]),
    [
      [found.manifest.digest, 'linux'],
      [found.digest, 'linux'],
      [attestation!.digest, 'unknown'],
    ],
  );
  assert.is(manifests[2]!.annotations!['vnd.docker.reference.digest'], found.manifest.digest);
  const steps = new Map(ids.map((id) => [id, { registryTag: `${host}/app:1-k0` } as Step]));
  const change = { name: `${host}/elsewhere:1`, task: 'app:1', after: release!.digest, isAlias: false };
  await storeReleases([release!], [change], { plan: { steps }, registry });
  const stored = await registry.contents(`${host}/elsewhere@${release!.digest}`);
  assert.ok(stored!.manifestDigests.includes(attestation!.digest));
});

test('the member of an index is the image, never its attested index', async () => {
  const registry = fakeRegistry();
  const { image: found } = await published(registry, 'app', {}, { attest: ['sbom'] });
  const { manifest, attestations } = indexMember('linux/amd64', found);
  assert.is.not(manifest.digest, found.digest);
  assert.is(attestations!.length, 1);
});

test.run();
