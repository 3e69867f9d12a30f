// `node bench/docker.mjs`: a run with nothing to do over real images in the engine here, beside make with `docker build` for each
// image, and `docker buildx bake` where docker has that plug-in. `--sizes 18`, `--rounds 3`. Its images are removed at the end.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { interleaved, machine, runOnce } from './measure.mjs';
import { makeWorkspace } from './workspace.mjs';

const program = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../dist/tasks.js');
const { values: flags } = parseArgs({
  options: { sizes: { type: 'string', default: '18' }, rounds: { type: 'string', default: '3' } },
});
const docker = process.env.TASKS_DOCKER ?? 'docker';
const repos = ['bench.invalid/tasks', 'bench.invalid/others'];
const place = mkdtempSync(path.join(tmpdir(), 'tasks-bench-'));
process.on('exit', () => {
  rmSync(place, { recursive: true, force: true });
  for (const repo of repos) {
    const tags = execFileSync(docker, ['images', '--format', '{{.Repository}}:{{.Tag}}'], {
      encoding: 'utf8',
    });
    const own = tags.split('\n').filter((tag) => tag.startsWith(`${repo}/`));
    if (own.length > 0) spawnSync(docker, ['rmi', ...own], { stdio: 'ignore' });
  }
});

const tagOf = (id) => `${repos[1]}/${id}`;

function makefile(tasks) {
  const rules = tasks.map(({ name, version, folder, needs }) => {
    const args = needs.map((need) => `--build-arg BASE=${tagOf(need)} `).join('');
    const before = needs.map((need) => need.replace(':', '-')).join(' ');
    return `${name}-${version}: ${before}\n\t@${docker} build -q ${args}-t ${tagOf(`${name}:${version}`)} ${folder}\n`;
  });
  const all = tasks.map(({ name, version }) => `${name}-${version}`).join(' ');
  return `.PHONY: all ${all}\nall: ${all}\n${rules.join('')}`;
}

function bakeFile(tasks) {
  const target = Object.fromEntries(
    tasks.map(({ name, version, folder, needs }) => [
      `${name}-${version}`,
      {
        context: folder,
        tags: [tagOf(`${name}:${version}`)],
        ...(needs.length > 0
          ? { contexts: { base: `target:${needs[0].replace(':', '-')}` }, args: { BASE: 'base' } }
          : {}),
      },
    ]),
  );
  return JSON.stringify({ group: { default: { targets: Object.keys(target) } }, target });
}

const hasBake = spawnSync(docker, ['buildx', 'version'], { stdio: 'ignore' }).status === 0;
for (const count of flags.sizes.split(',').map(Number)) {
  const cwd = path.join(place, `w${count}`);
  const tasks = makeWorkspace(cwd, { count });
  writeFileSync(path.join(cwd, 'Makefile'), makefile(tasks));
  writeFileSync(path.join(cwd, 'bake.json'), bakeFile(tasks));
  const env = { DOCKER_BUILDKIT: '1' };
  const contestants = [
    { name: 'node -e 0', argv: [process.execPath, '-e', '0'] },
    { name: 'tasks build', argv: [process.execPath, program, 'build', '--repo', repos[0]] },
    { name: 'make -j2, docker build', argv: ['make', '-s', '-j2'], env },
    ...(hasBake ? [{ name: 'docker buildx bake', argv: [docker, 'buildx', 'bake', '-f', 'bake.json'] }] : []),
  ].map((each) => ({ ...each, cwd }));
  const first = contestants.slice(1).map((each) => [each.name, runOnce(each.argv, each).wall]);
  for (const each of contestants) runOnce(each.argv, each);
  const results = interleaved(contestants, Number(flags.rounds));
  const rows = Object.entries(results).map(([name, { cpu, wall }]) => {
    const cold = first.find(([each]) => each === name)?.[1];
    return `| ${name} | ${cold === undefined ? '' : (cold / 1000).toFixed(1)} | ${cpu.toFixed(0)} | ${wall.toFixed(0)} |`;
  });
  const { date } = machine();
  process.stdout.write(
    `${date}, ${count} images${hasBake ? '' : ', no buildx here: without bake'}\n\n| | everything new, s | nothing to do: CPU of the client, ms | wall, ms |\n| --- | ---: | ---: | ---: |\n${rows.join('\n')}\n\n`,
  );
}
