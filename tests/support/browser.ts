import { existsSync } from 'node:fs';
import { type Browser, chromium, type Page } from 'playwright-core';

/** Debian's chromium, or another where one is named. */
const executablePath = [process.env.CHROMIUM, '/usr/bin/chromium'].find((path) => path && existsSync(path));

export const hasBrowser = executablePath !== undefined;

/** What a skipped test says of it. */
export const browserMissing = 'needs /usr/bin/chromium: apt-get install chromium';

export async function openBrowser(): Promise<Browser> {
  // Chromium's own walls don't work for root, who runs the tests in containers and CI.
  const isRoot = process.getuid?.() === 0;
  return await chromium.launch({ executablePath: executablePath!, args: isRoot ? ['--no-sandbox'] : [] });
}

/** A page that notes whatever a clean one never does: messages, errors, requests to elsewhere. */
export async function openMonitoredPage(browser: Browser, options: Parameters<Browser['newPage']>[0] = {}) {
  const page: Page = await browser.newPage({ viewport: { width: 1280, height: 800 }, ...options });
  page.setDefaultTimeout(30_000);
  const faults: string[] = [];
  const asked: string[] = [];
  page.on('console', (message) => faults.push(`${message.type()}: ${message.text()}`));
  page.on('pageerror', (error) => faults.push(error.stack ?? error.message));
  page.on('request', (request) => asked.push(request.url()));
  return { page, faults, asked };
}
