import { existsSync } from 'node:fs';
import { type Browser, chromium, type Page } from 'playwright-core';

/** The browser that the CHROMIUM variable names, or Debian's chromium. */
const executablePath = [process.env.CHROMIUM, '/usr/bin/chromium'].find((path) => path && existsSync(path));

export const hasBrowser = executablePath !== undefined;

/** Why tests are skipped without a browser. */
export const browserMissing = 'needs /usr/bin/chromium: apt-get install chromium';

export async function openBrowser(): Promise<Browser> {
  // Chromium's sandbox does not work as root, which runs the tests in containers and CI.
  const isRoot = process.getuid?.() === 0;
  return await chromium.launch({ executablePath: executablePath!, args: isRoot ? ['--no-sandbox'] : [] });
}

/** Opens a page and records its console messages and errors as `problems`, and the URLs of its requests. */
export async function openMonitoredPage(browser: Browser, options: Parameters<Browser['newPage']>[0] = {}) {
  const page: Page = await browser.newPage({ viewport: { width: 1280, height: 800 }, ...options });
  page.setDefaultTimeout(30_000);
  const problems: string[] = [];
  const requests: string[] = [];
  page.on('console', (message) => problems.push(`${message.type()}: ${message.text()}`));
  page.on('pageerror', (error) => problems.push(error.stack ?? error.message));
  page.on('request', (request) => requests.push(request.url()));
  return { page, problems, requests };
}
