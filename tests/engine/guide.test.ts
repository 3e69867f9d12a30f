import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { EngineApi } from '../../src/engine/api.ts';
import { connectTestEngine, removeImages } from '../support/docker.ts';
import { exampleLabel, paste } from '../support/examples.ts';
import { emptyProject, readActions, writePageFile } from '../support/guide.ts';
import { hasRegistry, startRegistry } from '../support/registry.ts';
import { comparable, withOutputs } from '../support/transcript.ts';

const test = suite('pages of the guide print what they show');
/** `TASKS_EXAMPLES=write` writes the output that came into the pages. */
const writes = process.env.TASKS_EXAMPLES === 'write';
/** The registry of the pages, which is another one here. */
const shownHost = 'localhost:5000';

let api: EngineApi;
test.before(async () => {
  api = await connectTestEngine();
});
test.after(async () => await removeImages(api, exampleLabel, `${process.pid}`));

/** An output as it is without the label that a test adds to each Dockerfile. */
function withoutLabel(output: string): string {
  return output.replace(/\b(\d+) instructions/g, (_, count: string) => {
    const own = Number(count) - 1;
    return `${own} instruction${own === 1 ? '' : 's'}`;
  });
}

/** An output without what differs from run to run. */
const normal = (output: string): string => comparable(output).replace(/\bsha256:[0-9a-f]{64}\b/g, 'sha256:…');

/** Does what a page says from an empty folder on, and compares what each command prints with the page. */
async function follow(file: string, host: string): Promise<void> {
  const page = readFileSync(file, 'utf8');
  const project = emptyProject();
  const outputs: string[] = [];
  const differences: { command: string; shown: string; came: string }[] = [];
  for (const action of readActions(page)) {
    if (action.kind === 'file') {
      writePageFile(project, file, action.name, action.text.replaceAll(shownHost, host));
      continue;
    }
    const { command, output: shown } = action.exchange;
    const printed = await paste(command.replaceAll(shownHost, host), project);
    const came = withoutLabel(printed.replaceAll(host, shownHost));
    outputs.push(came);
    if (normal(came) !== normal(shown)) differences.push({ command, shown, came });
  }
  if (writes && differences.length > 0) writeFileSync(file, withOutputs(page, outputs));
  else
    for (const { command, shown, came } of differences)
      assert.is(normal(came), normal(shown), `$ ${command}\n${came}`);
}

const pages = ['docs/guide', 'docs/migrate', 'docs/recipes']
  .flatMap((folder) => readdirSync(folder).map((name) => path.join(folder, name)))
  .filter((file) => readActions(readFileSync(file, 'utf8')).some(({ kind }) => kind === 'run'));

const hasMake = spawnSync('make', ['--version']).status === 0;

for (const file of pages) {
  const needsRegistry = readFileSync(file, 'utf8').includes(shownHost);
  if (needsRegistry && !hasRegistry) test.skip(`${file} (skipped: docker-registry is not installed)`);
  else if (file.endsWith('/makefile.md') && !hasMake) test.skip(`${file} (skipped: make is not installed)`);
  else
    test(file, async () => {
      const registry = needsRegistry ? await startRegistry() : undefined;
      try {
        await follow(file, registry?.host ?? shownHost);
      } finally {
        await registry?.stop();
      }
    });
}

test('the main pages of the guide show output', () => {
  const names = pages.map((file) => path.basename(file, '.md'));
  for (const name of ['start', 'needs', 'matrices', 'commands', 'tests', 'keys', 'releases'])
    assert.ok(names.includes(name), name);
});

test.run();
