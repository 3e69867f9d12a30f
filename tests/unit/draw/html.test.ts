import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { htmlPage } from '../../../src/draw/html.ts';
import { makePageData, type TaskFacts } from '../../../src/draw/page-data.ts';
import { matrixPicture, pageDataOf, testPicture } from '../../support/pictures.ts';

const test = suite('draw/html');
const parts = { script: 'console.log(1)', style: 'a{}' };

const bare: TaskFacts = {
  description: undefined,
  where: '',
  key: '',
  tags: [],
  manifest: undefined,
  record: undefined,
  expectedMs: undefined,
  log: undefined,
};

test('1,000 tasks with inputs and logs stay under two megabytes', () => {
  for (const picture of [matrixPicture(20, 50), matrixPicture(1000, 1)])
    assert.ok(htmlPage(pageDataOf(picture), parts).length < 2_000_000 - 100_000);
});

test('if tasks do not share inputs, the page contains fewer of them', () => {
  const picture = matrixPicture(20, 50);
  const facts = picture.tasks.map(({ id }): [string, TaskFacts] => {
    const lines = Array.from(
      { length: 150 },
      (_, at) => ['file', `${id}/src/file-${at}.c`, `file ${'a'.repeat(64)}`] as const,
    );
    const log = { file: 'x', lines: ['y'.repeat(1000)] };
    const manifest = { schema: 1, lines };
    return [id, { ...bare, manifest, log }];
  });
  const data = makePageData(picture, new Map(facts), { title: '', command: '', time: '', isLive: false });
  assert.ok(JSON.stringify(data).length < 1_900_000);
  assert.is(
    data.tasks[0]!.inputs.reduce((sum, [, count]) => sum + count, 0) + data.tasks[0]!.moreInputs!,
    150,
  );
});

test('a page contains no URLs, and its policy allows only its own script and style', () => {
  const page = htmlPage(pageDataOf(matrixPicture(3, 3)), parts);
  assert.match(
    page,
    /default-src 'none'; script-src 'sha256-[^']+'; style-src 'sha256-[^']+'; connect-src 'none'/,
  );
  assert.not.match(page, /https?:|<link|src=/);
  assert.match(htmlPage(pageDataOf(matrixPicture(1, 1), { isLive: true }), parts), /connect-src 'self'/);
});

test('a page does not contain values of environment variables', () => {
  const page = htmlPage(pageDataOf(matrixPicture(3, 3)), parts);
  assert.not.match(page, /hunter2/);
  assert.match(page, /"env","TOKEN","set"/);
});

test('text is escaped', () => {
  const hostile = testPicture({ 'a:1': { reasons: ['</script><script>alert(1)</script><!--'] } });
  const page = htmlPage(pageDataOf(hostile, { title: '</title><script>' }), parts);
  assert.is(page.match(/<script/g)!.length, 2);
  assert.not.match(page, /<!--/);
});

test('shared inputs are stored once; inputs above the limit are only counted', () => {
  const picture = testPicture({ 'a:1': {}, 'a:2': {} });
  const lines = Array.from({ length: 200 }, (_, index) => ['file', `f${index}`, 'x'] as const);
  const facts: TaskFacts = { ...bare, manifest: { schema: 1, lines } };
  const about = { title: '', command: '', time: '', isLive: false };
  const { inputs, tasks } = makePageData(
    picture,
    new Map([
      ['a:1', facts],
      ['a:2', facts],
    ]),
    about,
  );
  assert.is(inputs.length, 150);
  assert.equal(
    tasks.map((task) => [task.inputs, task.moreInputs]),
    [
      [[[0, 150]], 50],
      [[[0, 150]], 50],
    ],
  );
});

test.run();
