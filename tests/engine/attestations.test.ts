// Attestations and annotations, as real builder nodes push them to a real registry.
import { copyFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { builderUnavailable, startTestBuilder, type TestBuilder } from '../support/builder-machine.ts';
import { busybox } from '../support/busybox.ts';
import { type CliResult, makeProject, runCli } from '../support/cli.ts';
import { type RealRegistry, startRegistry } from '../support/registry.ts';
import { writeFiles } from '../support/temp.ts';

const test = suite('attestations');

/** A scanner as BuildKit runs it (moby/buildkit docs/attestations/sbom-protocol.md). */
const scan = `#!/bin/sh
set -e
printf '%s' '{"_type":"https://in-toto.io/Statement/v0.1","predicateType":"https://spdx.dev/Document","predicate":{}}' \\
  > "$BUILDKIT_SCAN_DESTINATION/scan.spdx.json"
`;
const files = {
  'base/Dockerfile': 'FROM scratch\nCOPY busybox /bin/sh\n',
  'scan/Dockerfile': 'ARG BASE\nFROM $BASE\nCOPY --chmod=755 scan.sh /scan\nENTRYPOINT ["/scan"]\n',
  'scan/scan.sh': scan,
  'mid/Dockerfile': 'ARG BASE\nFROM $BASE\nSHELL ["/bin/sh", "-c"]\nRUN echo 1 > /mid\n',
  'app/Dockerfile': 'ARG BASE\nFROM $BASE\nCOPY file /app\n',
  'app/file': 'b\n',
};
const definitions = (fields: string): string => `import { image } from 'image-tasks';
export const base = image({ name: 'base', context: 'base' });
export const scan = image({ name: 'scan', context: 'scan', needs: { BASE: base } });
export const mid = image({ name: 'mid', context: 'mid', needs: { BASE: base }, ${fields} });
export const app = image({ name: 'app', context: 'app', needs: { BASE: mid }, ${fields} });
`;

interface Manifest {
  readonly digest: string;
  readonly annotations?: Record<string, string>;
  readonly manifests?: readonly {
    digest: string;
    annotations?: Record<string, string>;
    platform: { os: string };
  }[];
  readonly layers?: readonly { annotations?: Record<string, string> }[];
}

if (builderUnavailable !== undefined) test.skip(`(skipped: ${builderUnavailable})`);
else {
  let builder: TestBuilder;
  let registry: RealRegistry;
  test.before(async () => {
    [builder, registry] = await Promise.all([startTestBuilder(), startRegistry()]);
  });
  test.after(async () => {
    await builder.close();
    await registry.stop();
  });

  test('an image is pushed with what its definition asks for, which is no reason to build it', async () => {
    const repo = `${registry.host}/attested`;
    const attested = (sbom: string): string =>
      definitions(
        `attest: { provenance: 'max', sbom: ${sbom} }, annotations: { 'org.example.title': 'an app' }`,
      );
    const cwd = makeProject(definitions(''), files);
    copyFileSync(busybox(), path.join(cwd, 'base/busybox'));
    const run = (...args: string[]): Promise<CliResult> =>
      runCli([...args, '--builder', 'ci', '--repo', repo], {
        cwd,
        env: { RELEASE: '', ...builder.environment },
      });
    const pass = async (...args: string[]): Promise<CliResult> => {
      const ran = await run(...args);
      assert.is(ran.code, 0, `${args.join(' ')}: ${ran.err}`);
      return ran;
    };
    const actions = async (): Promise<string[]> => {
      const { tasks } = JSON.parse((await pass('plan', '--json')).out) as { tasks: { action: string }[] };
      return [...new Set(tasks.map(({ action }) => action))];
    };
    const manifestOf = async (name: string, reference: string): Promise<Manifest> => {
      const response = await fetch(`http://${registry.host}/v2/attested/${name}/manifests/${reference}`, {
        headers: {
          accept: 'application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json',
        },
      });
      assert.is(response.status, 200);
      const content = (await response.json()) as Manifest;
      return { ...content, digest: response.headers.get('docker-content-digest')! };
    };
    const scanner = (await pass('build', 'scan')).out.trim();
    await pass('build');

    writeFiles(cwd, { 'tasks/images.ts': attested(JSON.stringify(scanner)) });
    assert.equal(await actions(), ['reuse']);
    const warned = await pass('push', '--release');
    assert.match(
      warned.err,
      /published without provenance and an SBOM and annotations: mid:latest, app:latest/,
    );
    const plain = await manifestOf('app', 'latest');
    const refused = await run('push', '--release', '--strict', 'app');
    assert.is(refused.code, 1);
    assert.match(refused.err, /--strict/);
    assert.is((await manifestOf('app', 'latest')).digest, plain.digest);

    await pass('build', '--force', 'mid', 'app');
    const again = await pass('push', '--release');
    assert.not.match(again.err, /published without/);
    const index = await manifestOf('app', 'latest');
    const [image, attestation] = index.manifests!;
    assert.equal([image!.platform.os, attestation!.platform.os], ['linux', 'unknown']);
    const member = await manifestOf('app', image!.digest);
    assert.equal(member.annotations, { 'org.example.title': 'an app' });
    const statements = (await manifestOf('app', attestation!.digest)).layers!.map(
      ({ annotations }) => annotations!['in-toto.io/predicate-type'],
    );
    assert.is(statements.length, 2);
    assert.ok(statements.includes('https://spdx.dev/Document'), statements.join());
    assert.ok(statements.some((type) => type!.startsWith('https://slsa.dev/provenance/')));
    // Nothing is built again, by this machine or by one without records: indexes identify nothing.
    assert.equal(await actions(), ['reuse']);
    rmSync(path.join(cwd, '.cache'), { recursive: true });
    assert.equal(await actions(), ['reuse']);
  });
}

test.run();
