// The pictures in docs/pictures are drawn from this project's definitions, and from what reporters write. `npm run pictures` updates
// them.
import { execFileSync } from 'node:child_process';
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
import { blockedPlan, failedRun, groupedFailures, runningBuild } from '../support/pictured-runs.ts';
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
    assert.ok(drawing.width <= 830, 'fits a README');
    checkPicture(profile, text);
  });
}

/** Checks a picture, or writes it. */
function checkPicture(name: string, text: string): void {
  const file = path.join(root, `docs/pictures/${name}.svg`);
  if (process.env.TASKS_PICTURES === 'write') writeFileSync(file, text);
  assert.fixture(readFileSync(file, 'utf8'), text);
}

/** Returns the plan of a task whose Dockerfile copies a file that is not there, and of those that need it. */
async function planOfBlockedTask(): Promise<string> {
  const graph = await projectGraph('debian');
  const blocked = 'exttester:17';
  const { steps } = planAfterChange('postgres:17', graph);
  return blockedPlan(
    [...steps.values()].map((step): Step => {
      const { id } = step.task;
      const built = step.action === 'build';
      const dependents = resolveSelectors(graph, [`${blocked}+`]);
      const { detail, code } =
        id === blocked
          ? {
              code: 'missing-file' as const,
              detail:
                'images/exttester/Dockerfile:14: COPY needs locale.gen, which is not in the build context images/exttester',
            }
          : dependents.has(id)
            ? { code: 'need-blocked' as const, detail: `${blocked} is blocked` }
            : id === 'postgres:17'
              ? { code: 'changed' as const, detail: 'arg PG_VERSION: 17.8 → 17.9' }
              : {
                  code: 'need-built' as const,
                  detail: `${step.task.needs.flatMap(({ tasks }) => tasks).find((need) => steps.get(need)?.action === 'build')} will be built`,
                };
      return {
        ...step,
        action: dependents.has(id) ? 'blocked' : step.action,
        reasons: built || dependents.has(id) ? [{ code, detail }] : [],
      };
    }),
  );
}

const screens: readonly (readonly [name: string, title: string, text: () => string | Promise<string>])[] = [
  ['live', 'tasks build: an image is built, three are being built, one waits', runningBuild],
  ['failure', 'A failed build: the task, the place, the last output, and the log', failedRun],
  ['failures', 'Four failures: three versions that fail in the same way share a block', groupedFailures],
  ['plan', 'tasks plan: what will be built, why, and what cannot be built', planOfBlockedTask],
];
for (const [name, title, text] of screens)
  test(`docs/pictures/${name}.svg is up to date (if not, run: npm run pictures)`, async () => {
    const input = await text();
    checkPicture(name, execFileSync('node', ['scripts/picture.mjs', title], { input, encoding: 'utf8' }));
  });

test.run();
