import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type DrawnCard, makeDrawing } from '../../../src/draw/drawing.ts';
import type { Picture } from '../../../src/draw/picture.ts';
import { CHARACTER_WIDTH } from '../../../src/draw/text-size.ts';
import { foldedCard, foldScale, minTextSize, openScale } from '../../../src/page/folded-card.ts';
import { axesPicture, matrixPicture, testPicture } from '../../support/pictures.ts';

const test = suite('page/folded-card');

const cardsOf = (picture: Picture, style: 'line' | 'card' = 'line'): readonly DrawnCard[] =>
  makeDrawing(picture, { full: false, maxChips: 600, legend: false, style, aspect: 1.6 }).cards;

function fold(card: DrawnCard, scale: number): string {
  const states = new Map(card.card.tasks.map(({ id, state }) => [id, state]));
  return foldedCard(card, { scale, stateOf: (id) => states.get(id)!, emphasisOf: () => 'plain' });
}

const textsOf = (svg: string): { x: number; y: number; size: number; text: string }[] =>
  [...svg.matchAll(/<text class="[^"]*" x="([\d.]+)" y="([\d.]+)" font-size="([\d.]+)">([^<]*)</g)].map(
    ([, x, y, size, text]) => ({ x: Number(x), y: Number(y), size: Number(size), text: text! }),
  );

test('at each scale, all text is readable and inside of the card', () => {
  for (const picture of [matrixPicture(12, 5), matrixPicture(9, 1), axesPicture()])
    for (const style of ['line', 'card'] as const)
      for (const card of cardsOf(picture, style))
        for (let scale = openScale; scale > 0.01; scale *= 0.93)
          for (const { x, y, size, text } of textsOf(fold(card, foldScale(scale)))) {
            assert.ok(size * scale >= minTextSize, `${text} has ${size * scale} px at ${scale}`);
            const end = x + text.length * size * CHARACTER_WIDTH;
            assert.ok(end <= card.place.width + 0.1, `${text} ends at ${end} at ${scale}`);
            assert.ok(y <= card.place.height && y - size * 0.8 >= 0, `${text} is at ${y} at ${scale}`);
          }
});

test('a card has its title, then only colors', () => {
  const [card] = cardsOf(testPicture({ 'postgres-server:16': { state: 'todo' }, 'postgres-server:17': {} }));
  const at = (scale: number): string[] => textsOf(fold(card!, scale)).map(({ text }) => text);
  assert.equal(at(0.75), ['16', '17', 'postgres-server']);
  assert.equal(at(0.4), ['post…rver']);
  assert.equal(at(0.1), []);
  assert.match(fold(card!, 0.1), /block s-todo.*block s-current/);
  assert.match(fold(card!, 0.1), /aria-label="postgres-server, 2 versions: 1 to do, 1 up to date"/);
});

test('a card of one task has the color of its state, and selects the task', () => {
  const [card] = cardsOf(testPicture({ 'a:1': { state: 'failed' } }));
  assert.match(fold(card!, 0.5), /data-task="a:1".*class="box tint s-failed"/);
  assert.match(fold(card!, 0.05), /class="box block s-failed"/);
});

test('blocks that are too small to be hit do not select a task', () => {
  const card = cardsOf(axesPicture()).find(({ card: { id } }) => id === 'server')!;
  assert.match(fold(card, 0.7), /data-task="server:16-trixie-full"/);
  assert.not.match(fold(card, 0.2), /data-task/);
});

test('text is escaped', () => {
  const [card] = cardsOf(testPicture({ '<b>"&:1': {}, '<b>"&:<i>': {} }));
  for (const scale of [0.8, 0.3, 0.05]) assert.not.match(fold(card!, scale), /<[bi]>|&:/);
});

test.run();
