import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { commands } from '../../src/cli/commands.ts';
import { browserMissing, hasBrowser, openBrowser, openMonitoredPage } from '../support/browser.ts';
import { nodeSources, propertiesOf } from '../support/source-facts.ts';
import { tempFolder } from '../support/temp.ts';

const test = suite('documentation site');

/** A path of a server that no page knows. */
const base = '/some/where/';
const hasPackages = existsSync('docs/node_modules/vitepress');

let site: string;
let server: Server;
let browser: Browser;
let origin: string;

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
  '.woff2': 'font/woff2',
};

/** Serves the site below `base`, as a server of static files does. */
function serve(): Server {
  return createServer((request, response) => {
    const name = decodeURIComponent(new URL(request.url!, 'http://x').pathname);
    const file = path.join(site, name.slice(base.length), name.endsWith('/') ? 'index.html' : '');
    if (!name.startsWith(base) || !existsSync(file)) return response.writeHead(404).end();
    return response
      .writeHead(200, { 'content-type': types[path.extname(file)] ?? 'application/octet-stream' })
      .end(readFileSync(file));
  }).listen(0, '127.0.0.1');
}

/** The HTML pages of the site, relative to it. */
function sitePages(): string[] {
  return readdirSync(site, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.html'));
}

test.before(async () => {
  if (!hasBrowser || !hasPackages) return;
  site = path.join(tempFolder(), 'site');
  const flags = ['build', '--base', base, '--outDir', site];
  const { status, stdout, stderr } = spawnSync('node', ['scripts/docs.mjs', ...flags], { encoding: 'utf8' });
  assert.is(status, 0, `${stdout}${stderr}`);
  server = serve();
  await once(server, 'listening');
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  browser = await openBrowser();
});
test.after(async () => {
  await browser?.close();
  server?.close();
  server?.closeAllConnections();
});

const needs = !hasBrowser
  ? browserMissing
  : hasPackages
    ? undefined
    : "needs the site's packages: npm run docs";

function inBrowser(title: string, handler: () => Promise<void>): void {
  if (needs === undefined) test(title, handler);
  else test.skip(`${title} (${needs})`);
}

/** Opens a page and waits until its scripts have taken over. */
async function openPage(page: Page, address: string): Promise<void> {
  await page.goto(address);
  await page.waitForFunction(`'__vue_app__' in document.querySelector('#app')`);
}

/** Returns the addresses that a page links to, and the anchors that it has. */
async function linksOf(page: Page): Promise<{ links: string[]; anchors: string[] }> {
  const read = async (list: string): Promise<string[]> => (await page.evaluate(list)) as string[];
  return {
    links: await read(`[...document.querySelectorAll('a[href]')].map(({ href }) => href)`),
    anchors: await read(`[...document.querySelectorAll('[id]')].map(({ id }) => id)`),
  };
}

inBrowser('no page has a dead link, an error in the console, or a request to another server', async () => {
  const { page, problems, requests } = await openMonitoredPage(browser);
  const found = new Map<string, { links: string[]; anchors: string[] }>();
  for (const name of sitePages().filter((file) => file !== '404.html')) {
    const address = `${origin}${base}${name}`;
    await openPage(page, address);
    found.set(address, await linksOf(page));
  }
  await page.close();
  const dead = [...found].flatMap(([from, { links }]) =>
    links
      .filter((link) => link.startsWith(origin))
      .filter((link) => {
        const { pathname, hash } = new URL(link);
        const target = found.get(`${origin}${pathname.replace(/\/$/, '/index.html')}`);
        return (
          target === undefined || (hash !== '' && !target.anchors.includes(decodeURIComponent(hash.slice(1))))
        );
      })
      .map((link) => `${from}: ${link}`),
  );
  assert.ok(found.size > 10);
  assert.equal([...new Set(dead)], []);
  assert.equal(problems, []);
  assert.equal(
    requests.filter((url) => !url.startsWith(`${origin}${base}`)),
    [],
  );
});

/** The names of the variables of `tasks` in the code. */
const variables = [
  ...new Set(
    nodeSources().flatMap((file) => readFileSync(file, 'utf8').match(/\bTASKS_[A-Z_]+[A-Z]\b/g) ?? []),
  ),
];

inBrowser('the search finds every command, every field of a definition, and every variable', async () => {
  const { page, problems } = await openMonitoredPage(browser);
  await openPage(page, `${origin}${base}reference.html`);
  await page.keyboard.press('Control+k');
  const fields = ['CommonFields', 'WithVersions', 'ImageFields', 'CommandFields', 'ProjectFields'].flatMap(
    (type) => propertiesOf('src/define/types.ts', type),
  );
  const sought = [
    ...commands
      .map(({ usage }) => usage.split(' ')[0]!)
      .map((name) => ({ text: `tasks ${name}`, place: `commands.html#tasks-${name}` })),
    ...fields.map((name) => ({ text: name, place: `definitions.html#${name.toLowerCase()}` })),
    ...variables.map((name) => ({ text: name, place: 'environment.html' })),
  ];
  assert.ok(variables.includes('TASKS_OUT'));
  const lost: string[] = [];
  for (const { text, place } of sought) {
    await page.locator('#localsearch-input').fill(text);
    const result = page.locator(`a.result[href^="${base}reference/${place}"]`);
    await result
      .first()
      .waitFor({ timeout: 10_000 })
      .catch(() => lost.push(text));
  }
  await page.close();
  assert.equal(lost, []);
  assert.equal(problems, []);
});

inBrowser('the site is light or dark, as the reader prefers', async () => {
  const colors: unknown[] = [];
  for (const colorScheme of ['light', 'dark'] as const) {
    const { page } = await openMonitoredPage(browser, { colorScheme });
    await page.goto(`${origin}${base}reference.html`);
    colors.push(await page.evaluate('getComputedStyle(document.body).backgroundColor'));
    await page.close();
  }
  assert.equal(new Set(colors).size, 2);
});

test('every page is in the navigation', async () => {
  const { navigation } = (await import(path.resolve('docs/.vitepress/navigation.mjs'))) as {
    navigation: readonly { items: readonly { link: string }[] }[];
  };
  const linked = navigation.flatMap(({ items }) =>
    items.map(({ link }) => `${link.slice(1)}${link.endsWith('/') ? 'index' : ''}.md`),
  );
  const written = readdirSync('docs', { recursive: true, encoding: 'utf8' }).filter(
    (file) => file.endsWith('.md') && !file.startsWith('node_modules') && file !== 'index.md',
  );
  const examples = readdirSync('examples').filter((name) => existsSync(`examples/${name}/README.md`));
  const pages = [
    ...written.filter((file) => !file.includes('[')),
    ...examples.map((name) => `examples/${name}.md`),
  ];
  assert.equal(linked.toSorted(), pages.toSorted());
});

test.run();
