// Images for other platforms than that of this machine: cross-built, under an emulator, and without one.
import { chmodSync, copyFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { EngineApi } from '../../src/engine/api.ts';
import { isEmulated, readFormats } from '../../src/engine/emulators.ts';
import { listImages } from '../../src/engine/queries.ts';
import { taskLabel } from '../../src/model/labels.ts';
import { busybox } from '../support/busybox.ts';
import { makeProject, runCli } from '../support/cli.ts';
import { connectTestEngine, readFromImage, removeImages } from '../support/docker.ts';
import { arm64Program, startEmulator, stopEmulator } from '../support/emulator.ts';
import { ownPlatform } from '../support/release.ts';
import { writeFiles } from '../support/temp.ts';

const test = suite('other platforms with docker');
const label = `image-tasks.platforms-test-${process.pid}`;
const foreign = ownPlatform === 'linux/arm64' ? 'linux/amd64' : 'linux/arm64';
let api: EngineApi;

const withoutEmulator = startEmulator();
test.before(async () => {
  api = await connectTestEngine();
});
test.after(async () => {
  stopEmulator();
  await removeImages(api, label);
});

/** Returns the definitions of images with the label. The context of each has its name. */
function definitions(images: Readonly<Record<string, string>>): string {
  const list = Object.entries(images).map(
    ([name, fields]) =>
      `export const ${name} = image({ name: '${name}', context: '${name}', labels: { '${label}': '1' }, ${fields} });\n`,
  );
  return `import { image } from 'image-tasks';\n${list.join('')}`;
}

/** Returns the images that a task built, by their architecture. */
async function imagesOf(task: string): Promise<Map<string, string>> {
  const built = (await listImages(api)).filter(({ labels }) => labels[label] && labels[taskLabel] === task);
  const found = new Map<string, string>();
  for (const { id } of built) {
    const shown = await api.get(`/images/${id}/json`);
    const { Os, Architecture } = JSON.parse(shown.body.toString()) as Record<'Os' | 'Architecture', string>;
    found.set(`${Os}/${Architecture}`, id);
  }
  return found;
}

test('cross-built: RUN for the platform of the build needs no emulator, and each image has its own platform', async () => {
  const platforms = JSON.stringify([ownPlatform, foreign]);
  const cwd = makeProject(
    definitions({
      tools: `platforms: ['${ownPlatform}'], publish: false`,
      app: `platforms: ${platforms}, needs: { TOOLS: tools }`,
    }),
    {
      'tools/Dockerfile': 'FROM scratch\nCOPY sh /bin/sh\n',
      'app/Dockerfile':
        'ARG TOOLS\nFROM --platform=$BUILDPLATFORM $TOOLS AS build\nARG BUILDPLATFORM TARGETPLATFORM\nRUN echo "$BUILDPLATFORM makes $TARGETPLATFORM" > /made\nFROM scratch\nCOPY --from=build /made /\n',
    },
  );
  copyFileSync(busybox(), path.join(cwd, 'tools/sh'));
  const { code, err } = await runCli(['build'], { cwd });
  assert.is(code, 0, err);
  const images = await imagesOf('app:latest');
  assert.equal([...images.keys()].sort(), [ownPlatform, foreign].sort());
  for (const [platform, id] of images)
    assert.is(await readFromImage(api, id, '/made'), `${ownPlatform} makes ${platform}\n`);
});

/** A platform that this machine does not run. BuildKit never runs the last one. */
const unknown = ['s390x', 'ppc64le', 'riscv64', 'sparc64']
  .map((architecture) => `linux/${architecture}`)
  .find((platform) => platform !== ownPlatform && !isEmulated(platform, readFormats() ?? []))!;

test('without an emulator, RUN is blocked and a test fails, with the reason; nothing is started', async () => {
  const cwd = makeProject(
    definitions({
      run: `platforms: ['${unknown}']`,
      tested: `platforms: ['${unknown}'], test: 'test.sh'`,
    }),
    {
      'run/Dockerfile': 'FROM scratch\nCOPY p /\nRUN ["/p"]\n',
      'run/p': 'p',
      'tested/Dockerfile': 'FROM scratch\nCOPY p /\n',
      'tested/p': 'p',
      'test.sh': '#!/bin/sh\n',
    },
  );
  chmodSync(path.join(cwd, 'test.sh'), 0o755);
  const plan = await runCli(['plan'], { cwd });
  assert.match(plan.out, new RegExp(`blocked +run:latest +RUN needs an emulator for ${unknown}`));
  assert.match(plan.out, new RegExp(`build +tested:latest .*its test needs an emulator for ${unknown}`));
  const tested = await runCli(['test', 'tested'], { cwd });
  assert.is(tested.code, 1);
  assert.match(tested.err, /✖ tested:latest +its test needs an emulator/);
  assert.not.match(tested.err, /exec format error/);
  assert.is((await runCli(['build', 'run'], { cwd })).code, 1);
  assert.is((await imagesOf('run:latest')).size, 0);
  const built = await runCli(['build', 'tested'], { cwd });
  assert.is(built.code, 0, built.err);
  const doctor = await runCli(['doctor'], { cwd });
  assert.match(doctor.out, new RegExp(`! platforms +no emulator for ${unknown}`));
});

const emulated = 'linux/arm64 under an emulator: RUN and the test of the image run';
if (withoutEmulator === undefined)
  test(emulated, async () => {
    const cwd = makeProject(definitions({ arm: "platforms: ['linux/arm64'], test: 'test'" }), {
      'arm/Dockerfile': 'FROM scratch\nCOPY p /\nRUN ["/p"]\n',
    });
    for (const file of ['arm/p', 'test/run']) {
      writeFiles(cwd, { [file]: '' });
      writeFileSync(path.join(cwd, file), arm64Program());
      chmodSync(path.join(cwd, file), 0o755);
    }
    const { code, err } = await runCli(['test'], { cwd });
    assert.is(code, 0, err);
    const image = (await imagesOf('arm:latest')).get('linux/arm64');
    assert.is(await readFromImage(api, image!, '/made'), 'arm64\n');
  });
else test.skip(`${emulated} (skipped: ${withoutEmulator})`);

test.run();
