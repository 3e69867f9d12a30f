import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Journal } from '../../src/release/journal.ts';
import { connectTestEngine, removeImages } from '../support/docker.ts';
import { hasRegistry } from '../support/registry.ts';
import { releaseLabel } from '../support/release.ts';
import {
  openScenario,
  pausePoints,
  pauseRelease,
  type ReleaseScenario,
  releaseArgs,
} from '../support/release-faults.ts';

const test = suite('push, by more than one, or cut short');
const noEngine = { DOCKER_HOST: 'unix:///nowhere/docker.sock' };

if (hasRegistry) {
  let stage: ReleaseScenario;
  test.before(async () => {
    await connectTestEngine();
    stage = await openScenario({ deletes: true });
  });
  test.after(async () => {
    await stage.fixture.stop();
    await removeImages(await connectTestEngine(), releaseLabel);
  });
  /** Somebody puts `app:1` under another name, by hand. */
  const moveByHand = async (name: string): Promise<string> => {
    const { repo } = stage.fixture;
    const other = await stage.client.manifest(`${repo}/app:1`);
    await stage.client.put(`${repo}/${name}`, other);
    return other.digest;
  };

  test('another release between preflight and flip: the second to flip stops, and says so', async () => {
    const { machine, resume } = await pauseRelease(stage, pausePoints.journal);
    const other = machine.clone();
    other.change('tool', 'of the other');
    const second = await other.run(releaseArgs);
    assert.is(second.code, 0, second.err);
    const after = stage.fixture.releasedTags();
    const { code, err } = await resume();
    assert.is(code, 1, err);
    assert.match(
      err,
      /another client moved tags since this push started: .*\/tool:latest.*\nnothing was published/,
    );
    assert.equal(stage.fixture.releasedTags(), after);
    assert.is(await stage.journal(), undefined);
  });

  test('a release while another one sets tags: it waits for that, and then sets its own', async () => {
    const { machine, resume } = await pauseRelease(stage, pausePoints.movedTag);
    const other = machine.clone();
    other.change('tool', 'of the other one');
    const second = other.start(releaseArgs);
    await second.printed('another push has been publishing since');
    const first = await resume();
    assert.is(first.code, 0, first.err);
    const { code, err } = await second.ended;
    assert.is(code, 0, err);
    assert.match(err, /published: 1 tag moved/);
    assert.is.not(stage.fixture.releasedTags()['tool:latest'], stage.newTags['tool:latest']);
  });

  test('a tag that somebody moves by hand before tags are set: nothing is published', async () => {
    const { resume } = await pauseRelease(stage, pausePoints.journal);
    const digest = await moveByHand('app:latest');
    const { code, err } = await resume();
    assert.is(code, 1, err);
    assert.match(err, /moved tags since this push started: \S+\/app:latest\nnothing was published/);
    assert.equal(stage.fixture.releasedTags(), { ...stage.oldTags, 'app:latest': digest });
  });

  test('a tag that somebody moves by hand while tags are set: told, and set right by the next push', async () => {
    const { machine, resume } = await pauseRelease(stage, pausePoints.alias, 'late');
    await moveByHand('app:3');
    const { code, err } = await resume();
    assert.is(code, 1, err);
    assert.match(err, /moved tags at the same time: \S+\/app:3; the tags may be a mix of both/);
    const next = await machine.clone().run(releaseArgs);
    assert.match(next.err, /published: 1 tag moved/);
    assert.equal(stage.fixture.releasedTags(), stage.newTags);
  });

  test('Ctrl-C while tags are set: all of them are put back', async () => {
    const { started, resume } = await pauseRelease(stage, pausePoints.movedTag);
    started.child.kill('SIGINT');
    await started.printed('interrupted');
    const { code, err } = await resume();
    assert.is(code, 130);
    assert.match(err, /nothing was published: the tags were rolled back/);
    assert.equal(stage.fixture.releasedTags(), stage.oldTags);
    assert.is(await stage.journal(), undefined);
  });

  test('kill -9 while tags are set: the next push ends it, whatever it pushes', async () => {
    const { machine, kill } = await pauseRelease(stage, pausePoints.movedTag);
    await kill();
    assert.equal(stage.fixture.releasedTags(), { ...stage.oldTags, 'app:3': stage.newTags['app:3'] });
    const { code, err } = await machine.clone().run(['push', 'app:1'], noEngine);
    assert.is(code, 0, err);
    assert.match(err, /completed the unfinished push of .*: 3 tags set/);
    const released = Object.entries(stage.fixture.releasedTags());
    assert.equal(Object.fromEntries(released.filter(([name]) => !name.includes('-dev'))), stage.newTags);
    assert.is(await stage.journal(), undefined);
  });

  test('kill -9 on a machine that is gone: --resume ends it without waiting', async () => {
    const { machine, kill } = await pauseRelease(stage, pausePoints.movedTag);
    await kill();
    const open = (await stage.journal()) as Journal;
    const elsewhere = { ...open, owner: { ...(open.owner as object), place: 'another machine' } };
    const name = `${stage.fixture.repo}/release-journal:current`;
    await stage.client.write(name, JSON.stringify({ schema: 1, open: elsewhere }));
    const { code, err } = await machine.clone().run(['push', '--resume'], noEngine);
    assert.is(code, 0, err);
    assert.match(err, /^completed the unfinished push of .*: 3 tags set\n$/);
    assert.equal(stage.fixture.releasedTags(), stage.newTags);
    const none = await machine.run(['push', '--resume']);
    assert.is(none.code, 0);
    assert.match(none.err, /no push stopped half way/);
  });
} else test.skip('docker-registry is not installed');

test.run();
