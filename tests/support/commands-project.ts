import { makeProject, runCli } from './cli.ts';

const definitions = `import { command } from 'image-tasks';
const versions = ['1', '2'];
export const source = command({ name: 'source', versions, description: 'the text', run: (v) => ['./make', v], inputs: ['in/**'], env: ['COLOUR'] });
export const copy = command({ name: 'copy', versions, run: ['./copy'], inputs: ['copy'], needs: { source } });
export const all = command({ name: 'all', run: ['./list'], needs: { copies: copy.all() } });
`;
const make = `#!/bin/sh
echo "making $1"
echo "$1 $COLOUR $(cat in/a)" > "$TASKS_OUT/text"
[ ! -e fail-$1 ] || { echo "cannot make $1" >&2; exit 3; }
`;
export const makeCommands = (): string =>
  makeProject(definitions, {
    'make*': make,
    'copy*': '#!/bin/sh\ncp -r "$TASKS_NEED_SOURCE" "$TASKS_OUT/copied"\n',
    'list*': '#!/bin/sh\n(cd "$TASKS_NEED_COPIES"; find . -type f | sort) > "$TASKS_OUT/list"\n',
    'in/a': 'a\n',
  });
/** A docker host that does not exist: these tests must not need an engine. */
export const env = { DOCKER_HOST: 'unix:///nowhere.sock' };

export interface PlanJson {
  tasks: { id: string; action: string; key: string; reasons: { code: string; detail: string }[] }[];
  counts: Record<string, number>;
}
export const planOf = async (cwd: string, ...args: string[]): Promise<PlanJson> =>
  JSON.parse((await runCli(['plan', '--json', ...args], { cwd, env })).out) as PlanJson;
export const actions = (plan: PlanJson): Record<string, string> =>
  Object.fromEntries(plan.tasks.map(({ id, action }) => [id, action]));
export const reasonOf = (plan: PlanJson, id: string): string =>
  plan.tasks
    .find((task) => task.id === id)!
    .reasons.map(({ code, detail }) => `${code}: ${detail}`)
    .join('; ');
