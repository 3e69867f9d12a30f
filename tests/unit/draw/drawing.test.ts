import * as fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Drawing, makeDrawing } from '../../../src/draw/drawing.ts';
import { layOut } from '../../../src/draw/layout/layout.ts';
import type { Line } from '../../../src/draw/layout/types.ts';
import type { Picture } from '../../../src/draw/picture.ts';
import { STATES } from '../../../src/draw/state.ts';
import { svgFile } from '../../../src/draw/svg.ts';
import { FONT_SIZES, textWidth } from '../../../src/draw/text-size.ts';
import { drawingCss } from '../../../src/draw/theme.ts';
import { axesPicture, matrixPicture, testPicture } from '../../support/pictures.ts';

const test = suite('draw/drawing');

interface Area {
  readonly label: string;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

function intersects(a: Area, b: Area): boolean {
  const tolerance = 0.01;
  return (
    a.x + tolerance < b.x + b.width &&
    b.x + tolerance < a.x + a.width &&
    a.y + tolerance < b.y + b.height &&
    b.y + tolerance < a.y + a.height
  );
}

function overlaps(areas: readonly Area[], others = areas): string[] {
  const same = areas === others;
  return areas.flatMap((a, index) =>
    (same ? others.slice(index + 1) : others)
      .filter((b) => intersects(a, b))
      .map((b) => `${a.label} on ${b.label}`),
  );
}

/** Returns the bounding boxes of the segments of a line. */
function segmentBoxes(line: Line, label: string): Area[] {
  return line.slice(1).map(([x2, y2], index) => {
    const [x1, y1] = line[index]!;
    const [x, y] = [Math.min(x1, x2), Math.min(y1, y2)];
    return { label, x, y, width: Math.max(1, Math.abs(x1 - x2)), height: Math.abs(y1 - y2) };
  });
}

/** Returns everything that is wrong with a drawing: overlaps, cut text, parts outside the drawing, lines that lead up. */
function findProblems({ cards, links, legend, width, height }: Drawing): string[] {
  const boxes = cards.map(({ card, place }) => ({ label: card.id, ...place }));
  const entries = legend.map(({ text, x, y }) => ({
    label: text,
    x,
    y,
    width: 16 + textWidth(text, FONT_SIZES.legend),
    height: 14,
  }));
  const inside = cards.flatMap(({ card, shape }) => {
    const chips = shape.chips.map((chip) => ({ label: `${card.id} ${chip.text}`, ...chip }));
    const labels = shape.labels.map(({ text, x, y }) => ({
      label: `label ${text}`,
      x,
      y: y - 9,
      width: textWidth(text, FONT_SIZES.small),
      height: 11,
    }));
    const title = { label: `title ${card.id}`, x: 8, y: 8, width: shape.width - 16, height: 16 };
    const overflowing = chips.filter(
      (chip) => chip.x + chip.width > shape.width || chip.y + chip.height > shape.height,
    );
    const cut = shape.chips.filter((chip) => textWidth(chip.text, FONT_SIZES.chip) > chip.width - 18);
    return [
      ...overlaps([...chips, ...labels, title]),
      ...overflowing.map(({ label }) => `${label} outside the card`),
      ...cut.map(({ text }) => `${text} is cut`),
    ];
  });
  const segments = links.flatMap(({ from, to, line }) => segmentBoxes(line, `${from} → ${to}`));
  const outside = [...boxes, ...entries, ...segments].filter(
    (area) => area.x < 0 || area.y < 0 || area.x + area.width > width || area.y + area.height > height,
  );
  return [
    ...overlaps([...boxes, ...entries]),
    ...overlaps(segments, [...boxes, ...entries]),
    ...inside,
    ...outside.map(({ label }) => `${label} outside the drawing`),
    ...links
      .filter(({ line }) => line[0]![1] >= line.at(-1)![1])
      .map(({ from, to }) => `${from} → ${to} leads up`),
  ];
}

const draw = (picture: Picture, full = false): Drawing =>
  makeDrawing(picture, { full, maxChips: 60, legend: true });

for (const [images, versions] of [
  [7, 2],
  [12, 5],
  [20, 25],
  [5, 100],
  [60, 1],
  [500, 1],
] as const) {
  test(`${images * versions} tasks, ${images} images: nothing overlaps, no line crosses a box`, () => {
    assert.equal(findProblems(draw(matrixPicture(images, versions))), []);
    assert.equal(findProblems(draw(matrixPicture(images, versions), true)), []);
  });
}

test('random graphs: nothing overlaps, no line crosses a box', () => {
  const graph = fc.integer({ min: 1, max: 40 }).chain((size) =>
    fc.array(fc.tuple(fc.nat(7), fc.nat(99), fc.nat(99), fc.boolean()), {
      minLength: size,
      maxLength: size,
    }),
  );
  fc.assert(
    fc.property(graph, fc.boolean(), (rows, full) => {
      const ids = rows.map(([name], index) => `${'n'.repeat(name * 4 + 1)}:${index}`);
      const tasks = rows.map(([, first, second, isAfter], index) => {
        const needs = index === 0 ? [] : [...new Set([ids[first % index]!, ids[second % index]!])];
        return [
          ids[index]!,
          { needs: needs.slice(first % 2), after: isAfter ? needs.slice(0, 1) : [] },
        ] as const;
      });
      assert.equal(findProblems(draw(testPicture(Object.fromEntries(tasks)), full)), []);
    }),
    { numRuns: 300 },
  );
});

test('boxes of random sizes: nothing overlaps, no line crosses a box, each line leads down from one box to the other', () => {
  const size = fc.record({
    width: fc.integer({ min: 30, max: 300 }),
    height: fc.integer({ min: 20, max: 200 }),
  });
  const graph = fc.tuple(
    fc.array(size, { minLength: 1, maxLength: 30 }),
    fc.array(fc.tuple(fc.nat(29), fc.nat(29)), { maxLength: 60 }),
  );
  fc.assert(
    fc.property(graph, ([boxes, pairs]) => {
      const links = pairs
        .filter(([from, to]) => from < to && to < boxes.length)
        .map(([from, to]) => ({ from, to, kind: 'needs' }));
      const { places, lines } = layOut(boxes, links, { width: 600, gap: 20 });
      const areas = places.map((place, index) => ({ label: String(index), ...place }));
      assert.equal(overlaps(areas), []);
      lines.forEach((line, index) => {
        const { from, to } = links[index]!;
        assert.equal(overlaps(segmentBoxes(line, `${from} → ${to}`), areas), []);
        const [[x, y], [endX, endY]] = [line[0]!, line.at(-1)!];
        assert.ok(
          Math.abs(y - places[from]!.y - places[from]!.height) < 0.01 &&
            Math.abs(endY - places[to]!.y) < 0.01,
        );
        for (const [at, { x: left, width }] of [
          [x, places[from]!],
          [endX, places[to]!],
        ] as const)
          assert.ok(at >= left && at <= left + width);
      });
    }),
    { numRuns: 300 },
  );
});

test('versions of an image that need one another have a card each', () => {
  const chain = testPicture({
    'base:1': {},
    'step:1': { needs: ['base:1'] },
    'step:2': { needs: ['step:1'] },
    'top:1': { needs: ['step:2'] },
    'top:2': { needs: ['step:2'] },
  });
  assert.equal(
    draw(chain).cards.map(({ card }) => card.id),
    ['base', 'step:1', 'step:2', 'top'],
  );
});

test('versions on several axes are in rows and columns, with labels', () => {
  for (const style of ['line', 'card'] as const) {
    const drawing = makeDrawing(axesPicture(), { full: false, maxChips: 60, legend: false, style });
    assert.equal(findProblems(drawing), []);
    const { shape } = drawing.cards.find(({ card }) => card.id === 'server')!;
    const at = (id: string) => shape.chips.find(({ task }) => task!.id === id)!;
    assert.is(at('server:13-noble-full').y, at('server:18-noble-full').y);
    assert.is(at('server:15-bookworm-slim').x, at('server:15-noble-debug').x);
    assert.is(at('server:15-noble-debug').text, '15');
    assert.equal(
      shape.labels
        .map(({ text }) => text)
        .filter((text) => /[^lmu]$/.test(text) || text === 'slim')
        .slice(0, 3),
      ['distro', 'flavor', 'pg'],
    );
  }
});

test('a drawing for a window has about its aspect', () => {
  const scaleIn = (aspect: number, made: number): number => {
    const { width, height } = makeDrawing(matrixPicture(30, 4), {
      full: false,
      maxChips: 60,
      legend: false,
      aspect: made,
    });
    return Math.min(aspect / width, 1 / height);
  };
  assert.ok(scaleIn(0.5, 0.5) > 1.1 * scaleIn(0.5, 2));
});

test('a card with too many versions shows the most important ones and counts the rest', () => {
  const many = Array.from({ length: 100 }, (_, version) => [`a:${version}`, {}] as const);
  const drawing = makeDrawing(testPicture({ ...Object.fromEntries(many), 'a:x': { state: 'failed' } }), {
    full: false,
    maxChips: 10,
    legend: false,
  });
  const texts = drawing.cards[0]!.shape.chips.map(({ text }) => text);
  assert.is(texts.length, 10);
  assert.ok(texts.includes('x'));
  assert.is(texts.at(-1), '92 more');
});

test('small graphs fit the width of a page', () => {
  for (const [images, versions] of [
    [7, 2],
    [12, 5],
  ] as const)
    assert.ok(
      draw(matrixPicture(images, versions)).width <= 830,
      String(draw(matrixPicture(images, versions)).width),
    );
});

test('no text is smaller than 9 pixels', () => {
  const sizes = [...drawingCss().matchAll(/font-size:([\d.]+)px/g)].map(([, size]) => Number(size));
  assert.ok(sizes.length > 2 && Math.min(...sizes) >= 9);
  assert.not.match(svgFile(draw(matrixPicture(3, 3)), 'x'), /font-size="|scale\(/);
});

test('each state has its own color in both themes, and its own icon', () => {
  const [light, dark] = drawingCss().split('@media (prefers-color-scheme:dark)');
  for (const state of STATES) {
    assert.match(light!, new RegExp(`\\.s-${state}>rect`));
    assert.match(dark!, new RegExp(`\\.s-${state}>rect`));
  }
  const picture = testPicture(Object.fromEntries(STATES.map((state) => [`${state}:1`, { state }])));
  const icons = [
    ...svgFile(draw(picture), 'x').matchAll(/class="(?:fill|stroke)" transform="[^"]*" d="([^"]+)"/g),
  ];
  assert.is(new Set(icons.map(([, shape]) => shape)).size, STATES.length);
});

test('text is escaped', () => {
  const hostile = testPicture({ 'a:1': { reasons: ['</title><script>alert("1")</script>\u0007'] } });
  const text = svgFile(draw(hostile), '<&"');
  assert.not.ok(text.includes('<script') || text.includes('\u0007'));
  assert.match(text, /&#60;\/title&#62;/);
});

test('the same picture gives the same bytes', () => {
  assert.is(svgFile(draw(matrixPicture(12, 5)), 'x'), svgFile(draw(matrixPicture(12, 5)), 'x'));
});

test('an empty picture can be drawn', () => {
  assert.match(svgFile(draw({ tasks: [] }), 'nothing'), /<svg /);
});

test.run();
