// The live page in a real browser. The tests send events to its server.
import type { Browser, Page } from 'playwright-core';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { EventBody, RunEvent } from '../../src/model/events.ts';
import { openPageServer, type PageServer } from '../../src/serve/server.ts';
import { browserMissing, hasBrowser, openBrowser, openMonitoredPage } from '../support/browser.ts';
import { renderPage } from '../support/page-suite.ts';
import { testPicture } from '../support/pictures.ts';

const suiteOf = suite('page/live');
let browser: Browser;

suiteOf.before(async () => {
  if (hasBrowser) browser = await openBrowser();
});
suiteOf.after(async () => {
  await browser?.close();
});

const todo = { state: 'todo', action: 'build' } as const;
const planned = {
  'base:1': {},
  'pg:15': { ...todo, needs: ['base:1'] },
  'pg:17': { ...todo, needs: ['base:1'] },
};

interface Live {
  readonly page: Page;
  readonly server: PageServer;
  /** The picture that the server renders at the next request. */
  picture: Parameters<typeof testPicture>[0];
  send(event: EventBody): void;
}

function test(name: string, handler: (live: Live) => Promise<void>): void {
  if (!hasBrowser) {
    suiteOf.skip(`${name} (${browserMissing})`);
    return;
  }
  suiteOf(name, async () => {
    const live: { picture: Live['picture'] } = { picture: planned };
    const make = async (): Promise<string> => renderPage(testPicture(live.picture), { isLive: true });
    const server = await openPageServer({
      renderPage: make,
      renderErrorPage: String,
    });
    let time = Date.UTC(2026, 10, 24);
    const send = (event: EventBody): void => {
      time += 1000;
      server.send({ ...event, time: new Date(time).toISOString() } as RunEvent);
    };
    const { page, problems, requests } = await openMonitoredPage(browser);
    await page.goto(server.url);
    await page.waitForSelector('.live:has-text("live")');
    await handler(Object.assign(live, { page, server, send }));
    await page.close();
    await server.close();
    assert.equal(problems, []);
    assert.ok(
      requests.every((url) => url.startsWith(server.url)),
      requests.join(),
    );
  });
}

const begin: EventBody = {
  type: 'run-started',
  command: 'build',
  jobs: 2,
  tasks: [
    { id: 'base:1', action: 'reuse', needs: [] },
    { id: 'pg:15', action: 'build', needs: ['base:1'] },
    { id: 'pg:17', action: 'build', needs: ['base:1'] },
  ],
};
const start = (id: string): EventBody => ({ type: 'task-started', phase: 'build', id, action: 'build' });
const chip = (id: string, state: string): string => `.graph .s-${state}[data-id="${id}"]`;

test('states change during the build, also on a page that is opened late', async ({ page, send, server }) => {
  send(begin);
  await page.waitForSelector(chip('pg:15', 'waiting'));
  send(start('pg:15'));
  await page.waitForSelector(chip('pg:15', 'running'));
  assert.is(await page.getAttribute(chip('pg:15', 'running'), 'aria-label'), 'pg:15, running');
  send({ type: 'task-finished', phase: 'build', id: 'pg:15', outcome: 'built', ms: 4000, bytes: 412e6 });
  await page.waitForSelector(chip('pg:15', 'done'));
  await page.waitForSelector('.states button:has-text("1 done")');
  await page.click(chip('pg:15', 'done'));
  await page.waitForSelector('aside dd:has-text("412 MB")');
  await page.goto('about:blank');
  await page.goto(server.url);
  await page.waitForSelector(chip('pg:15', 'done'));
});

test('the timeline shows the jobs; output and errors appear as they arrive', async ({
  page,
  send,
  server,
}) => {
  send(begin);
  send(start('pg:15'));
  send(start('pg:17'));
  await page.keyboard.press('t');
  await page.click('.bar[aria-label^="pg:17, job 2, running"]');
  send({ type: 'task-output', phase: 'build', id: 'pg:17', line: '<b>make: no rule</b>' });
  await page.waitForSelector('aside .log:has-text("<b>make: no rule</b>")');
  send({
    type: 'task-finished',
    phase: 'build',
    id: 'pg:17',
    outcome: 'failed',
    ms: 1,
    error: { message: 'RUN make failed' },
  });
  await page.waitForSelector('aside .error:has-text("RUN make failed")');
  await page.waitForSelector('.bar.s-failed');
  const counts = {
    built: 0,
    reused: 1,
    retagged: 0,
    pulled: 0,
    skipped: 0,
    failed: 1,
    blocked: 0,
    cancelled: 1,
  };
  send({ type: 'run-finished', ok: false, counts, ms: 9000 });
  await page.waitForSelector('.live:has-text("tasks build, 2 jobs: failed in 9.0 s")');
  await server.close();
  await page.waitForSelector('.live:has-text("tasks has exited")');
});

test('the timeline names builder nodes if there are several, with the jobs of each below', async ({
  page,
  send,
}) => {
  const on = (id: string, node: string): EventBody => ({ ...start(id), node }) as EventBody;
  send(begin);
  send(on('pg:15', 'ci0'));
  await page.keyboard.press('t');
  await page.waitForSelector('.bar[aria-label^="pg:15, job 1, running"]');
  assert.is(await page.locator('.lane-name').count(), 0);
  send(on('pg:17', 'ci1'));
  await page.waitForSelector('.bar[aria-label^="pg:17, job 1 on ci1, running"]');
  assert.equal(await page.locator('.lane-name').allTextContents(), ['ci0', 'ci1']);
  const tops = await page
    .locator('.lane-name, .bar')
    .evaluateAll((all) => all.map((each) => [each.textContent, each.getBoundingClientRect().top] as const));
  const order = [...tops].sort(([, a], [, b]) => a - b).map(([text]) => text?.split(' ')[0]);
  assert.equal(order, ['ci0', 'pg:15', 'ci1', 'pg:17']);
  await page.click('.bar[aria-label^="pg:17"]');
  send({
    type: 'task-finished',
    phase: 'build',
    id: 'pg:17',
    node: 'ci1',
    outcome: 'built',
    ms: 4000,
    bytes: 1,
  });
  await page.waitForSelector('aside dd:has-text("ci1")');
});

test('changes of the project are shown in place and keep selection and filters', async (live) => {
  const { page, server } = live;
  await page.click(chip('pg:17', 'todo'));
  await page.selectOption('select', '17');
  live.picture = { ...planned, 'pg:17': { needs: ['base:1'] } };
  server.notifyNewPlan();
  await page.waitForSelector(chip('pg:17', 'current'));
  assert.is(await page.innerText('aside h2'), 'pg:17');
  assert.is(await page.inputValue('select'), '17');
  live.picture = { ...live.picture, 'new:1': {} };
  server.notifyNewPlan();
  await page.waitForSelector(chip('new:1', 'current'));
  await page.waitForSelector('aside h2:has-text("pg:17")');
});

suiteOf.run();
