// Measures programs: CPU time of the whole process tree in milliseconds (user and system, by bash's `time`), and peak memory.
import { execFileSync, spawnSync } from 'node:child_process';
import { arch, cpus, platform, totalmem } from 'node:os';

/** The environment of measured programs, without NODE_EXTRA_CA_CERTS, which takes 40 ms in each Node process. */
export function environment(extra = {}) {
  const { NODE_EXTRA_CA_CERTS: _, ...env } = process.env;
  return { ...env, CI: '', NO_COLOR: '1', ...extra };
}

/** Runs a program once. Returns CPU and wall time in milliseconds. @throws Error with its output if it fails */
export function runOnce(argv, { cwd, env = {} } = {}) {
  const script =
    'TIMEFORMAT="%3U %3S %3R"; time "$@" >/dev/null 2>/tmp/bench-err-$$; code=$?; [ $code = 0 ] || cat /tmp/bench-err-$$ >&2; rm -f /tmp/bench-err-$$; exit $code';
  const { status, stderr } = spawnSync('bash', ['-c', script, 'bench', ...argv], {
    cwd,
    env: environment(env),
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`${argv.join(' ')} exits with ${status}: ${stderr.trim().slice(-400)}`);
  const [user, system, wall] = stderr.trim().split('\n').at(-1).split(' ').map(Number);
  return { cpu: (user + system) * 1000, wall: wall * 1000 };
}

/** Returns the peak resident memory of a program in MB, by GNU time. */
export function peakMemory(argv, { cwd, env = {} } = {}) {
  const { stderr } = spawnSync('/usr/bin/time', ['-f', '%M', ...argv], {
    cwd,
    env: environment(env),
    encoding: 'utf8',
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  return Number(stderr.trim().split('\n').at(-1)) / 1024;
}

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor((sorted.length - 1) / 2)];
}

/** Runs all contestants in turn, `rounds` times, each after its `before` if it has one. Returns the medians by name. */
export function interleaved(contestants, rounds) {
  const runs = new Map(contestants.map(({ name }) => [name, []]));
  for (let round = 0; round < rounds; round++)
    for (const { name, argv, cwd, env, before } of contestants) {
      before?.();
      runs.get(name).push(runOnce(argv, { cwd, env }));
    }
  return Object.fromEntries(
    [...runs].map(([name, list]) => [
      name,
      { cpu: median(list.map(({ cpu }) => cpu)), wall: median(list.map(({ wall }) => wall)) },
    ]),
  );
}

/** Returns a description of the machine. */
export function machine() {
  const cpu = cpus();
  return {
    date: new Date().toISOString().slice(0, 10),
    node: process.version,
    system: `${platform()} ${arch()}, kernel ${execFileSync('uname', ['-r'], { encoding: 'utf8' }).trim()}`,
    cpu: `${cpu.length} × ${cpu[0]?.model.trim() ?? 'unknown'}`,
    memory: `${Math.round(totalmem() / 2 ** 30)} GB`,
  };
}
