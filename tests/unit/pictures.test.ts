// The pictures in docs/pictures are drawn from this project's definitions. `npm run pictures` updates them.
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

// The environment must not change the definitions.
for (const name of Object.keys(process.env))
  if (name.startsWith('TASKS_') && !['TASKS_PICTURES', 'TASKS_TEST_TALLY'].includes(name))
    delete process.env[name];

/** Loads this project's graph in a profile. */
async function projectGraph(profile: string): Promise<Graph> {
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

/** Returns a plan in which one task has changed, so that it and its dependents are built. */
function planAfterChange(changed: string, graph: Graph): Plan {
  const affected = resolveSelectors(graph, [`${changed}+`]);
  const steps = [...graph.tasks.values()].map((task): [string, Step] => [
    task.id,
    {
      task,
      action: !affected.has(task.id) ? 'reuse' : task.kind === 'command' ? 'run' : 'build',
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
  test(`docs/pictures/${profile}.svg is up to date (if not, run: npm run pictures)`, async () => {
    const plan = planAfterChange(changed, await projectGraph(profile));
    const picture = makePicture(plan, { failed: new Set(), changedOnly: false });
    const drawing = makeDrawing(picture, { full: false, maxChips: 60, legend: true });
    const text = svgFile(
      drawing,
      `The images of profile ${profile}, and what a change of ${changed} rebuilds`,
    );
    const file = path.join(root, `docs/pictures/${profile}.svg`);
    if (process.env.TASKS_PICTURES === 'write') writeFileSync(file, text);
    assert.ok(drawing.width <= 830, 'fits a README');
    assert.fixture(readFileSync(file, 'utf8'), text);
  });
}

test.run();
