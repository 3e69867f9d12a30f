// The pictures in docs/pictures are what the program draws of the shipped definitions: `npm run pictures` makes them anew.
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { makeDrawing } from '../../src/draw/drawing.ts';
import { makePicture } from '../../src/draw/picture.ts';
import { svgFile } from '../../src/draw/svg.ts';
import { makeGraph } from '../../src/graph/graph.ts';
import { resolveSelectors } from '../../src/graph/select.ts';
import { loadDeclarations } from '../../src/load/load.ts';
import type { Plan, Step } from '../../src/model/plan.ts';
import type { Graph } from '../../src/model/task.ts';
import { tempFolder } from '../support/temp.ts';

const test = suite('pictures');
const root = process.cwd();

/** Settings of the machine that the tests run on must not count. */
for (const name of Object.keys(process.env))
  if (name.startsWith('TASKS_') && !['TASKS_PICTURES', 'TASKS_TEST_TALLY'].includes(name))
    delete process.env[name];

/** The shipped definitions in a profile. */
async function shippedGraph(profile: string): Promise<Graph> {
  const folder = tempFolder();
  const declarations = await loadDeclarations({
    root,
    profile,
    cacheFolder: path.join(folder, 'definitions'),
    programId: 'pictures',
    loadModule: (url) => import(url),
  });
  return makeGraph(declarations, 'linux/amd64');
}

/** As if one task had changed and all others were up to date. */
function planAfter(changed: string, graph: Graph): Plan {
  const touched = resolveSelectors(graph, [`${changed}+`]);
  const steps = [...graph.tasks.values()].map((task): [string, Step] => [
    task.id,
    {
      task,
      action: !touched.has(task.id) ? 'reuse' : task.kind === 'command' ? 'run' : 'build',
      reasons: [],
      selected: true,
      key: '',
      tags: [],
      newTags: [],
      noCache: false,
      forced: false,
    },
  ]);
  return { steps: new Map(steps) };
}

for (const [profile, changed] of [
  ['debian', 'postgres:17'],
  ['default', 'postgres:17.9-test'],
] as const) {
  test(`docs/pictures/${profile}.svg is what the program draws today (else: npm run pictures)`, async () => {
    const plan = planAfter(changed, await shippedGraph(profile));
    const picture = makePicture(plan, { failed: new Set(), changedOnly: false });
    const drawing = makeDrawing(picture, { full: false, maxChips: 60, legend: true });
    const text = svgFile(
      drawing,
      `The images of profile ${profile}, and what a change of ${changed} touches`,
    );
    const file = path.join(root, `docs/pictures/${profile}.svg`);
    if (process.env.TASKS_PICTURES === 'write') writeFileSync(file, text);
    assert.ok(drawing.width <= 830, 'fits a page');
    assert.fixture(readFileSync(file, 'utf8'), text);
  });
}

test.run();
