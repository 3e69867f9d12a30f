import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { EngineApi } from '../../../src/engine/api.ts';
import { verifyBuiltImage } from '../../../src/engine/built-image.ts';
import { timeouts } from '../../../src/engine/timeouts.ts';
import { TasksError } from '../../../src/model/errors.ts';
import { StepFailed } from '../../../src/model/ports.ts';
import { buildRequest } from '../../support/builder.ts';

const test = suite('verifying a built image');
const never = new AbortController().signal;
const manifest = `sha256:${'a'.repeat(64)}`;
const config = `sha256:${'b'.repeat(64)}`;
const labels = { 'image-tasks.key': 'k1', 'image-tasks.task': 'app:1' };
const image = {
  Id: config,
  Os: 'linux',
  Architecture: 'amd64',
  Variant: '',
  Size: 123,
  Config: { Labels: { ...labels, other: 'of the base image' } },
};

/** An engine that has the images by their IDs, and the requests that it got. */
function engineWith(images: Readonly<Record<string, object>>) {
  const requests: string[] = [];
  const send = async (method: string, path: string) => {
    requests.push(`${method} ${path}`);
    const found = images[/^\/images\/(.*)\/json$/.exec(path)?.[1] ?? ''];
    const body = found ?? { message: 'No such image' };
    return { status: found === undefined ? 404 : 200, body: Buffer.from(JSON.stringify(body)) };
  };
  const api: EngineApi = {
    get: (path) => send('GET', path),
    post: (path) => send('POST', path),
    request: ({ method = 'GET', path }) => send(method, path),
    timeouts,
    address: 'unix:///s',
  };
  return { api, requests };
}

async function verify(
  shown: object,
  { platform = 'linux/amd64', digests = { digest: config, configDigest: undefined } } = {},
) {
  const { api, requests } = engineWith({ [config]: shown });
  const verified = verifyBuiltImage(digests, buildRequest({}, { labels, platform }), api, never);
  return { verified, requests };
}

async function failureOf(work: Promise<unknown>): Promise<Error> {
  try {
    await work;
  } catch (error) {
    return error as Error;
  }
  throw new Error('it was accepted');
}

test('an image with the labels and the platform is accepted, and nothing is changed in the engine', async () => {
  const { verified, requests } = await verify(image);
  assert.equal(await verified, { imageId: config, bytes: 123 });
  assert.equal(requests, [`GET /images/${config}/json`]);
});

test('the ID is that of the store: the digest of the config, or of the manifest', async () => {
  const both = { digest: manifest, configDigest: config };
  for (const [images, expected] of [
    [{ [manifest]: { ...image, Id: manifest } }, { imageId: manifest, bytes: 123, configDigest: config }],
    [{ [config]: image }, { imageId: config, bytes: 123 }],
    [
      { [manifest]: { ...image, Id: manifest }, [config]: image },
      { imageId: manifest, bytes: 123, configDigest: config },
    ],
  ] as const) {
    const { api } = engineWith(images);
    assert.equal(await verifyBuiltImage(both, buildRequest({}, { labels }), api, never), expected);
  }
});

for (const [what, shown, expected] of [
  ['another label', { ...labels, 'image-tasks.key': 'k2' }, 'image-tasks.key'],
  ['a missing label', { 'image-tasks.key': 'k1' }, 'image-tasks.task'],
  ['an empty label', { ...labels, 'image-tasks.task': '' }, 'image-tasks.task'],
  ['no labels', null, 'image-tasks.key'],
] as const)
  test(`an image with ${what} is not what was asked for`, async () => {
    const { verified, requests } = await verify({ ...image, Config: { Labels: shown } });
    const error = await failureOf(verified);
    assert.instance(error, StepFailed);
    assert.is(
      error.message,
      `the built image ${config} does not carry the label ${expected} it was built with`,
    );
    assert.equal(requests, [`GET /images/${config}/json`]);
  });

test('an image without a config has no labels', async () => {
  const { Config: _, ...bare } = image;
  assert.instance(await failureOf((await verify(bare)).verified), StepFailed);
});

/** [what was asked for, OS, architecture and variant of the image, whether it is the same platform] */
const platforms: [string, string, string, string | undefined, boolean][] = [
  ['linux/amd64', 'linux', 'amd64', undefined, true],
  ['linux/amd64', 'linux', 'amd64', 'v1', true],
  ['linux/x86_64', 'linux', 'amd64', '', true],
  ['linux/arm64', 'linux', 'arm64', 'v8', true],
  ['linux/arm64/v8', 'linux', 'arm64', '', true],
  ['linux/aarch64', 'linux', 'arm64', undefined, true],
  ['linux/arm', 'linux', 'arm', 'v7', true],
  ['linux/arm/v7', 'linux', 'arm', undefined, true],
  ['linux/arm/v7', 'linux', 'arm', 'v6', false],
  ['linux/arm64', 'linux', 'arm', 'v8', false],
  ['linux/amd64/v2', 'linux', 'amd64', undefined, false],
  ['linux/amd64', 'linux', 'arm64', undefined, false],
  ['linux/amd64', 'windows', 'amd64', undefined, false],
];
for (const [asked, Os, Architecture, Variant, isSame] of platforms)
  test(`${asked} and ${[Os, Architecture, Variant].join('/')}: ${isSame ? 'the same' : 'different'}`, async () => {
    const shown = { ...image, Os, Architecture, ...(Variant === undefined ? {} : { Variant }) };
    const { verified } = await verify(shown, { platform: asked });
    if (isSame) {
      await verified;
      return;
    }
    const error = await failureOf(verified);
    assert.instance(error, StepFailed);
    const name = [Os, Architecture, Variant].filter(Boolean).join('/');
    assert.is(error.message, `the built image is for ${name}, not ${asked}`);
  });

test('an engine that reports no ID has built nothing that can be used', async () => {
  const digests = { digest: undefined, configDigest: config } as never;
  const { verified, requests } = await verify(image, { digests });
  const error = await failureOf(verified);
  assert.instance(error, StepFailed);
  assert.is(error.message, 'the docker engine did not report the ID of the built image');
  assert.equal(requests, []);
});

test('an image that the engine does not have is an error with its words', async () => {
  const { api } = engineWith({});
  const both = { digest: manifest, configDigest: config };
  const error = await failureOf(verifyBuiltImage(both, buildRequest({}, { labels }), api, never));
  assert.instance(error, TasksError);
  assert.match(error.message, `could not show the image ${config}: No such image`);
});

test.run();
