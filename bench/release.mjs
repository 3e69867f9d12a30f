// `node bench/release.mjs [ROUNDS]`: measures a release of 14 images of which 0, 1 or 14 changed, with the engine of this machine and a
// local registry (Debian's docker-registry): `tasks push`, `docker build` and `docker push` of all images, and
// `docker buildx bake --push` if docker has that plug-in. Prints requests and seconds, the medians of ROUNDS (default: 3).
// `--platforms linux/amd64,linux/arm64`: releases of indexes, without RUN, and without `docker build`. bake needs an engine with the
// containerd image store for that: `node scripts/with-engine.mjs -- node bench/release.mjs --platforms …`.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const { values: flags, positionals } = parseArgs({
  options: { platforms: { type: 'string', default: '' } },
  allowPositionals: true,
});
const rounds = Number(positionals[0] ?? 3);
const platforms = flags.platforms.split(',').filter(Boolean);
const isMulti = platforms.length > 0;
const names = Array.from({ length: 14 }, (_, index) => `image${String(index).padStart(2, '0')}`);
const folder = mkdtempSync(path.join(tmpdir(), 'tasks-release-'));
const docker = 'docker';
const env = { ...process.env, DOCKER_BUILDKIT: '1' };
const say = (text) => process.stdout.write(`${text}\n`);
const run = (file, args, cwd) =>
  execFileSync(file, args, { cwd, env, stdio: ['ignore', 'ignore', 'inherit'] });
const quiet = (file, args) => execFileSync(file, args, { env, stdio: 'ignore' });
const median = (numbers) => [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)];

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  return port;
}

async function startRegistry() {
  const host = `127.0.0.1:${await freePort()}`;
  const config = {
    version: 0.1,
    log: { level: 'error' },
    storage: { filesystem: { rootdirectory: path.join(folder, 'registry') } },
    http: { addr: host, relativeurls: true },
  };
  writeFileSync(path.join(folder, 'config.yml'), JSON.stringify(config));
  const log = path.join(folder, 'log');
  const out = openSync(log, 'a');
  const child = spawn('docker-registry', ['serve', path.join(folder, 'config.yml')], {
    stdio: ['ignore', out, out],
  });
  for (let up = false; !up; ) {
    up = await fetch(`http://${host}/v2/`).then(
      () => true,
      () => new Promise((resolve) => setTimeout(() => resolve(false), 50)),
    );
  }
  const requests = () =>
    readFileSync(log, 'latin1').match(/"(GET|HEAD|PUT|POST|PATCH|DELETE) [^"]* HTTP\/1/g)?.length ?? 0;
  return { host, child, requests };
}

/** Returns new content for the file of an image. */
function change(image, stamp) {
  writeFileSync(path.join(folder, 'project/images', image, 'data'), `${image} ${stamp}\n`.repeat(20_000));
}

function makeProject(host) {
  const project = path.join(folder, 'project');
  mkdirSync(path.join(project, 'tasks'), { recursive: true });
  for (const image of ['base', ...names]) mkdirSync(path.join(project, 'images', image), { recursive: true });
  copyFileSync('/bin/busybox', path.join(project, 'images/base/busybox'));
  writeFileSync(path.join(project, 'images/base/Dockerfile'), 'FROM scratch\nCOPY busybox /bin/sh\n');
  for (const image of names) {
    writeFileSync(
      path.join(project, 'images', image, 'Dockerfile'),
      `ARG BASE\nFROM $BASE\nCOPY data /data\n${isMulti ? 'ENV MADE=1' : 'RUN echo made >/made'}\n`,
    );
    change(image, 'first');
  }
  writeFileSync(
    path.join(project, 'tasks/images.ts'),
    `import { image, project } from 'image-tasks';
export default project({ repo: '${host}/tasks' });
const more = ${JSON.stringify(isMulti ? { platforms } : {})};
const base = image({ name: 'base', context: 'images/base', publish: false, ...more });
export const images = [base, ...${JSON.stringify(names)}.map((name) =>
  image({ name, context: \`images/\${name}\`, needs: { BASE: base }, ...more }))];
`,
  );
  const target = (image) => `target "${image}" {
  context = "images/${image}"
  tags = ["${host}/bake/${image}:\${STAMP}"]
  args = { BASE = "bench-base" }
${isMulti ? `contexts = { bench-base = "target:base" }\n  platforms = ${JSON.stringify(platforms)}\n` : ''}}`;
  writeFileSync(
    path.join(project, 'docker-bake.hcl'),
    `variable "STAMP" { default = "0" }
group "default" { targets = ${JSON.stringify(names)} }
target "base" {
  context = "images/base"
${isMulti ? `  platforms = ${JSON.stringify(platforms)}\n` : ''}}
${names.map(target).join('\n')}
`,
  );
  return project;
}

const registry = await startRegistry();
try {
  const project = makeProject(registry.host);
  const plain = (stamp) => {
    run(docker, ['build', '-q', '-t', 'bench-base', 'images/base'], project);
    for (const image of names) {
      const tag = `${registry.host}/plain/${image}:${stamp}`;
      run(docker, ['build', '-q', '-t', tag, '--build-arg', 'BASE=bench-base', `images/${image}`], project);
      run(docker, ['push', '-q', tag], project);
    }
  };
  const ours = (stamp) =>
    run(process.execPath, [path.join(root, 'dist/tasks.js'), 'push', '--suffix', `-${stamp}`, '-q'], project);
  const bake = (stamp) => {
    if (!isMulti) run(docker, ['build', '-q', '-t', 'bench-base', 'images/base'], project);
    execFileSync(docker, ['buildx', 'bake', '--push', '--progress', 'quiet'], {
      cwd: project,
      env: { ...env, STAMP: stamp },
      stdio: ['ignore', 'ignore', 'inherit'],
    });
  };
  const contestants = { 'tasks push': ours, ...(isMulti ? {} : { 'docker build, docker push': plain }) };
  try {
    quiet(docker, ['buildx', 'version']);
    contestants['docker buildx bake --push'] = bake;
  } catch {
    say('docker has no buildx plug-in here: without bake');
  }
  for (const push of Object.values(contestants)) push('first');
  const results = [];
  for (const changed of [0, 1, 14]) {
    const seen = Object.fromEntries(Object.keys(contestants).map((name) => [name, []]));
    for (let round = 0; round < rounds; round++) {
      for (const [name, push] of Object.entries(contestants)) {
        const stamp = `${changed}-${round}`;
        for (const image of names.slice(0, changed)) change(image, `${name} ${stamp}`);
        const [before, begun] = [registry.requests(), performance.now()];
        push(stamp);
        seen[name].push({
          seconds: (performance.now() - begun) / 1000,
          requests: registry.requests() - before,
        });
      }
    }
    for (const [name, runs] of Object.entries(seen))
      results.push({
        changed,
        name,
        requests: median(runs.map(({ requests }) => requests)),
        seconds: median(runs.map(({ seconds }) => seconds)),
      });
  }
  say('| changed | | requests | seconds |\n| --- | --- | --- | --- |');
  for (const { changed, name, requests, seconds } of results)
    say(`| ${changed} of 14 | ${name} | ${requests} | ${seconds.toFixed(1)} |`);
} finally {
  registry.child.kill();
  const made = execFileSync(docker, ['images', '--format', '{{.Repository}}:{{.Tag}}'], { encoding: 'utf8' });
  const own = made.split('\n').filter((tag) => tag.startsWith(registry.host) || tag.startsWith('bench-base'));
  if (own.length > 0) quiet(docker, ['rmi', ...own]);
  rmSync(folder, { recursive: true, force: true });
}
