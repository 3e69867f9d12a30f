// The picture of the page in docs/pictures. `npm run pictures` takes it anew; fonts differ between machines, so it is not compared.
import { readFileSync } from 'node:fs';
import * as assert from 'uvu/assert';
import { pageSuite } from '../support/page-suite.ts';
import { axesPicture } from '../support/pictures.ts';

const { test, run } = pageSuite('page/pictures');
const file = 'docs/pictures/page.png';

test(
  'docs/pictures/page.png shows the page of a graph with axes',
  axesPicture(),
  async (page) => {
    await page.locator('.chip[data-id="server:16-trixie-full"]').click();
    await page.getByRole('heading', { name: 'server:16-trixie-full' }).waitFor();
    if (process.env.TASKS_PICTURES === 'write') await page.screenshot({ path: file, animations: 'disabled' });
    const header = readFileSync(file).subarray(0, 24);
    assert.is(header.toString('latin1', 1, 4), 'PNG');
    assert.equal([header.readUInt32BE(16), header.readUInt32BE(20)], [1280, 720]);
  },
  { browser: { viewport: { width: 1280, height: 720 } } },
);

run();
