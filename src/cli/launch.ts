#!/usr/bin/env node
// The command `tasks`: starts program.js, which stands beside this file, with what V8 compiled of it before. Compiling it anew
// takes longer than all that a build with nothing to do does.
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { Script } from 'node:vm';

/** Put in by the bundler, as in main.ts. V8 tells compiled code of another text by the text's length alone. */
declare const BUILD_ID: string;

const file = path.join(__dirname, 'program.js');
const compiledFile = path.join(__dirname, `program-${BUILD_ID}-${process.version}-${process.arch}.compiled`);

/** Compiled code of this program by this Node; undefined before its first run. */
function readCompiled(): Buffer | undefined {
  try {
    return readFileSync(compiledFile);
  } catch {
    // Not there, or unreadable: compiled anew.
    return undefined;
  }
}

/** Keeps what this run needed compiled. */
function keepCompiled(script: Script): void {
  const part = `${compiledFile}.${process.pid}`;
  try {
    writeFileSync(part, script.createCachedData());
    renameSync(part, compiledFile);
  } catch {
    // Installed where this user may not write: each run takes 20 ms longer.
  }
}

// The bundle is plain ASCII.
const cachedData = readCompiled();
const script = new Script(readFileSync(file, 'latin1'), {
  filename: file,
  ...(cachedData !== undefined ? { cachedData } : {}),
});
type Start = (
  require: NodeJS.Require,
  place: string,
  loadModule: (url: string) => Promise<unknown>,
  onIdle: () => void,
) => void;
const start = script.runInThisContext() as Start;
const isCompiled = cachedData !== undefined && !script.cachedDataRejected;
start(
  require,
  __dirname,
  (url) => import(url),
  // What a run with nothing to do needs is kept compiled: it is the one that is to be fast.
  () => isCompiled || process.once('exit', () => keepCompiled(script)),
);
