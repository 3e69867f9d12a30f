import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { dotText } from '../../../src/draw/dot.ts';
import { escapeXml, jsonInHtml, quoteDot, quoteMermaid } from '../../../src/draw/escape.ts';
import { fitsGithub, mermaidText } from '../../../src/draw/mermaid.ts';
import { pictureJson } from '../../../src/draw/picture.ts';
import { matrixPicture, testPicture } from '../../support/pictures.ts';

const test = suite('draw/formats');

const small = testPicture({
  'base:1': { publish: false, kind: 'internal' },
  'files:1': { kind: 'command', publish: false, state: 'skipped', action: 'skip' },
  'app:1': { needs: ['base:1'], after: ['files:1'] },
  'app:2': { needs: ['base:1'], state: 'todo', action: 'build', reasons: ['arg A 1 → "2"'] },
});

test('json: the documented format', () => {
  assert.equal(pictureJson(small), {
    nodes: [
      { id: 'base:1', name: 'base', version: '1', action: 'reuse', publish: false },
      { id: 'files:1', name: 'files', version: '1', action: 'skip', publish: false },
      { id: 'app:1', name: 'app', version: '1', action: 'reuse', publish: true },
      { id: 'app:2', name: 'app', version: '2', action: 'build', publish: true },
    ],
    edges: [
      { from: 'app:1', to: 'base:1', kind: 'needs' },
      { from: 'app:1', to: 'files:1', kind: 'after' },
      { from: 'app:2', to: 'base:1', kind: 'needs' },
    ],
  });
});

test('dot: a cluster per image, a node per version, arrows to needs', () => {
  const text = dotText(small);
  assert.match(
    text,
    /subgraph cluster_2 \{\n {4}label="app";\n {4}"app:1" .*\n {4}"app:2" \[label="● 2", shape=box/,
  );
  assert.match(text, /\n {2}"app:2" -> "base:1";\n/);
  assert.match(text, /\n {2}"app:1" -> "files:1" \[style=dashed/);
  assert.match(text, /tooltip="to do\\narg A 1 → \\"2\\""/);
});

test('mermaid: a group per image, a node per version, states as classes', () => {
  assert.is(
    mermaidText(small).replace(/(classDef \w+) .*/g, '$1'),
    `flowchart TD
  subgraph g0 ["base"]
    t0("✔ 1"):::current
  end
  subgraph g1 ["files"]
    t1[["· 1"]]:::skipped
  end
  subgraph g2 ["app"]
    t2["✔ 1"]:::current
    t3["● 2"]:::todo
  end
  t2 --> t0
  t2 -.-> t1
  t3 --> t0
  %% 1 to do
  classDef todo
  %% 2 up to date
  classDef current
  %% 1 skipped
  classDef skipped
  classDef image
  class g0,g1,g2 image
`,
  );
});

test('fitsGithub rejects flowcharts that are too large', () => {
  assert.ok(fitsGithub(mermaidText(matrixPicture(12, 5))));
  assert.not.ok(fitsGithub(mermaidText(matrixPicture(20, 50))));
});

test('the same picture gives the same bytes', () => {
  for (const draw of [dotText, mermaidText, pictureJson])
    assert.equal(draw(matrixPicture(10, 6)), draw(matrixPicture(10, 6)));
});

const hostile = '</script><img src=x onerror=alert(1)>"\'&\u0000\u2028\ud800`\\ ]]> #; \n';

test('names and reasons are escaped for every format', () => {
  for (const character of ['<', '>', '"', "'", '\u0000', '\ud800'])
    assert.not.ok(escapeXml(hostile).includes(character));
  assert.not.match(jsonInHtml({ hostile }), /[<>&\u2028]/);
  assert.equal(JSON.parse(jsonInHtml({ hostile })), JSON.parse(JSON.stringify({ hostile })));
  assert.not.match(quoteDot(hostile), /[^\\]"./s);
  assert.not.match(quoteDot(hostile).slice(1, -1), /\n/);
  assert.not.match(quoteMermaid(hostile).slice(1, -1), /["<>`[\]\n\\]/);
});

test.run();
