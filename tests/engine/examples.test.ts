import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { EngineApi } from '../../src/engine/api.ts';
import { abilitiesOf, readEngineVersion } from '../../src/engine/queries.ts';
import { connectTestEngine, removeImages } from '../support/docker.ts';
import { copyExample, emptyFolder, exampleLabel, marked, paste, pasteWatch } from '../support/examples.ts';
import { hasRegistry, startRegistry } from '../support/registry.ts';
import { comparable, readTranscript, withOutputs } from '../support/transcript.ts';

const test = suite('the examples print what their READMEs show');
/** `TASKS_EXAMPLES=write` writes the output that came into the READMEs. */
const writes = process.env.TASKS_EXAMPLES === 'write';

let api: EngineApi;
test.before(async () => {
  api = await connectTestEngine();
});
test.after(async () => await removeImages(api, exampleLabel, `${process.pid}`));

const readmeOf = (name: string): string => path.resolve('examples', name, 'README.md');

/** Runs each command of a README, and compares what it prints with what the README shows. */
async function check(file: string, run: (command: string) => Promise<string>): Promise<void> {
  const page = readFileSync(file, 'utf8');
  const exchanges = readTranscript(page);
  assert.ok(exchanges.length > 0);
  const outputs: string[] = [];
  for (const { command } of exchanges) outputs.push(await run(command));
  const differs = exchanges.some(({ output }, index) => comparable(output) !== comparable(outputs[index]!));
  if (writes && differs) writeFileSync(file, withOutputs(page, outputs));
  else
    exchanges.forEach(({ command, output }, index) => {
      const came = outputs[index]!;
      assert.equal(comparable(came), comparable(output), `$ ${command}\n${came}`);
    });
}

/** Examples that need more than an engine and a shell. */
const special: Readonly<Record<string, (name: string) => Promise<void>>> = {
  async 'named-contexts'(name) {
    const copy = copyExample(name);
    const { frontend } = abilitiesOf(await readEngineVersion(api));
    if (frontend === undefined || frontend.minor >= 4)
      return await check(readmeOf(name), (command) => paste(command, copy));
    assert.match(await paste('npx tasks build', copy), /^error: some images need docker 23 or newer/);
  },
  async release(name) {
    const registry = await startRegistry();
    const copy = copyExample(name, { 'localhost:5000': registry.host });
    try {
      await check(readmeOf(name), async (command) =>
        (await paste(command, copy)).replaceAll(registry.host, 'localhost:5000'),
      );
    } finally {
      await registry.stop();
    }
  },
  async watch(name) {
    const copy = copyExample(name);
    const [, ...edits] = [...readFileSync(readmeOf(name), 'utf8').matchAll(/^```sh\n(.*)\n```$/gm)].map(
      ([, line]) => line!,
    );
    assert.ok(edits.length > 0);
    await check(readmeOf(name), (command) => pasteWatch(command, edits, 'watching', copy));
  },
};

const names = readdirSync('examples', { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => name);
for (const name of names) {
  const run =
    special[name] ??
    (async () => {
      const copy = copyExample(name);
      await check(readmeOf(name), (command) => paste(command, copy));
    });
  if (name === 'release' && !hasRegistry) test.skip(`${name} (skipped: docker-registry is not installed)`);
  else test(name, () => run(name));
}

test('README: from an empty folder to the first images', async () => {
  const folder = emptyFolder();
  const page = readFileSync('README.md', 'utf8');
  const [, steps] = /^## From an empty folder [\s\S]*?^```sh\n([\s\S]*?)^```$/m.exec(page)!;
  const built = await paste(marked(steps!, 'readme'), folder);
  assert.match(built, /\n✔ 4 built in /, built);
  await check(path.resolve('README.md'), (command) => paste(command, folder));
});

test('the list of examples is complete', () => {
  const listed = [...readFileSync('examples/README.md', 'utf8').matchAll(/^\| \[(.*?)\]\(\1\) \|/gm)].map(
    ([, name]) => name!,
  );
  assert.equal([...listed].sort(), names);
});

test.run();
