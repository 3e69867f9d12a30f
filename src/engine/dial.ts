import { spawn } from 'node:child_process';
import { Duplex } from 'node:stream';
import type { Environment } from './endpoint.ts';
import { clientEnvironment } from './environment.ts';
import type { Dial } from './http-get.ts';

/** The docker client could not reach the engine; the message holds its last words. */
export class DialFailed extends Error {
  override readonly name = 'DialFailed';
}

/** As much of what a client says as a message can hold. */
const longest = 2_000;

/** Reaches engines behind TLS or ssh the way the docker client does. */
export function dialWithClient(environment: Environment): Dial {
  return () => {
    const file = environment.TASKS_DOCKER || 'docker';
    const child = spawn(file, ['system', 'dial-stdio'], {
      env: clientEnvironment(environment),
      stdio: ['pipe', 'pipe', 'pipe'],
      // An interrupt at the terminal is for us: what was started in the engine must still be ended.
      detached: true,
    });
    let words = '';
    let hasAnswered = false;
    const stream = new Duplex({
      read: () => void child.stdout.resume(),
      write: (data: Buffer, _encoding, done) => void child.stdin.write(data, () => done()),
      final: (done) => void child.stdin.end(() => done()),
      destroy(error, done) {
        child.kill();
        done(error);
      },
    });
    child.stdout.on('data', (data: Buffer) => {
      hasAnswered = true;
      if (!stream.push(data)) child.stdout.pause();
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => (words = (words + text).slice(-longest)));
    // What it could not take is told by how it ends.
    child.stdin.on('error', () => undefined);
    child.on('error', (error) =>
      stream.destroy(new DialFailed(`${file} cannot be started: ${error.message}`)),
    );
    child.on('close', (code, signal) => {
      if (stream.destroyed) return;
      if (hasAnswered) stream.push(null);
      else
        stream.destroy(new DialFailed(words.trim() || `${file} ended with ${signal ?? `exit code ${code}`}`));
    });
    return stream;
  };
}
