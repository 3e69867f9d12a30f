import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { image } from '../../../src/define/index.ts';
import type { ImageFields } from '../../../src/define/types.ts';
import type { RunEvent } from '../../../src/model/events.ts';
import { RegistryError } from '../../../src/model/registry.ts';
import type { TaskId } from '../../../src/model/task.ts';
import { tagOwnershipIn } from '../../../src/release/publish-context.ts';
import { type PushResult, push } from '../../../src/release/push.ts';
import { queryDigests } from '../../../src/release/tags.ts';
import { attach } from '../../support/attest.ts';
import { fakeEngine } from '../../support/fake-engine.ts';
import { type FakeRegistry, fakeRegistry } from '../../support/fake-registry.ts';
import { tempFolder, writeFiles } from '../../support/temp.ts';
import { makeTestProject, type TestProjectOptions, testSuffix } from '../../support/test-project.ts';

const test = suite('push');
const repo = 'h:1/t';

/** A machine with its own folder and engine, and a shared registry. `one` and `two` need `base`. */
function machine(
  registry: FakeRegistry,
  name: string,
  fields: Pick<ImageFields<string>, 'attest' | 'annotations'> = {},
) {
  const root = tempFolder();
  writeFiles(root, { 'b/Dockerfile': 'FROM scratch\n', 'a/Dockerfile': 'ARG BASE\nFROM $BASE\n' });
  const base = image({ name: 'base', context: 'b', publish: false });
  const one = image({ name: 'one', context: 'a', args: { A: '1' }, needs: { BASE: base }, ...fields });
  const two = image({
    name: 'two',
    context: 'a',
    args: { A: '2' },
    needs: { BASE: base },
    allowFailure: true,
  });
  const rig = makeTestProject({ base, one, two }, root, fakeEngine(registry, name));
  const events: RunEvent[] = [];
  const plan = async (options: TestProjectOptions = {}) => {
    const names = {
      'one:latest': `${repo}/one:latest${testSuffix}`,
      'two:latest': `${repo}/two:latest${testSuffix}`,
    };
    const now = await queryDigests(registry, Object.values(names));
    const published = new Map(
      Object.entries(names).map(([id, tag]): [TaskId, Map<string, string | undefined>] => [
        id,
        new Map([[tag, now.get(tag)]]),
      ]),
    );
    const planned = await rig.plan({
      repo,
      push: { registry, tags: published },
      ...options,
    });
    return { ...planned, published };
  };
  return {
    rig,
    events,
    plan,
    async push(
      planned: Awaited<ReturnType<typeof plan>>,
      more: { omitted?: Set<TaskId>; uploadOnly?: boolean; strict?: boolean } = {},
    ): Promise<PushResult> {
      rig.engine.autoFinish = true;
      const { results } = await planned.run();
      return await push({
        plan: planned.plan,
        results,
        passed: new Map([['one:latest', 'e'.repeat(64)]]),
        omitted: more.omitted ?? new Set(),
        targetTags: { published: planned.published, aliases: new Set(), notes: [] },
        services: planned.services,
        registry,
        context: {
          registry,
          clock: planned.services.clock,
          journalName: `${repo}/release-journal:current`,
          ownershipOf: tagOwnershipIn(repo, new Set(['base', 'one', 'two'])),
          newOwner: () => ({ id: name }),
          isAlive: () => undefined,
          report: () => undefined,
        },
        uploadOnly: more.uploadOnly === true,
        strict: more.strict === true,
        signal: new AbortController().signal,
        listen: (event) => events.push(event),
      });
    },
    outcomes: (): Record<string, string> =>
      Object.fromEntries(
        events.flatMap((event) => (event.type === 'task-finished' ? [[event.id, event.outcome]] : [])),
      ),
  };
}

/** Returns the content tag of an image that was pushed. */
const contentTagOf = (registry: FakeRegistry, name: string): string =>
  Object.keys(registry.tagDigests(`${repo}/${name}`)).find((tag) => /-k[0-9a-f]{12}$/.test(tag))!;

const tags = (registry: FakeRegistry, name: string): string[] =>
  Object.keys(registry.tagDigests(`${repo}/${name}`))
    .map((tag) => tag.replace(/[0-9a-f]{12}/g, '…'))
    .sort();

test('uploads all images, internal ones too, then sets the tags, with a pass tag for each passed test', async () => {
  const registry = fakeRegistry();
  const one = machine(registry, 'x');
  const pushed = await one.push(await one.plan());
  assert.equal([pushed.outcome, pushed.changes.length], ['ok', 2]);
  assert.equal(tags(registry, 'base'), ['latest-k…']);
  assert.equal(tags(registry, 'one'), ['latest-dev…', 'latest-k…', 'latest-k…-t…']);
  assert.equal(one.outcomes(), { 'base:latest': 'built', 'one:latest': 'built', 'two:latest': 'built' });
});

test('with uploadOnly no tag is set, and the next push sets the tags and uploads nothing', async () => {
  const registry = fakeRegistry();
  const one = machine(registry, 'x');
  await one.push(await one.plan(), { uploadOnly: true });
  assert.equal(tags(registry, 'two'), ['latest-k…']);
  const other = machine(registry, 'y');
  const pushed = await other.push(await other.plan());
  assert.equal([pushed.outcome, pushed.counts.retagged, other.rig.engine.allImages.length], ['ok', 2, 0]);
  assert.equal(tags(registry, 'two'), ['latest-dev…', 'latest-k…']);
});

test('an image without the attestations of its definition is published with a warning, and not at all with --strict', async () => {
  const registry = fakeRegistry();
  const fields = { attest: { provenance: 'min' } } as const;
  const strict = machine(registry, 'x', fields);
  const refused = await strict.push(await strict.plan(), { strict: true });
  assert.is(refused.outcome, 'failed');
  assert.match(
    refused.error!.message,
    /^--strict: .*\npublished without provenance: one:latest\nnothing is published/,
  );
  assert.equal(tags(registry, 'one'), ['latest-k…', 'latest-k…-t…']);
  const other = machine(registry, 'y', fields);
  assert.is((await other.push(await other.plan())).outcome, 'ok');
  assert.equal(other.rig.warnings, ['published without provenance: one:latest']);
  await attach(registry, `${repo}/one:${contentTagOf(registry, 'one')}`, { attest: ['provenance'] });
  const again = machine(registry, 'z', fields);
  assert.is((await again.push(await again.plan(), { strict: true })).outcome, 'ok');
});

test('if another machine uploads first, keeps its image, sets no tag, and a new plan builds on that image', async () => {
  const registry = fakeRegistry();
  const [slow, fast] = [machine(registry, 'slow'), machine(registry, 'fast')];
  const early = await slow.plan();
  await fast.push(await fast.plan({ selectors: ['one'] }), { uploadOnly: true });
  const theirs = registry.tagDigests(`${repo}/base`);
  const conflict = await slow.push(early);
  assert.is(conflict.needsNewPlan, true);
  assert.equal(registry.tagDigests(`${repo}/base`), theirs);
  assert.equal(tags(registry, 'one'), ['latest-k…', 'latest-k…-t…']);
  const again = await slow.plan();
  assert.equal(
    [...again.plan.steps.values()].map(({ action }) => action),
    ['pull', 'retag', 'build'],
  );
  const pushed = await slow.push(again);
  assert.equal([pushed.outcome, pushed.needsNewPlan], ['ok', false]);
  assert.equal(registry.tagDigests(`${repo}/base`), theirs);
  const upToDate = await fast.plan();
  assert.ok(
    [...upToDate.plan.steps.values()].every(({ action }) =>
      ['reuse', 'retag', 'pull', 'skip'].includes(action),
    ),
  );
});

test('if an upload fails permanently, no tag is set and dependents are not uploaded', async () => {
  const registry = fakeRegistry();
  const one = machine(registry, 'x');
  const planned = await one.plan();
  registry.beforeCall = ({ method, name }) => {
    if (method === 'image' && name.includes('/base:'))
      throw new RegistryError('denied', 'h:1 does not allow it');
  };
  const pushed = await one.push(planned);
  assert.equal(
    [pushed.outcome, pushed.error?.message],
    ['not-ready', 'h:1 does not allow it\nnothing is published: no tags were set'],
  );
  assert.equal(one.outcomes(), {
    'base:latest': 'failed',
    'one:latest': 'cancelled',
    'two:latest': 'cancelled',
  });
  assert.equal(tags(registry, 'one'), []);
});

test('retries an upload that the registry denies once, and fails if it denies it twice', async () => {
  for (const denials of [1, 2]) {
    const one = machine(fakeRegistry(), 'x');
    const { engine } = one.rig;
    const right = engine.push;
    let tries = 0;
    engine.push = async (tag, ...others) => {
      if (tag.includes('/base:') && ++tries <= denials) throw new RegistryError('denied', 'unauthorized');
      return await right(tag, ...others);
    };
    const { outcome } = await one.push(await one.plan());
    assert.equal([outcome, tries], [denials === 1 ? 'ok' : 'not-ready', 2]);
  }
});

test('retries an upload while the registry misses a layer, which another upload may be sending', async () => {
  const one = machine(fakeRegistry(), 'x');
  const { engine } = one.rig;
  const right = engine.push;
  let tries = 0;
  engine.push = async (tag, ...others) => {
    if (tag.includes('/base:') && ++tries <= 2) throw new RegistryError('broken', 'blob unknown');
    return await right(tag, ...others);
  };
  const { outcome } = await one.push(await one.plan());
  assert.equal([outcome, tries], ['ok', 3]);
});

test('publishes the other images if one is omitted', async () => {
  const registry = fakeRegistry();
  const one = machine(registry, 'x');
  const pushed = await one.push(await one.plan(), { omitted: new Set(['two:latest']) });
  assert.is(pushed.outcome, 'ok');
  assert.equal(tags(registry, 'two'), []);
  assert.equal(tags(registry, 'one'), ['latest-dev…', 'latest-k…', 'latest-k…-t…']);
});

test('an omitted image gets no tag, even if it is uploaded for a dependent', async () => {
  const registry = fakeRegistry();
  const one = machine(registry, 'x');
  const planned = await one.plan();
  planned.published.set('base:latest', new Map([[`${repo}/base:latest${testSuffix}`, undefined]]));
  const pushed = await one.push(planned, { omitted: new Set(['base:latest']) });
  assert.is(pushed.outcome, 'ok');
  assert.equal(tags(registry, 'base'), ['latest-k…']);
});

test.run();
