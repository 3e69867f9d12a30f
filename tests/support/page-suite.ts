import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { htmlPage } from '../../src/draw/html.ts';
import type { Picture } from '../../src/draw/picture.ts';
import { browserMissing, hasBrowser, openBrowser, openMonitoredPage } from './browser.ts';
import { pageDataOf } from './pictures.ts';
import { tempFolder } from './temp.ts';

const part = (name: string): string => readFileSync(path.resolve('dist/page', name), 'utf8').trimEnd();

/** Returns the page of a picture. */
export function renderPage(picture: Picture, about: Parameters<typeof pageDataOf>[1] = {}): string {
  return htmlPage(pageDataOf(picture, about), { script: part('page.js'), style: part('style.css') });
}

interface PageOptions {
  /** Added to the address. */
  readonly fragment?: string;
  /** How the browser opens the page. */
  readonly browser?: Parameters<Browser['newPage']>[0];
}

/**
 * Returns a suite whose tests open the page of a picture from a file. It checks after each test that the page caused no errors and
 * no requests.
 */
export function pageSuite(name: string) {
  const suiteOf = suite(name);
  let browser: Browser;
  suiteOf.before(async () => {
    if (hasBrowser) browser = await openBrowser();
  });
  suiteOf.after(async () => {
    await browser?.close();
  });
  const test = (
    title: string,
    picture: Picture,
    handler: (page: Page) => Promise<void>,
    { fragment = '', browser: options = {} }: PageOptions = {},
  ): void => {
    if (!hasBrowser) {
      suiteOf.skip(`${title} (${browserMissing})`);
      return;
    }
    suiteOf(title, async () => {
      const { page, problems, requests } = await openMonitoredPage(browser, options);
      const file = path.join(tempFolder(), 'graph.html');
      writeFileSync(file, renderPage(picture));
      await page.goto(`file://${file}${fragment}`);
      await page.waitForSelector('.graph svg');
      await drawn(page);
      await handler(page);
      assert.equal(problems, []);
      assert.equal(requests, [`file://${file}`]);
      await page.close();
    });
  };
  return { test, run: () => suiteOf.run() };
}

/** Waits until the page is drawn, which happens once per frame. */
export async function drawn(page: Page): Promise<void> {
  await page.evaluate('new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))');
}

/** Returns the text of an element after the page is drawn. */
export async function textOf(page: Page, selector: string): Promise<string> {
  await drawn(page);
  return await page.locator(selector).innerText();
}

/** Returns the scale of the graph: pixels on the screen per unit of the drawing. */
export async function scaleOf(page: Page): Promise<number> {
  return await page.locator('.graph > svg').evaluate((drawing) => {
    const [scale] = /scale\(([\d.]+)\)/.exec(drawing.getAttribute('style')!)!.slice(1);
    return Number(scale);
  });
}
