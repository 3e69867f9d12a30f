import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire, SourceMap } from 'node:module';
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
import { DefinitionError, TasksError } from '../model/errors.ts';
import { type Compiled, type CompileOptions, compile } from './compile.ts';
import { loadWithOwnExports, ownExports } from './own-module.ts';
import { definitionFiles, definitionsFolder } from './project-root.ts';

export interface LoadOptions extends Omit<CompileOptions, 'files'> {
  readonly profile: string;
  /** Node's own `import`. */
  readonly loadModule: (url: string) => Promise<unknown>;
}

/**
 * Compiles and evaluates the definition files of a project, and collects the definitions in their exports. Evaluates them in
 * each call.
 * @throws DefinitionError (exit 2) if a file does not compile, or throws
 */
export async function loadDeclarations(options: LoadOptions): Promise<Declarations> {
  const files = definitionFiles(options.root);
  try {
    return collect(await evaluate(await compile({ ...options, files }), options));
  } catch (error) {
    if (!isReadOnly(error, options.cacheFolder)) throw error;
  }
  const cacheFolder = mkdtempSync(path.join(tmpdir(), 'image-tasks-'));
  try {
    return collect(await evaluate(await compile({ ...options, files, cacheFolder }), options));
  } finally {
    rmSync(cacheFolder, { recursive: true, force: true });
  }
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
    throw new DefinitionError([
      {
        file: sourcePosition(stack, compiled, options.root),
        message: `error while loading: ${message}`,
        ...hintFor(error),
      },
    ]);
  }
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

/** Returns the topmost position of a stack in the project's own files, such as `tasks/images.ts:12:3`. */
function sourcePosition(stack: string, { file, map }: Compiled, root: string): string {
  const sources = new SourceMap(JSON.parse(readRegularFile(map).toString()));
  for (const [, line, column] of stack.matchAll(
    new RegExp(`${path.basename(file)}(?:\\?[\\w=]+)?:(\\d+):(\\d+)`, 'g'),
  )) {
    const entry = sources.findEntry(Number(line) - 1, Number(column) - 1);
    if (!('originalSource' in entry)) continue;
    const source = path.relative(root, path.resolve(path.dirname(file), entry.originalSource));
    return `${source}:${entry.originalLine + 1}:${entry.originalColumn + 1}`;
  }
  return definitionsFolder;
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
