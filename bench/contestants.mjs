// Who builds real images in `docker.mjs`, each from the same workspace: what it is given, and the commands that a person would
// type after a change. `all`: when images that others stand on may have changed.
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const program = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../dist/tasks.js');

/** `{ name, repo, prepare(folder, tasks), commands({ all }) }` of each that can run with this docker client; `server` is its engine's version. */
export function contestants(docker, server, jobs) {
  const hasBake = spawnSync(docker, ['buildx', 'version'], { stdio: 'ignore' }).status === 0;
  return [tasksBuild(jobs), make(docker, jobs), ...(hasBake ? [bake(docker, server)] : [])];
}

function tasksBuild(jobs) {
  const repo = 'bench.invalid/tasks';
  return {
    name: `tasks build -j ${jobs}`,
    repo,
    prepare: () => undefined,
    commands: () => [[process.execPath, program, 'build', '-j', jobs, '--repo', repo]],
  };
}

/** One phony target an image, as people write it: whether something changed is for docker to find. */
function make(docker, jobs) {
  const repo = 'bench.invalid/make';
  const rule = ({ name, version, folder, needs }) => {
    const base = needs.map((need) => `--build-arg BASE=${repo}/${need} `).join('');
    const before = needs.map((need) => need.replace(':', '-')).join(' ');
    return `${name}-${version}: ${before}\n\t@${docker} build -q ${base}-t ${repo}/${name}:${version} ${folder}\n`;
  };
  return {
    name: `make -j${jobs}, docker build`,
    repo,
    prepare(folder, tasks) {
      const all = tasks.map(({ name, version }) => `${name}-${version}`).join(' ');
      writeFileSync(
        path.join(folder, 'Makefile'),
        `.PHONY: all ${all}\nall: ${all}\n${tasks.map(rule).join('')}`,
      );
    },
    commands: () => [['make', '-s', `-j${jobs}`]],
  };
}

/**
 * Targets that stand on others name them as contexts. The language that docker before 23 brings along does not know those: there
 * it takes one call for each layer of images, with tags for what is below.
 */
function bake(docker, server) {
  const repo = 'bench.invalid/bake';
  const hasContexts = Number.parseInt(server, 10) >= 23;
  const idOf = (need) => need.replace(':', '-');
  const baseOf = (need) =>
    hasContexts
      ? { contexts: { base: `target:${idOf(need)}` }, args: { BASE: 'base' } }
      : { args: { BASE: `${repo}/${need}` } };
  let layers = [];
  const call = (group) => [docker, 'buildx', 'bake', '-f', 'bake.json', group];
  return {
    name: 'docker buildx bake',
    repo,
    prepare(folder, tasks) {
      const depth = new Map();
      const target = {};
      for (const { name, version, folder: context, needs } of tasks) {
        const tags = [`${repo}/${name}:${version}`];
        depth.set(`${name}:${version}`, needs.length === 0 ? 0 : depth.get(needs[0]) + 1);
        target[`${name}-${version}`] = { context, tags, ...(needs.length > 0 ? baseOf(needs[0]) : {}) };
      }
      layers = Array.from({ length: Math.max(...depth.values()) + 1 }, (_, layer) => `layer${layer}`);
      const members = (layer) => [...depth].filter(([, own]) => own === layer).map(([id]) => idOf(id));
      const groups = layers.map((name, layer) => [name, { targets: members(layer) }]);
      const group = { default: { targets: Object.keys(target) }, ...Object.fromEntries(groups) };
      writeFileSync(path.join(folder, 'bake.json'), JSON.stringify({ group, target }));
    },
    commands: ({ all }) => (all && !hasContexts ? layers.map(call) : [call('default')]),
  };
}
