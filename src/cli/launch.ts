#!/usr/bin/env node
// The command `tasks`: runs program.js, which is in the same folder, and loads the libraries in lib/ when the program asks for
// them. V8's compiled code of each is kept: compiling the program takes longer than the rest of a build with nothing to do.
import './check-node.ts';
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { Script } from 'node:vm';
import { hasInitialFlags, onLongRun, withInitialFlags } from './v8.ts';

/** Replaced by the bundler, as in main.ts. V8 recognizes the compiled code of another text only by the text's length. */
declare const BUILD_ID: string;

interface Bundle {
  /** The value of the bundle's file: one function. */
  readonly run: unknown;
  /** Saves the compiled code that this run needed, unless some is saved already. */
  keep(): void;
}

/** Loads a bundle in this folder. `name`: its path without `.js`. */
function load(name: string): Bundle {
  const file = path.join(__dirname, `${name}.js`);
  const compiledFile = path.join(
    __dirname,
    `${name}-${BUILD_ID}-${process.version}-${process.arch}.compiled`,
  );
  const cachedData = readCompiled(compiledFile);
  // Bundles are plain ASCII.
  const text = readFileSync(file, 'latin1');
  const script = withInitialFlags(
    () => new Script(text, { filename: file, ...(cachedData !== undefined ? { cachedData } : {}) }),
  );
  return {
    run: script.runInThisContext(),
    keep() {
      if (cachedData !== undefined && !script.cachedDataRejected) return;
      withInitialFlags(() => {
        if (hasInitialFlags()) keepCompiled(compiledFile, script);
      });
    },
  };
}

/** Returns the compiled code of a bundle for this version of Node; undefined before its first run. */
function readCompiled(compiledFile: string): Buffer | undefined {
  try {
    return readFileSync(compiledFile);
  } catch {
    // Missing or unreadable: V8 compiles the text.
    return undefined;
  }
}

function keepCompiled(compiledFile: string, script: Script): void {
  const part = `${compiledFile}.${process.pid}`;
  try {
    writeFileSync(part, script.createCachedData());
    renameSync(part, compiledFile);
  } catch {
    // This user may not write to the folder: each run takes 20 ms longer.
  }
}

type Module = { exports: unknown };
type Library = (exports: unknown, require: NodeJS.Require, module: Module) => void;
type Program = (
  require: (name: string) => unknown,
  place: string,
  loadModule: (url: string) => Promise<unknown>,
  onIdle: () => void,
  onLongRun: () => void,
  onBuilt: () => void,
) => void;

/** Under other flags, V8 rejects the compiled code that Node has of its modules: `node:http2` then takes 20 ms instead of 3. */
function requireBuiltin(name: string): unknown {
  return withInitialFlags(() => require(name));
}

/** Saved by a run that built: others load it to ask a builder something. */
const builderLibrary = './lib/buildkit.js';
let keepBuilder: (() => void) | undefined;

/** Works like `require`, for Node's modules and for the libraries, `./lib/<name>.js`. Callers keep the result. */
function requireNear(name: string): unknown {
  if (!name.startsWith('./')) return requireBuiltin(name);
  const library = load(name.slice(2, -'.js'.length));
  const module: Module = { exports: {} };
  (library.run as Library)(module.exports, requireBuiltin as NodeJS.Require, module);
  if (name === builderLibrary) keepBuilder = library.keep;
  else process.once('exit', library.keep);
  return module.exports;
}

const program = load('program');
(program.run as Program)(
  requireNear,
  __dirname,
  (url) => import(url),
  // Saved by a run with nothing to do: that is the run that must be fast.
  () => void process.once('exit', program.keep),
  onLongRun,
  () => {
    // Once, though a watch builds often.
    if (keepBuilder !== undefined) process.once('exit', keepBuilder);
    keepBuilder = undefined;
  },
);
