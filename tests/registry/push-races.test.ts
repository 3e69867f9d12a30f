import { suite, type Test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Journal } from '../../src/release/journal.ts';
import { connectTestEngine, removeImages } from '../support/docker.ts';
import { hasRegistry } from '../support/registry.ts';
import { releaseLabel, twoPlatforms } from '../support/release.ts';
import {
  openScenario,
  pausePoints,
  pauseRelease,
  type ReleaseScenario,
  releaseArgs,
} from '../support/release-faults.ts';
import { noEngine } from '../support/release-test.ts';

if (hasRegistry) {
  addTests(suite('concurrent and interrupted pushes'), undefined);
  addTests(suite('concurrent and interrupted pushes of indexes'), twoPlatforms);
} else {
  const test = suite('concurrent and interrupted pushes');
  test.skip('docker-registry is not installed');
  test.run();
}

/** `platforms`: of all images; undefined for plain images. */
function addTests(test: Test, platforms: readonly string[] | undefined): void {
  let scenario: ReleaseScenario;
  test.before(async () => {
    await connectTestEngine();
    scenario = await openScenario({ deletes: true, ...(platforms === undefined ? {} : { platforms }) });
  });
  test.after(async () => {
    await scenario.fixture.stop();
    await removeImages(await connectTestEngine(), releaseLabel);
  });
  /** Points another tag to `app:1`, without `tasks`. Returns its digest. */
  const moveByHand = async (name: string): Promise<string> => {
    const { repo } = scenario.fixture;
    const other = await scenario.client.manifest(`${repo}/app:1`);
    await scenario.client.put(`${repo}/${name}`, other);
    return other.digest;
  };

  test('a release stops if another release has set tags since its preflight', async () => {
    const { machine, resume } = await pauseRelease(scenario, pausePoints.journal);
    const other = machine.clone();
    other.change('tool', 'other');
    const second = await other.run(releaseArgs);
    assert.is(second.code, 0, second.err);
    const after = scenario.fixture.releasedTags();
    const { code, err } = await resume();
    assert.is(code, 1, err);
    assert.match(
      err,
      /another client moved tags since this push started: .*\/tool:latest.*\nnothing is published/,
    );
    assert.equal(scenario.fixture.releasedTags(), after);
    assert.is(await scenario.journal(), undefined);
  });

  test('a release waits while another release sets tags', async () => {
    const { machine, resume } = await pauseRelease(scenario, pausePoints.movedTag);
    const other = machine.clone();
    other.change('tool', 'another');
    const second = other.start(releaseArgs);
    await second.printed('another push has been publishing since');
    const first = await resume();
    assert.is(first.code, 0, first.err);
    const { code, err } = await second.ended;
    assert.is(code, 0, err);
    assert.match(err, /published: 1 tag moved/);
    assert.is.not(scenario.fixture.releasedTags()['tool:latest'], scenario.newTags['tool:latest']);
  });

  test('publishes nothing if a tag is moved by hand before tags are set', async () => {
    const { resume } = await pauseRelease(scenario, pausePoints.journal);
    const digest = await moveByHand('app:latest');
    const { code, err } = await resume();
    assert.is(code, 1, err);
    assert.match(err, /moved tags since this push started: \S+\/app:latest\nnothing is published/);
    assert.equal(scenario.fixture.releasedTags(), { ...scenario.oldTags, 'app:latest': digest });
  });

  test('reports a tag that is moved by hand while tags are set, and the next push repairs it', async () => {
    const { machine, resume } = await pauseRelease(scenario, pausePoints.alias, 'late');
    await moveByHand('app:3');
    const { code, err } = await resume();
    assert.is(code, 1, err);
    assert.match(err, /moved tags at the same time: \S+\/app:3; the tags may be a mix of both/);
    const next = await machine.clone().run(releaseArgs);
    assert.match(next.err, /published: 1 tag moved/);
    assert.equal(scenario.fixture.releasedTags(), scenario.newTags);
  });

  test('Ctrl-C while tags are set rolls back all of them', async () => {
    const { started, resume } = await pauseRelease(scenario, pausePoints.movedTag);
    started.child.kill('SIGINT');
    await started.printed('interrupted');
    const { code, err } = await resume();
    assert.is(code, 130);
    assert.match(err, /nothing is published: the tags were rolled back/);
    assert.equal(scenario.fixture.releasedTags(), scenario.oldTags);
    assert.is(await scenario.journal(), undefined);
  });

  test('after kill -9 while tags are set, any next push completes the release', async () => {
    const { machine, kill } = await pauseRelease(scenario, pausePoints.movedTag);
    await kill();
    assert.equal(scenario.fixture.releasedTags(), {
      ...scenario.oldTags,
      'app:3': scenario.newTags['app:3'],
    });
    const { code, err } = await machine.clone().run(['push', 'app:1'], noEngine);
    assert.is(code, 0, err);
    assert.match(err, /completed the unfinished push of .*: 3 tags set/);
    const released = Object.entries(scenario.fixture.releasedTags());
    assert.equal(Object.fromEntries(released.filter(([name]) => !name.includes('-dev'))), scenario.newTags);
    assert.is(await scenario.journal(), undefined);
  });

  test('--resume completes a release that was killed on another machine without waiting', async () => {
    const { machine, kill } = await pauseRelease(scenario, pausePoints.movedTag);
    await kill();
    const open = (await scenario.journal()) as Journal;
    const elsewhere = { ...open, owner: { ...(open.owner as object), place: 'another machine' } };
    const name = `${scenario.fixture.repo}/release-journal:current`;
    await scenario.client.write(name, JSON.stringify({ schema: 1, open: elsewhere }));
    const { code, err } = await machine.clone().run(['push', '--resume'], noEngine);
    assert.is(code, 0, err);
    assert.match(err, /^completed the unfinished push of .*: 3 tags set\n$/);
    assert.equal(scenario.fixture.releasedTags(), scenario.newTags);
    const none = await machine.run(['push', '--resume']);
    assert.is(none.code, 0);
    assert.match(none.err, /no push stopped halfway/);
  });
  test.run();
}
