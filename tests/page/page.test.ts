// The page in a real browser, opened from a file. No test may cause an error or a request to another address.
import type { Page } from 'playwright-core';
import * as assert from 'uvu/assert';
import { drawn, pageSuite, scaleOf, textOf } from '../support/page-suite.ts';
import { matrixPicture, testPicture } from '../support/pictures.ts';

const { test, run } = pageSuite('page');

const chip = (id: string): string => `.graph [data-id="${id}"]`;
const emphases = async (page: Page): Promise<Record<string, string>> =>
  Object.fromEntries(
    await page.$$eval('.graph [data-id]', (all) =>
      all.map((each) => [each.getAttribute('data-id')!, each.getAttribute('data-emphasis')!]),
    ),
  );
const small = testPicture({
  'base:1': { kind: 'internal', publish: false },
  'pg:15': { needs: ['base:1'] },
  'pg:17': { needs: ['base:1'], state: 'todo', action: 'build', reasons: ['file install changed'] },
  'app:15': { needs: ['pg:15'] },
  'app:17': { needs: ['pg:17'], state: 'failed', action: 'build', reasons: ['pg:17 will be built'] },
});

test(
  'a click shows key, inputs, reasons, needs, dependents, times, size, tags and log of a task',
  small,
  async (page) => {
    await page.click(chip('pg:17'));
    const text = await textOf(page, 'aside');
    for (const word of [
      'pg:17',
      'to do',
      'file install changed',
      'what pg is for',
      'tasks/images.ts (pg)',
      'citus/pg:17',
      'sha256:',
      'Needs 1',
      'base:1',
      'Needed by 1',
      'app:17',
      '40 files',
      '1 build arg',
      'made pg:17',
    ])
      assert.ok(text.includes(word), `${word} in\n${text}`);
    assert.match(text, /[0-9a-f]{64}/);
    assert.match(text, /\d+ MB/);
    await page.click('aside summary:has-text("build arg")');
    assert.match(await textOf(page, 'aside .inputs >> visible=true'), /VERSION\s+17/);
    await page.click('aside .task:has-text("app:17")');
    assert.is(await textOf(page, 'aside h2'), 'app:17');
    assert.match(await textOf(page, 'aside'), /failed last time/);
    await page.click('aside .close');
    await drawn(page);
    assert.not.ok(await page.isVisible('aside'));
  },
);

test('a selection emphasizes needs and dependents and dims the rest', small, async (page) => {
  await page.click(chip('pg:15'));
  await drawn(page);
  assert.equal(await emphases(page), {
    'app:15': 'dependent',
    'app:17': 'dim',
    'pg:15': 'selected',
    'pg:17': 'dim',
    'base:1': 'need',
  });
  assert.is(await page.locator('.link.highlighted').count(), 2);
});

test('"What if I bump this?" shows which tasks are rebuilt, and what that costs', small, async (page) => {
  await page.click(chip('pg:15'));
  await page.click('aside >> text=What if I bump this?');
  await drawn(page);
  const shown = await emphases(page);
  assert.is(shown['app:15'], 'bumped');
  assert.is(shown['base:1'], 'dim');
  assert.match(await textOf(page, '.banner'), /^Bumping pg:15 rebuilds 2 of 5 tasks: about .* critical path/);
  await page.keyboard.press('Escape');
  await drawn(page);
  assert.ok(Object.values(await emphases(page)).every((each) => each === 'plain'));
});

test('the critical path is that of unfinished tasks', small, async (page) => {
  await page.click('text=Critical path');
  await drawn(page);
  const path = Object.entries(await emphases(page)).filter(([, each]) => each === 'path');
  assert.equal(path.map(([id]) => id).sort(), ['app:17', 'pg:17']);
  assert.match(await textOf(page, '.banner'), /critical path takes .*2 tasks, from pg:17 to app:17/);
});

test('search and filters dim other tasks, and hide them in the matrix', small, async (page) => {
  await page.keyboard.press('/');
  await page.keyboard.type('APP');
  await drawn(page);
  assert.equal(
    Object.entries(await emphases(page)).flatMap(([id, each]) => (each === 'dim' ? [] : [id])),
    ['app:15', 'app:17'],
  );
  await page.keyboard.press('Enter');
  assert.is(await textOf(page, 'aside h2'), 'app:15');
  await page.keyboard.press('Escape');
  await page.selectOption('select', '17');
  await page.click('.states button:has-text("failed")');
  await drawn(page);
  assert.equal(
    Object.entries(await emphases(page)).flatMap(([id, each]) => (each === 'dim' ? [] : [id])),
    ['pg:17'],
  );
  await page.click('nav >> text=Matrix');
  await drawn(page);
  assert.equal(await page.locator('.matrix tbody tr:visible th').allInnerTexts(), ['pg']);
});

test('the matrix has a labeled state in each cell; a click selects the task', small, async (page) => {
  await page.keyboard.press('m');
  const names = await page.locator('.matrix button').evaluateAll((all) => all.map((each) => each.ariaLabel));
  assert.equal(names.sort(), [
    'app:15, up to date',
    'app:17, failed last time',
    'base:1, up to date',
    'pg:15, up to date',
    'pg:17, to do',
  ]);
  await page.click('.matrix [aria-label="pg:17, to do"]');
  assert.is(await textOf(page, 'aside h2'), 'pg:17');
});

test('the timeline shows the last run', small, async (page) => {
  await page.keyboard.press('t');
  await drawn(page);
  assert.is(await page.locator('.bar').count(), 5);
  assert.match((await page.locator('.bar').first().getAttribute('aria-label'))!, /base:1, job 1, done, \d+/);
});

test('the keyboard can move between tasks, select them and open the help', small, async (page) => {
  await page.locator('.graph [tabindex="0"]').focus();
  const focused = async (): Promise<string | null> =>
    (await page.evaluate('document.activeElement.dataset.id')) as string | null;
  assert.is(await focused(), 'base:1');
  await page.keyboard.press('ArrowUp');
  assert.is(await focused(), 'pg:15');
  await page.keyboard.press('ArrowRight');
  assert.is(await focused(), 'pg:17');
  await page.keyboard.press('ArrowUp');
  await page.keyboard.press('Enter');
  assert.is(await textOf(page, 'aside h2'), 'app:17');
  await page.keyboard.press('ArrowDown');
  assert.is(await focused(), 'pg:17');
  await page.keyboard.press('?');
  assert.ok(await page.isVisible('dialog'));
  await page.keyboard.press('Escape');
  assert.not.ok(await page.isVisible('dialog'));
});

test(
  'a filter button keeps the focus; links in the details do not move the graph of another view',
  small,
  async (page) => {
    const before = await page.locator('.graph > svg').getAttribute('style');
    const filter = page.locator('.states button:has-text("failed")');
    await filter.focus();
    for (const pressed of ['false', 'true']) {
      await page.keyboard.press('Enter');
      await drawn(page);
      assert.is(await page.evaluate('document.activeElement.dataset.state'), 'failed');
      assert.is(await filter.getAttribute('aria-pressed'), pressed);
    }
    await page.keyboard.press('m');
    await page.click('.matrix [aria-label="pg:17, to do"]');
    await page.click('aside .task:has-text("app:17")');
    assert.is(await textOf(page, 'aside h2'), 'app:17');
    await page.click('aside .close');
    await page.keyboard.press('g');
    await drawn(page);
    const transform = (style: string | null): string | undefined => /transform: [^;]*/.exec(style!)?.[0];
    assert.is(transform(await page.locator('.graph > svg').getAttribute('style')), transform(before));
  },
);

test('every control has a label', small, async (page) => {
  await page.click(chip('pg:17'));
  const unlabeled = await page
    .locator('button, input, select, [role=button]')
    .evaluateAll((all) =>
      all.filter((each) => !(each.ariaLabel || each.textContent?.trim())).map((each) => each.outerHTML),
    );
  assert.equal(unlabeled, []);
  assert.is(await page.locator('.graph [data-id][role=button][aria-label]').count(), 5);
});

test('dragging moves the graph, the wheel zooms at the pointer, f fits the graph', small, async (page) => {
  const box = async () => (await page.locator(chip('pg:17')).boundingBox())!;
  const first = await box();
  await page.mouse.move(200, 600);
  await page.mouse.down();
  await page.mouse.move(230, 640, { steps: 4 });
  await page.mouse.up();
  const moved = await box();
  assert.ok(Math.abs(moved.x - first.x - 30) < 2 && Math.abs(moved.y - first.y - 40) < 2);
  assert.not.ok(await page.isVisible('aside'), 'a drag is not a click');
  const scale = await scaleOf(page);
  await page.mouse.move(moved.x + moved.width / 2, moved.y + moved.height / 2);
  await page.mouse.wheel(0, -300);
  await drawn(page);
  const larger = await box();
  assert.ok((await scaleOf(page)) > scale * 1.3);
  assert.ok(
    Math.abs(larger.x + larger.width / 2 - moved.x - moved.width / 2) < 2,
    'the task stays under the pointer',
  );
  await page.keyboard.press('f');
  assert.is(await scaleOf(page), scale);
});

test(
  'a link selects a task',
  small,
  async (page) => {
    assert.is(await textOf(page, 'aside h2'), 'pg:17');
  },
  { fragment: '#pg%3A17' },
);

const hostile = testPicture({
  'a:1': {
    state: 'todo',
    reasons: [
      '</script><script>document.title="taken"</script><img src=x onerror="document.title=1">',
      '${x}`"\'',
    ],
  },
});

test('HTML in reasons is shown as text', hostile, async (page) => {
  await page.click(chip('a:1'));
  assert.match(await textOf(page, 'aside'), /<\/script><script>document\.title="taken"/);
  assert.is(await page.title(), 'tasks of citus');
  assert.is(await page.locator('img').count(), 0);
});

test('with real fonts, all text fits its box', matrixPicture(12, 5), async (page) => {
  const overflowing = await page.locator('.card').evaluateAll((cards) =>
    cards.flatMap((card) =>
      [...card.querySelectorAll('text')].flatMap((text) => {
        const box = (text.parentElement!.querySelector('rect') ??
          card.querySelector('rect'))!.getBoundingClientRect();
        const bounds = text.getBoundingClientRect();
        return bounds.left >= box.left && bounds.right <= box.right ? [] : [text.textContent];
      }),
    ),
  );
  assert.equal(overflowing, []);
});

run();
