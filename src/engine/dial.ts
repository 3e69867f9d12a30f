import { spawn } from 'node:child_process';
import { Duplex } from 'node:stream';
import type { Environment } from '../model/environment.ts';
import { ConnectionLost } from '../model/errors.ts';
import { clientEnvironment } from './environment.ts';
import type { Dial } from './http-get.ts';

/** The docker client could not connect to the engine. The message is the end of its error output. */
export class DialFailed extends ConnectionLost {
  override readonly name = 'DialFailed';
}

/** How many characters of the client's error output are kept. */
const maxErrorLength = 2_000;

/** Returns a function that connects through `docker system dial-stdio`, which supports TLS and ssh. */
export function dialWithClient(environment: Environment): Dial {
  return () => {
    const file = environment.TASKS_DOCKER || 'docker';
    const child = spawn(file, ['system', 'dial-stdio'], {
      env: clientEnvironment(environment),
      stdio: ['pipe', 'pipe', 'pipe'],
      // Ctrl-C in the terminal must not end it: the connection is still needed to clean up in the engine.
      detached: true,
    });
    let errorOutput = '';
    let isConnected = false;
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
      isConnected = true;
      if (!stream.push(data)) child.stdout.pause();
    });
    child.stderr
      .setEncoding('utf8')
      .on('data', (text: string) => (errorOutput = (errorOutput + text).slice(-maxErrorLength)));
    // The exit of the process reports the failure.
    child.stdin.on('error', () => undefined);
    child.on('error', (error) => stream.destroy(new DialFailed(`cannot start ${file}: ${error.message}`)));
    child.on('close', (code, signal) => {
      if (stream.destroyed) return;
      if (isConnected) stream.push(null);
      else {
        const outcome = signal === null ? `failed with exit code ${code}` : `was killed by ${signal}`;
        stream.destroy(new DialFailed(errorOutput.trim() || `${file} ${outcome}`));
      }
    });
    return stream;
  };
}
