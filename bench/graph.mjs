// `node bench/graph.mjs`: measures the size of drawings of graphs and the time to create them, for generated matrices of images by
// versions, with all states and kinds, 42 inputs and a log each. Prints kilobytes and milliseconds (medians of five). If there is a
// Chromium, it also prints the time until the page is shown, and between frames while the page is dragged and zoomed.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const rounds = 5;
const matrices = [
  [7, 2],
  [12, 5],
  [20, 25],
  [20, 50],
  [1000, 1],
  [50, 100],
];

const parts = `
export { makeDrawing } from './src/draw/drawing.ts';
export { htmlPage } from './src/draw/html.ts';
export { svgFile } from './src/draw/svg.ts';
export { matrixPicture, pageDataOf } from './tests/support/pictures.ts';
export { openMonitoredPage, hasBrowser, openBrowser } from './tests/support/browser.ts';
`;

const say = (text) => process.stdout.write(`${text}\n`);
const middle = (numbers) => numbers.sort((a, b) => a - b)[Math.floor(numbers.length / 2)];

function measure(make) {
  let text = '';
  const times = Array.from({ length: rounds }, () => {
    const start = performance.now();
    text = make();
    return performance.now() - start;
  });
  return { text, shown: `${Math.round(text.length / 1000)} kB ${Math.round(middle(times))} ms` };
}

/** Returns the milliseconds between frames during an action. */
async function frames(page, act) {
  await page.evaluate(
    '{ const own = (window.frames_ = []); const next = (now) => { own.push(now); if (!own.isOver) requestAnimationFrame(next); }; requestAnimationFrame(next); }',
  );
  await act();
  const at = await page.evaluate('window.frames_.isOver = true; [...window.frames_]');
  const gaps = at.slice(1).map((now, index) => now - at[index]);
  return `${middle(gaps).toFixed(1)} (worst ${Math.max(...gaps).toFixed(1)}) ms`;
}

async function inBrowser({ openMonitoredPage }, browser, file) {
  const { page } = await openMonitoredPage(browser);
  const start = performance.now();
  await page.goto(pathToFileURL(file).href);
  await page.waitForSelector('.graph [data-id]');
  const shown = Math.round(performance.now() - start);
  const drag = await frames(page, async () => {
    await page.mouse.move(100, 700);
    await page.mouse.down();
    for (let step = 0; step < 60; step++) await page.mouse.move(100 + step * 5, 700 - step * 4);
    await page.mouse.up();
  });
  const zoom = await frames(page, async () => {
    for (let step = 0; step < 40; step++) await page.mouse.wheel(0, step < 20 ? -60 : 60);
  });
  await page.close();
  return `page shown in ${shown} ms, frames: drag ${drag}, zoom ${zoom}`;
}

const folder = path.join(root, 'node_modules/.cache', `bench-graph-${process.pid}`);
mkdirSync(folder, { recursive: true });
try {
  const outfile = path.join(folder, 'parts.js');
  await build({
    stdin: { contents: parts, resolveDir: root },
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    packages: 'external',
    logLevel: 'warning',
  });
  const made = await import(pathToFileURL(outfile).href);
  const part = (name) => readFileSync(path.join(root, 'dist/page', name), 'utf8').trimEnd();
  const bundled = { script: part('page.js'), style: part('style.css') };
  const browser = made.hasBrowser ? await made.openBrowser() : undefined;
  for (const [images, versions] of matrices) {
    const picture = made.matrixPicture(images, versions);
    const options = { full: false, maxChips: 60, legend: true };
    const svg = measure(() => made.svgFile(made.makeDrawing(picture, options), 'bench'));
    const full = measure(() => made.svgFile(made.makeDrawing(picture, { ...options, full: true }), 'bench'));
    const data = made.pageDataOf(picture);
    const html = measure(() => made.htmlPage(data, bundled));
    say(
      `${images * versions} tasks of ${images} images: svg ${svg.shown}, --full ${full.shown}, html ${html.shown}`,
    );
    if (browser === undefined) continue;
    const file = path.join(folder, 'graph.html');
    writeFileSync(file, html.text);
    say(`  ${await inBrowser(made, browser, file)}`);
  }
  await browser?.close();
} finally {
  rmSync(folder, { recursive: true, force: true });
}
