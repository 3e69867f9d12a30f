import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { tempFolder, writeFiles } from './temp.ts';

/** A program `ssh` that is the first on PATH, and what it was called with. */
export interface FakeSsh {
  readonly env: { readonly PATH: string };
  /** Returns the arguments of each call, in order. */
  calls(): string[][];
  /** Returns the process IDs of all calls, in order. */
  pids(): number[];
}

/** Returns an `ssh` that connects its standard streams to a unix socket, as `docker system dial-stdio` does on another machine. */
export function sshTo(socket: string): FakeSsh {
  return fakeSsh(`
import { connect } from 'node:net';
const engine = connect(${JSON.stringify(socket)});
engine.on('error', (error) => {
  console.error(error.message);
  process.exit(1);
});
process.stdin.pipe(engine).pipe(process.stdout);
`);
}

/** Returns an `ssh` that runs a script of Node. */
export function fakeSsh(script: string): FakeSsh {
  const folder = tempFolder();
  const log = path.join(folder, 'calls');
  const text = `import { appendFileSync } from 'node:fs';
appendFileSync(${JSON.stringify(log)}, JSON.stringify([process.pid, ...process.argv.slice(2)]) + '\\n');
${script}`;
  writeFiles(folder, {
    'ssh.mjs': text,
    'bin/ssh*': `#!/bin/sh\nNODE_EXTRA_CA_CERTS= exec ${process.execPath} ${folder}/ssh.mjs "$@"\n`,
  });
  const lines = (): (string | number)[][] =>
    existsSync(log)
      ? readFileSync(log, 'utf8')
          .trim()
          .split('\n')
          .map((line) => JSON.parse(line) as (string | number)[])
      : [];
  return {
    env: { PATH: `${folder}/bin:${process.env.PATH}` },
    calls: () => lines().map(([, ...args]) => args as string[]),
    pids: () => lines().map(([pid]) => pid as number),
  };
}
