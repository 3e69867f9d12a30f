// The tools that build real images in `docker.mjs`, each from the same workspace: their files, and the commands that a person would
// run after a change. `all`: images that others are built on may have changed.
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const program = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../dist/tasks.js');

/**
 * Returns the tools that this docker client can run, as `{ name, repo, prepare(folder, tasks), commands({ all }) }`. `server`: the
 * version of the engine.
 */
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

/** Returns a Makefile with one phony target per image, as people write it: docker finds out what changed. */
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
 * Returns a bake file. Targets that are built on others name them as contexts. The Dockerfile frontend of docker before 23 does not
 * support that; there, bake is called once per layer of images, which name the images below by tag.
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
