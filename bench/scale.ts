// `node bench/scale.mjs`: measures the CPU time in milliseconds and the heap of each stage by the number of tasks, without a disk or
// an engine. Definitions are declared in memory, and an observer answers as if each task had ten files.
import { planDocument } from '../src/app/plan-document.ts';
import { image } from '../src/define/index.ts';
import type { Declarations } from '../src/define/types.ts';
import { makeGraph } from '../src/graph/graph.ts';
import { resolveSelectors, withNeeds } from '../src/graph/select.ts';
import { computeKeys } from '../src/key/compute-keys.ts';
import { keyLabel } from '../src/model/labels.ts';
import type { ObservedImage } from '../src/model/observed.ts';
import type { EngineImage, Observer } from '../src/model/ports.ts';
import type { TaskRecord } from '../src/model/record.ts';
import { makePlan } from '../src/plan/plan.ts';

const count = Number(process.argv[2]);
const versionsEach = 10;
let last = process.cpuUsage();
const figures: Record<string, number> = {};
function mark(stage: string): void {
  const { user, system } = process.cpuUsage(last);
  figures[stage] = (user + system) / 1000;
  last = process.cpuUsage();
}

function declare(): Declarations {
  const versions = Array.from({ length: versionsEach }, (_, at) => `${at + 1}`);
  const definitions: Declarations['definitions'][number][] = [];
  for (let number = 0; number < Math.ceil(count / versionsEach); number++) {
    const before = number % 5 === 0 ? undefined : definitions.at(-1)!.definition;
    const definition = image({
      name: `image${number}`,
      versions,
      context: (version: string) => `images/image${number}/${version}`,
      ...(before === undefined ? {} : { needs: { BASE: before } }),
    });
    definitions.push({ definition, where: { file: 'tasks/images.ts', name: `image${number}` } });
  }
  return { definitions, projects: [] };
}

const digest = 'd'.repeat(64);
const observed: ObservedImage = {
  kind: 'image',
  context: Array.from({ length: 10 }, (_, at) => ({
    path: `file${at}.txt`,
    type: 'file',
    executable: false,
    size: 4096,
    digest,
  })),
  dockerfile: { source: 'Dockerfile', digest },
  vague: [],
  impure: [],
  unpinnedFetches: [],
  suspect: [],
  bases: [],
};
const observer: Observer = {
  names: async () => [],
  recall: () => undefined,
  observe: async () => observed,
  remember: () => undefined,
  finish: () => undefined,
};

const declarations = declare();
mark('declare');
const graph = makeGraph(declarations, 'linux/amd64');
mark('graph');
const scope = withNeeds(graph, resolveSelectors(graph, []));
const { keyed, observations } = await computeKeys(graph, scope, observer);
mark('manifests and keys');
const records = new Map<string, TaskRecord>();
const images: EngineImage[] = [];
for (const [id, { key }] of keyed) {
  const task = graph.tasks.get(id)!;
  const needs = Object.fromEntries(
    task.needs.flatMap((need) => need.tasks.map((each) => [each, `sha256:${each}`])),
  );
  const record = {
    key,
    task: id,
    imageId: `sha256:${id}`,
    needs,
    bytes: 1,
    durationMs: 1,
    tags: [],
    time: '',
  };
  records.set(key, record);
  images.push({ id: record.imageId, tags: [], labels: { [keyLabel]: key }, bytes: 1, created: 0 });
}
mark('(world)');
const naming = { repo: 'r', suffix: '-dev1', timed: true };
const plan = makePlan({
  graph,
  selected: scope,
  scope,
  observations,
  keyed,
  existing: { records, images, files: new Map(), remote: new Map() },
  latest: new Map(),
  naming,
  forced: new Set(),
  tested: new Set(),
  retest: false,
});
mark('plan');
const text = JSON.stringify(planDocument({ plan, observations: new Map(), graph, naming }));
mark('plan as JSON');
const { rss } = process.memoryUsage();
process.stdout.write(
  JSON.stringify({ count: graph.tasks.size, figures, bytes: text.length, rss: rss / 2 ** 20 }),
);
