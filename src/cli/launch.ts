#!/usr/bin/env node
// The command `tasks`: starts program.js, which stands beside this file, and hands it the libraries in lib/ when it asks for one;
// all with what V8 compiled of them before. Compiling the program anew takes longer than all that a build with nothing to do does.
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { Script } from 'node:vm';
import { asAtFirst, isAsAtFirst, onMany } from './v8.ts';

/** Put in by the bundler, as in main.ts. V8 tells compiled code of another text by the text's length alone. */
declare const BUILD_ID: string;

interface Bundle {
  /** What the bundle's file is: one function. */
  readonly run: unknown;
  /** Keeps what this run needed compiled, if nothing is kept yet. */
  keep(): void;
}

/** A bundle in this folder, by its path without `.js`. */
function load(name: string): Bundle {
  const file = path.join(__dirname, `${name}.js`);
  const compiledFile = path.join(
    __dirname,
    `${name}-${BUILD_ID}-${process.version}-${process.arch}.compiled`,
  );
  const cachedData = readCompiled(compiledFile);
  // Bundles are plain ASCII.
  const text = readFileSync(file, 'latin1');
  const script = asAtFirst(
    () => new Script(text, { filename: file, ...(cachedData !== undefined ? { cachedData } : {}) }),
  );
  return {
    run: script.runInThisContext(),
    keep() {
      if (cachedData !== undefined && !script.cachedDataRejected) return;
      asAtFirst(() => {
        if (isAsAtFirst()) keepCompiled(compiledFile, script);
      });
    },
  };
}

/** Compiled code of a bundle by this Node; undefined before its first run. */
function readCompiled(compiledFile: string): Buffer | undefined {
  try {
    return readFileSync(compiledFile);
  } catch {
    // Not there, or unreadable: compiled anew.
    return undefined;
  }
}

function keepCompiled(compiledFile: string, script: Script): void {
  const part = `${compiledFile}.${process.pid}`;
  try {
    writeFileSync(part, script.createCachedData());
    renameSync(part, compiledFile);
  } catch {
    // Installed where this user may not write: each run takes 20 ms longer.
  }
}

type Module = { exports: unknown };
type Library = (exports: unknown, require: NodeJS.Require, module: Module) => void;
type Program = (
  require: (name: string) => unknown,
  place: string,
  loadModule: (url: string) => Promise<unknown>,
  onIdle: () => void,
  onMany: () => void,
) => void;

/** As `require`, for Node's modules and for the libraries, `./lib/<name>.js`. Who asks keeps what it got. */
function requireNear(name: string): unknown {
  if (!name.startsWith('./')) return require(name);
  const library = load(name.slice(2, -'.js'.length));
  const module: Module = { exports: {} };
  (library.run as Library)(module.exports, require, module);
  process.once('exit', library.keep);
  return module.exports;
}

const program = load('program');
(program.run as Program)(
  requireNear,
  __dirname,
  (url) => import(url),
  // What a run with nothing to do needs is kept compiled: it is the one that is to be fast.
  () => void process.once('exit', program.keep),
  onMany,
);
