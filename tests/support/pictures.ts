import { makePageData, type PageData, type TaskFacts } from '../../src/draw/page-data.ts';
import type { Picture, PictureTask } from '../../src/draw/picture.ts';
import type { State } from '../../src/draw/state.ts';
import type { Reason } from '../../src/model/plan.ts';
import type { ManifestLine, TaskRecord } from '../../src/model/record.ts';

type TaskFields = Partial<Omit<PictureTask, 'reasons'>> & { readonly reasons?: readonly string[] };

/** Returns a picture of tasks by ID. By default, tasks are published images that are up to date. */
export function testPicture(tasks: Readonly<Record<string, TaskFields>>): Picture {
  return {
    tasks: Object.entries(tasks).map(([id, { reasons = [], ...fields }]) => {
      const colon = id.indexOf(':');
      return {
        id,
        name: id.slice(0, colon),
        version: id.slice(colon + 1),
        kind: 'image',
        state: 'current',
        action: 'reuse',
        needs: [],
        after: [],
        publish: true,
        reasons: reasons.map((detail): Reason => ({ code: 'changed', detail })),
        ...fields,
      };
    }),
  };
}

/** Returns a generator of pseudorandom integers from 0 up to a limit, exclusive, which depend only on the seed. */
function randomNumbers(seed: number): (limit: number) => number {
  let state = seed;
  return (limit) => {
    state = (state * 1103515245 + 12345) % 2147483648;
    return Math.floor((state / 2147483648) * limit);
  };
}

const states: readonly State[] = [
  'current',
  'current',
  'current',
  'todo',
  'todo',
  'failed',
  'blocked',
  'skipped',
];
const kinds = ['image', 'image', 'internal', 'files', 'command'] as const;

/** Returns a picture of images in a number of versions each, of all kinds and states, that need one another. */
export function matrixPicture(images: number, versions: number): Picture {
  const random = randomNumbers(images * 1000 + versions);
  const needs = Array.from({ length: images }, (_, image) =>
    image === 0 ? [] : Array.from({ length: 1 + random(2) }, () => Math.max(0, image - 1 - random(6))),
  );
  const imageKinds = needs.map(() => kinds[random(kinds.length)]!);
  const tasks: Record<string, TaskFields> = {};
  for (let image = 0; image < images; image++)
    for (let version = 0; version < versions; version++) {
      const kind = imageKinds[image]!;
      tasks[`image-${image}:${version}.1`] = {
        kind,
        state: states[random(states.length)]!,
        publish: kind === 'image',
        needs: [...new Set(needs[image]!.map((need) => `image-${need}:${version}.1`))],
        after: image > 9 && version === 0 ? [`image-${image - 9}:0.1`] : [],
      };
    }
  return testPicture(tasks);
}

/** Returns a picture of an image in 54 versions on three axes, and what it needs and what needs it. */
export function axesPicture(): Picture {
  const distros = ['bookworm', 'trixie', 'noble'];
  const tasks: Record<string, TaskFields> = {};
  for (const distro of distros) tasks[`rootfs:${distro}`] = { kind: 'command', axes: { distro } };
  for (const pg of ['13', '14', '15', '16', '17', '18'])
    for (const distro of distros)
      for (const flavor of ['slim', 'full', 'debug'])
        tasks[`server:${pg}-${distro}-${flavor}`] = {
          axes: { pg, distro, flavor },
          needs: [`rootfs:${distro}`],
          ...(pg === '16' ? { state: 'todo', action: 'build' } : {}),
        };
  tasks['suite:16'] = { needs: ['server:16-trixie-full'], state: 'failed', action: 'build' };
  return testPicture(tasks);
}

/** Returns page data for a picture in which every task has a record, inputs and a log. */
export function pageDataOf(picture: Picture, about: Partial<PageData> = {}): PageData {
  const random = randomNumbers(picture.tasks.length);
  const digest = (): string => Array.from({ length: 64 }, () => random(16).toString(16)).join('');
  const shared = Array.from(
    { length: 40 },
    (_, index): ManifestLine => ['file', `src/file-${index}.c`, `file ${digest()}`],
  );
  let time = Date.UTC(2026, 10, 23);
  const facts = picture.tasks.map(({ id, name, version }): [string, TaskFacts] => {
    const durationMs = 1000 * (1 + random(90));
    time += durationMs / 2;
    const record: TaskRecord = {
      key: digest(),
      task: id,
      imageId: `sha256:${digest()}`,
      needs: {},
      bytes: 1e6 * (1 + random(900)),
      durationMs,
      tags: [],
      time: new Date(time).toISOString(),
    };
    const lines: ManifestLine[] = [['arg', 'VERSION', version], ['env', 'TOKEN', '=hunter2'], ...shared];
    return [
      id,
      {
        description: `what ${name} is for`,
        where: `tasks/images.ts (${name})`,
        key: record.key,
        tags: [`citus/${id}`],
        manifest: { schema: 2, lines },
        record,
        expectedMs: durationMs,
        log: { file: `.cache/logs/${name}.log`, lines: ['#1 RUN make', `made ${id}`] },
      },
    ];
  });
  const page = {
    title: 'tasks of citus',
    command: 'tasks',
    time: '2026-11-24T12:00:00.000Z',
    isLive: false,
    ...about,
  };
  return makePageData(picture, new Map(facts), page);
}
