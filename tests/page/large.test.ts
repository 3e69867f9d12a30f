// Large graphs, small windows and matrices in a real browser.
import type { Page } from 'playwright-core';
import * as assert from 'uvu/assert';
import { drawn, pageSuite, scaleOf, textOf } from '../support/page-suite.ts';
import { axesPicture, matrixPicture, testPicture } from '../support/pictures.ts';

const { test, run } = pageSuite('page/large');

/** Returns the sizes of the visible texts of the graph, in pixels on the screen. */
const textSizes = async (page: Page): Promise<number[]> => {
  const scale = await scaleOf(page);
  const sizes = (await page.evaluate(`[...document.querySelectorAll('.graph svg text')]
    .filter((text) => text.getBoundingClientRect().width > 0)
    .map((text) => parseFloat(getComputedStyle(text).fontSize))`)) as number[];
  return sizes.map((size) => size * scale);
};

/** Returns the texts of folded cards that are not inside of their card. */
const overflowing = (page: Page): Promise<(string | null)[]> =>
  page.locator('.fold').evaluateAll((folds) =>
    folds.flatMap((fold) => {
      const box = fold.querySelector('.box')!.getBoundingClientRect();
      return [...fold.querySelectorAll('text')].flatMap((text) => {
        const { left, right, top, bottom } = text.getBoundingClientRect();
        const isInside =
          left >= box.left - 1 && right <= box.right + 1 && top >= box.top - 2 && bottom <= box.bottom + 2;
        return isInside ? [] : [text.textContent];
      });
    }),
  );

/** Waits until a gesture has ended for the page, and cards are shown for the new scale. */
const settled = async (page: Page): Promise<void> => {
  await page.waitForSelector('.graph > svg:not([style*="will-change"])');
  await drawn(page);
};

const zoomAt = async (page: Page, x: number, y: number, distance: number): Promise<void> => {
  await page.mouse.move(x, y);
  await page.mouse.wheel(0, distance);
  await settled(page);
};

test(
  'f fits 500 tasks into the window, with text of 9 pixels or more',
  matrixPicture(20, 25),
  async (page) => {
    await page.keyboard.press('+');
    await page.keyboard.press('f');
    await drawn(page);
    const outside = await page.evaluate(`(() => {
    const holder = document.querySelector('.graph').getBoundingClientRect();
    return [...document.querySelectorAll('.fold .box')].filter((box) => {
      const { left, right, top, bottom } = box.getBoundingClientRect();
      return left < holder.left || right > holder.right || top < holder.top || bottom > holder.bottom;
    }).length;
  })()`);
    assert.is(outside, 0);
    assert.is(await page.locator('.fold').count(), 20);
    assert.ok((await textSizes(page)).length >= 20, 'each card has a title');
    assert.ok(Math.min(...(await textSizes(page))) >= 9);
    assert.equal(await overflowing(page), []);
  },
);

test(
  'at every scale, text has 9 pixels or more and is inside of its card',
  matrixPicture(12, 40),
  async (page) => {
    for (const expand of [false, true]) {
      if (expand) await page.click('text=Expand versions');
      await page.keyboard.press('f');
      for (let step = 0; step < 9; step++) {
        await drawn(page);
        const sizes = await textSizes(page);
        assert.ok(
          sizes.length === 0 || Math.min(...sizes) >= 9,
          `${Math.min(...sizes)} px at ${await scaleOf(page)}`,
        );
        assert.equal(await overflowing(page), []);
        await page.keyboard.press(step < 7 ? '-' : 'f');
      }
      for (let step = 0; step < 8; step++) {
        await page.keyboard.press('+');
        await drawn(page);
        const sizes = await textSizes(page);
        assert.ok(sizes.length === 0 || Math.min(...sizes) >= 9);
      }
    }
  },
);

test('cards are folded when zoomed out and open when zoomed in', matrixPicture(100, 5), async (page) => {
  assert.is(await page.locator('.card:visible').count(), 0);
  const { x, y, width, height } = (await page.locator('.fold .box').nth(50).boundingBox())!;
  await page.mouse.click(x + width / 2, y + height - 1);
  await settled(page);
  assert.is(await page.locator('.fold').count(), 0);
  assert.ok((await scaleOf(page)) >= 0.8);
  const cards = await page.locator('.card:visible').count();
  assert.ok(cards > 0 && cards < 100, `only cards near the window are shown, not ${cards}`);
  await page.keyboard.press('f');
  await drawn(page);
  assert.is(await page.locator('.card:visible').count(), 0);
});

test('a folded card of one task selects it', matrixPicture(200, 1), async (page) => {
  await page.locator('.fold').nth(3).click();
  assert.match(await textOf(page, 'aside h2'), /^image-\d+:0\.1$/);
});

test('folded cards can be used with the keyboard', matrixPicture(100, 5), async (page) => {
  const focused = (): Promise<unknown> => page.evaluate('document.activeElement.dataset.card');
  await page.locator('.fold[tabindex="0"]').focus();
  const first = await focused();
  await page.keyboard.press('ArrowRight');
  assert.is.not(await focused(), first);
  await page.keyboard.press('Enter');
  await settled(page);
  assert.is(await page.locator('.fold').count(), 0);
});

test(
  '"Expand versions" shows a lane per image with a card per version and its duration',
  matrixPicture(8, 6),
  async (page) => {
    assert.is(await page.locator('.card').count(), 8);
    await page.click('text=Expand versions');
    await drawn(page);
    assert.is(await page.locator('.card').count(), 8);
    assert.is(await page.locator('.chip[data-id]').count(), 48);
    const chip = page.locator('.chip[data-id="image-3:2.1"]');
    assert.match(await chip.locator('text').allTextContents().then(String), /^2\.1,\d+/);
  },
);

test('all of 1,000 tasks are drawn and can be found', matrixPicture(20, 50), async (page) => {
  assert.is(await page.locator('.graph .chip[data-id]').count(), 1000);
  await page.keyboard.press('/');
  await page.keyboard.type('image-7:33.1');
  await page.keyboard.press('Enter');
  assert.is(await textOf(page, 'aside h2'), 'image-7:33.1');
  await settled(page);
  const { x, y } = (await page.locator('.chip[data-id="image-7:33.1"]').boundingBox())!;
  assert.ok(x > 0 && x < 900 && y > 0 && y < 800, 'the selected task is visible');
  await page.keyboard.press('m');
});

test(
  'the minimap shows the visible part, and dragging in it moves the graph',
  matrixPicture(20, 25),
  async (page) => {
    assert.not.ok(await page.isVisible('.minimap'), 'hidden while everything is visible');
    await zoomAt(page, 600, 400, -900);
    assert.ok(await page.isVisible('.minimap'));
    const map = (await page.locator('.minimap canvas').boundingBox())!;
    const frame = async () => (await page.locator('.minimap .frame').boundingBox())!;
    await page.mouse.move(map.x + 20, map.y + 20);
    await page.mouse.down();
    await page.mouse.move(map.x + map.width / 2 + 9, map.y + map.height / 2 - 9, { steps: 4 });
    await page.mouse.up();
    const { x, y, width, height } = await frame();
    assert.ok(Math.abs(x + width / 2 - map.x - map.width / 2 - 9) < 3);
    assert.ok(Math.abs(y + height / 2 - map.y - map.height / 2 + 9) < 3);
  },
);

test(
  'the search counts its matches, and goes to the next and the previous',
  matrixPicture(20, 5),
  async (page) => {
    await page.keyboard.press('/');
    await page.keyboard.type('image-1:');
    assert.is(await textOf(page, '.count'), '5 found');
    await page.keyboard.press('Enter');
    assert.is(await textOf(page, '.count'), '1 of 5');
    assert.is(await textOf(page, 'aside h2'), 'image-1:0.1');
    await page.keyboard.press('Enter');
    assert.is(await textOf(page, 'aside h2'), 'image-1:1.1');
    await page.keyboard.press('Shift+Enter');
    await page.keyboard.press('Shift+Enter');
    assert.is(await textOf(page, '.count'), '5 of 5');
    await page.click('[aria-label^="Next match"]');
    assert.is(await textOf(page, '.count'), '1 of 5');
    await page.click('[aria-label^="Previous match"]');
    assert.is(await textOf(page, 'aside h2'), 'image-1:4.1');
    await page.fill('.search input', 'nothing has this name');
    assert.is(await textOf(page, '.count'), 'no matches');
  },
);

test(
  'the focus shows one task with its needs and dependents, and Esc leaves it',
  axesPicture(),
  async (page) => {
    await page.keyboard.press('/');
    await page.keyboard.type('16-trixie-full');
    await page.keyboard.press('Enter');
    await page.click('aside >> text=Focus');
    await drawn(page);
    const ids = (): Promise<string[]> =>
      page.locator('.chip[data-id]').evaluateAll((all) => all.map((each) => each.getAttribute('data-id')!));
    assert.equal((await ids()).sort(), ['rootfs:trixie', 'server:16-trixie-full', 'suite:16']);
    assert.match(await textOf(page, '.banner'), /Only server:16-trixie-full.*3 tasks/);
    await page.click('nav >> text=Matrix');
    assert.is(await page.locator('.matrix td button:visible').count(), 6 + 3 + 1);
    await page.click('nav >> text=Graph');
    await page.keyboard.press('Escape');
    await drawn(page);
    assert.is((await ids()).length, 58);
    assert.is(await textOf(page, 'aside h2'), 'server:16-trixie-full');
    await page.keyboard.press('o');
    await drawn(page);
    assert.is((await ids()).length, 3);
  },
);

const phone = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true };

test(
  'on a phone no view is wider than the screen, and two fingers zoom',
  axesPicture(),
  async (page) => {
    const width = (): Promise<unknown> => page.evaluate('document.documentElement.scrollWidth');
    for (const view of ['Matrix', 'Timeline', 'Graph']) {
      await page.click(`nav >> text=${view}`);
      await drawn(page);
      assert.is(await width(), 390, view);
    }
    const before = await scaleOf(page);
    const session = await page.context().newCDPSession(page);
    const touch = (type: string, ...points: number[][]) =>
      session.send('Input.dispatchTouchEvent', {
        type: type as 'touchStart',
        touchPoints: points.map(([x, y], id) => ({ x: x!, y: y!, id })),
      });
    await touch('touchStart', [150, 500], [240, 500]);
    for (let step = 1; step <= 5; step++)
      await touch('touchMove', [150 - 20 * step, 500], [240 + 20 * step, 500]);
    await touch('touchEnd');
    await settled(page);
    assert.ok((await scaleOf(page)) > before * 2);
    assert.not.ok(await page.isVisible('aside'), 'a pinch is not a tap');
    const [x, y] = (await page.evaluate(`[...document.querySelectorAll('.chip[data-id]')]
      .map((chip) => chip.getBoundingClientRect())
      .map(({ left, top, width, height }) => [left + width / 2, top + height / 2])
      .find(([x, y]) => document.elementFromPoint(x, y)?.closest('.chip'))`)) as [number, number];
    await page.touchscreen.tap(x, y);
    await drawn(page);
    assert.ok(await page.isVisible('aside'));
    assert.is(await width(), 390);
    const main = (await page.locator('main').boundingBox())!;
    assert.ok(main.height > 180, 'details leave space for the graph');
  },
  { browser: phone },
);

test(
  'cards and the matrix have rows and columns by axis, and the matrix fills the width',
  axesPicture(),
  async (page) => {
    const card = page.locator('.card[data-card=server]');
    assert.equal(
      await card
        .locator('.small')
        .allTextContents()
        .then((all) => all.slice(0, 6)),
      [
        ...(await card.locator('.small').allTextContents()).slice(0, 1),
        'distro',
        'flavor',
        'pg',
        'bookworm',
        'slim',
      ],
    );
    await page.keyboard.press('m');
    const table = page.locator('.matrix table', { hasText: 'server, by pg' });
    assert.equal(await table.locator('thead th').allInnerTexts(), [
      'distro',
      'flavor',
      '13',
      '14',
      '15',
      '16',
      '17',
      '18',
    ]);
    assert.is(await table.locator('tbody tr').count(), 9);
    assert.equal(await table.locator('tbody tr').nth(3).locator('th').allInnerTexts(), ['trixie', 'slim']);
    assert.ok((await table.boundingBox())!.width > 1200);
    await page.selectOption('select', 'flavor=debug');
    await drawn(page);
    assert.is(await table.locator('tbody tr:visible').count(), 3);
  },
);

test(
  'the timeline fills the height, with the log of the selected task beside it',
  axesPicture(),
  async (page) => {
    await page.keyboard.press('t');
    await drawn(page);
    const lanes = (await page.locator('.lanes').boundingBox())!;
    assert.ok(lanes.y + lanes.height > 760, 'of 800 pixels');
    await page.locator('.bar').first().click();
    await drawn(page);
    const log = (await page.locator('aside .log').boundingBox())!;
    const bars = (await page.locator('.lanes').boundingBox())!;
    assert.ok(log.height > 300 && log.x > bars.x + bars.width - 1, 'beside the bars');
    assert.ok(log.y < 500, 'visible without scrolling');
  },
);

test(
  'commands and the key can be copied',
  axesPicture(),
  async (page) => {
    await page.keyboard.press('n');
    await page.click('[aria-label="Copy tasks why rootfs:bookworm"]');
    await page.waitForSelector('.copy:has-text("copied")');
    assert.is(await page.evaluate('navigator.clipboard.readText()'), 'tasks why rootfs:bookworm');
    const key = (await page.locator('dd code').first().getAttribute('title'))!;
    assert.match(key, /^[0-9a-f]{64}$/);
    await page.click(`[aria-label="Copy ${key}"]`);
    await page.waitForSelector(`[aria-label="Copy ${key}"]:has-text("copied")`);
    assert.is(await page.evaluate('navigator.clipboard.readText()'), key);
  },
  { browser: { permissions: ['clipboard-read', 'clipboard-write'] } },
);

const tag = '<img src=x onerror="document.title=1">';
const hostile = testPicture(
  Object.fromEntries(
    Array.from({ length: 60 }, (_, index) => [
      `${tag}${index % 3}:${tag}${index}`,
      { axes: { [`${tag}a`]: `${tag}${index % 5}`, b: `${tag}${index}` } },
    ]),
  ),
);

test('HTML in names, versions and axes is shown as text in every view', hostile, async (page) => {
  for (const key of ['-', '-', '-', '+', '+', '+', '+', 'n', 'm', 't', 'g', 'o']) {
    await page.keyboard.press(key);
    await drawn(page);
  }
  await page.click('text=Expand versions');
  assert.ok((await page.locator('aside').textContent())!.includes(tag));
  assert.is(await page.title(), 'tasks of citus');
  assert.is(await page.locator('img').count(), 0);
});

run();
