import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { Script } from 'node:vm';
import { setProfile } from '../define/profile.ts';
import {
  type Declarations,
  type Declared,
  type Definition,
  definitionBrand,
  type ProjectDefinition,
  projectBrand,
} from '../define/types.ts';
import { readRegularFile } from '../disk/read.ts';
import { DefinitionError, type Problem, TasksError } from '../model/errors.ts';
import { type Compiled, type CompileOptions, compile } from './compile.ts';
import { explainImport } from './import-problems.ts';
import { type Locate, makeLocate } from './locate.ts';
import { loadWithOwnExports, ownExports } from './own-module.ts';
import { definitionFiles, definitionsFolder } from './project-root.ts';
import { offsetOf, placeOf, readSource, wordAt } from './source-files.ts';
import { readPositions, type SourcePositions } from './stack-places.ts';

export interface LoadOptions extends Omit<CompileOptions, 'files'> {
  readonly profile: string;
  /** Node's own `import`. */
  readonly loadModule: (url: string) => Promise<unknown>;
}

/** The definitions of a project, and what finds them in the sources. */
export interface LoadedDefinitions extends Declarations {
  readonly locate: Locate;
}

/**
 * Compiles and evaluates the definition files of a project, and collects the definitions in their exports. Evaluates them in
 * each call.
 * @throws DefinitionError (exit 2) if a file does not compile, or throws
 */
export async function loadDeclarations(options: LoadOptions): Promise<LoadedDefinitions> {
  const files = definitionFiles(options.root);
  try {
    const compiled = await compile({ ...options, files });
    const declarations = collect(await evaluate(compiled, options));
    return withLocate(declarations, options.root, () => positionsIn(compiled, options.root));
  } catch (error) {
    if (!isReadOnly(error, options.cacheFolder)) throw error;
  }
  const cacheFolder = mkdtempSync(path.join(tmpdir(), 'image-tasks-'));
  try {
    const compiled = await compile({ ...options, files, cacheFolder });
    const declarations = collect(await evaluate(compiled, options));
    // The folder with the source map is removed.
    const positions = positionsIn(compiled, options.root);
    return withLocate(declarations, options.root, () => positions);
  } finally {
    rmSync(cacheFolder, { recursive: true, force: true });
  }
}

function withLocate(
  declarations: Declarations,
  root: string,
  positions: () => SourcePositions,
): LoadedDefinitions {
  return { ...declarations, locate: makeLocate(declarations, root, positions) };
}

function positionsIn(compiled: Compiled, root: string): SourcePositions {
  return readPositions(compiled, readRegularFile(compiled.map).toString(), root);
}

/** Returns true if the cache folder cannot be written. A read-only checkout is compiled in a temporary folder instead. */
function isReadOnly(error: unknown, cacheFolder: string): boolean {
  const { code, path: place, syscall } = error as NodeJS.ErrnoException;
  return (
    // Node's recursive mkdir fails with ENOENT on a read-only file system.
    (['EACCES', 'EPERM', 'EROFS'].includes(code ?? '') || (code === 'ENOENT' && syscall === 'mkdir')) &&
    place !== undefined &&
    isRelated(cacheFolder, place)
  );
}

/** Returns true for the folder, paths in it, and its parents (which `mkdir` may have to create). */
function isRelated(folder: string, place: string): boolean {
  return place.startsWith(folder) || folder.startsWith(place);
}

/** Returns a hint for errors of Node's module loader, which loads packages. */
function hintFor(error: unknown): { hint?: string } {
  switch ((error as NodeJS.ErrnoException | undefined)?.code) {
    case 'ERR_MODULE_NOT_FOUND':
      return {
        hint: 'install the package; "paths" in tsconfig.json have no effect here: import files by a relative path (../lib/x.ts) or with "imports" in package.json (#lib/x)',
      };
    case 'ERR_UNKNOWN_FILE_EXTENSION':
    case 'ERR_UNSUPPORTED_NODE_MODULES_TYPE_STRIPPING':
    case 'ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX':
      return {
        hint: 'Node loads packages without compiling them: compile the package to JavaScript, or import its source by a relative path (../packages/x/index.ts)',
      };
    default:
      return {};
  }
}

type Modules = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

async function evaluate(compiled: Compiled, options: LoadOptions): Promise<Modules> {
  try {
    return compiled.form === 'script'
      ? runScript(compiled, options)
      : await importModule(compiled.file, options);
  } catch (error) {
    if (error instanceof TasksError) throw error;
    const message = error instanceof Error ? error.message : String(error);
    const stack = error instanceof Error ? (error.stack ?? '') : '';
    const positions = positionsIn(compiled, options.root);
    const problem = await explainImport(message, positions.files, options);
    throw new DefinitionError([
      problem ?? {
        ...placeOfStack(stack, positions, options.root),
        message: `error while loading: ${message}`,
        ...hintFor(error),
      },
    ]);
  }
}

/** Returns the topmost place of a stack in the project's own files. */
function placeOfStack(
  stack: string,
  positions: SourcePositions,
  root: string,
): Pick<Problem, 'file' | 'place'> {
  const position = positions.topOf(stack);
  if (position === undefined) return { file: definitionsFolder };
  const { file, line, column } = position;
  const text = readSource(root, file);
  const at = text === undefined ? undefined : offsetOf(text, line, column);
  return at === undefined ? { file } : { file, place: placeOf(file, text!, wordAt(text!, at)) };
}

function runScript({ file, text }: Compiled, { profile, root }: LoadOptions): Modules {
  const builtin = createRequire(path.join(root, definitionsFolder, 'index.ts'));
  const own = ownExports(profile);
  const require = (name: string): unknown => (name === 'image-tasks' ? own : builtin(name));
  const module: { exports: { default?: Modules } } = { exports: {} };
  const script = new Script(text, { filename: file });
  (script.runInThisContext() as (require: unknown, module: unknown) => void)(require, module);
  return module.exports.default!;
}

async function importModule(file: string, { profile, loadModule }: LoadOptions): Promise<Modules> {
  // For packages that import `image-tasks` themselves: Node evaluates them once per process.
  setProfile(profile);
  const module = await loadWithOwnExports(pathToFileURL(file).href, profile, loadModule);
  return (module as { default: Modules }).default;
}

function collect(modules: Modules): Declarations {
  const definitions = new Map<Definition, Declared>();
  const projects = new Map<ProjectDefinition, Declarations['projects'][number]>();
  for (const [file, exports] of Object.entries(modules)) {
    for (const [name, exported] of Object.entries(exports)) {
      visit(exported, name, new Set(), (value, at) => {
        const where = { file, name: at };
        if (definitionBrand in value) {
          if (!definitions.has(value as Definition))
            definitions.set(value as Definition, { definition: value as Definition, where });
        } else if (!projects.has(value as ProjectDefinition)) {
          projects.set(value as ProjectDefinition, { project: value as ProjectDefinition, where });
        }
      });
    }
  }
  return { definitions: [...definitions.values()], projects: [...projects.values()] };
}

/** Calls `found` for the definition in an exported value, or for those in its arrays and plain objects, at any depth. */
function visit(
  value: unknown,
  name: string,
  seen: Set<object>,
  found: (value: object, name: string) => void,
): void {
  if (typeof value !== 'object' || value === null || seen.has(value)) return;
  seen.add(value);
  if (definitionBrand in value || projectBrand in value) {
    found(value, name);
    return;
  }
  const prototype = Object.getPrototypeOf(value);
  if (!Array.isArray(value) && prototype !== Object.prototype && prototype !== null) return;
  for (const [key, child] of Object.entries(value)) visit(child, `${name}.${key}`, seen, found);
}
