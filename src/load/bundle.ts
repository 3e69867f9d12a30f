import { realpathSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import path from 'node:path';
import type { BuildOptions, BuildResult, Message, Metafile, Plugin } from 'esbuild';
import type { Stamp } from '../disk/stamp.ts';
import { DefinitionError } from '../model/errors.ts';
import { compileProblem } from './compile-problems.ts';
import { ownModule, ownNames, ownScript } from './own-module.ts';
import { packagesPlugin } from './packages-plugin.ts';
import { definitionsFolder } from './project-root.ts';
import { type BundledFiles, sourceFilesPlugin } from './source-files-plugin.ts';

export interface BundleOptions {
  readonly root: string;
  /** Definition files, relative to the root. */
  readonly files: readonly string[];
  /** The folder for compiled code, absolute. */
  readonly cacheFolder: string;
}

export interface BundleInput extends BundleOptions {
  /** True: the cache folder is outside the project, so Node cannot find the project's packages from there. */
  readonly isOutsideProject: boolean;
}

/** `script`: an expression that is a function of `require` and `module`. `module`: an ES module. */
export type Form = 'script' | 'module';

export interface Bundle {
  readonly form: Form;
  readonly text: string;
  /** Source map as JSON, with paths relative to the cache folder. */
  readonly map: string;
  /** All bundled files by absolute path, with their stamps before they were read. */
  readonly inputs: ReadonlyMap<string, Stamp>;
  /** All folders (absolute) that affect how imports resolve: those of the files, and those where imports look for files. */
  readonly folders: ReadonlySet<string>;
}

/**
 * Bundles all definition files into one text, whose default export maps each file to its exports. The result is a script,
 * because that loads faster; or a module if definitions import packages or use top-level await, which need Node's own
 * loader.
 * @throws DefinitionError (exit 2) for syntax errors and imports that cannot be resolved
 */
export async function bundle(options: BundleInput): Promise<Bundle> {
  return (await build(options, 'script')) ?? (await build(options, 'module'))!;
}

async function build(options: BundleInput, form: Form): Promise<Bundle | undefined> {
  const esbuild = await import('esbuild');
  const read: BundledFiles = {
    inputs: new Map(),
    folders: new Set([path.join(options.root, definitionsFolder)]),
  };
  let result: BuildResult<{ write: false; metafile: true }>;
  try {
    result = await esbuild.build({
      ...settings(options, form, read),
      ...(form === 'script'
        ? {
            format: 'cjs',
            banner: { js: "(function (require, module) { 'use strict';" },
            footer: { js: '})' },
          }
        : { format: 'esm', banner: { js: requireFrom(options.root) } }),
    });
  } catch (error) {
    const messages = (error as { errors?: readonly Message[] }).errors;
    if (messages === undefined) throw error;
    if (form === 'script' && messages.some(({ text }) => text.startsWith('Top-level await')))
      return undefined;
    throw new DefinitionError(messages.map((each) => compileProblem(each, options.root, ownNames)));
  }
  if (form === 'script' && needsLoader(result)) return undefined;
  // Names of other modules may be looked for on purpose.
  const wrong = result.warnings.filter(
    ({ id, text }) => id === 'import-is-undefined' && text.endsWith(`"${ownNamespace}:image-tasks"`),
  );
  if (wrong.length > 0)
    throw new DefinitionError(wrong.map((each) => compileProblem(each, options.root, ownNames)));
  checkInputs(result.metafile, options.root, read);
  const [map, text] = ['.map', 'mjs'].map(
    (end) => result.outputFiles.find((file) => file.path.endsWith(end))!.text,
  );
  return { form, text: text!, map: map!, ...read };
}

/** Returns code that declares `require` in an ES module, resolving from the definitions folder. */
function requireFrom(root: string): string {
  const place = JSON.stringify(path.join(root, definitionsFolder, 'index.ts'));
  return `import { createRequire as __requireFrom } from 'node:module'; const require = __requireFrom(${place});`;
}

/** Checks that changes to every bundled file would be noticed. @throws DefinitionError */
function checkInputs({ inputs }: Metafile, root: string, read: BundledFiles): void {
  // The names are relative to the real path of the project.
  const base = realpathSync(root);
  const untracked = Object.keys(inputs).filter(
    // The generated entry and `data:` URLs come from no file of their own.
    (name) =>
      path.basename(name) !== entryName &&
      !name.startsWith('<data:') &&
      !name.startsWith(`${ownNamespace}:`) &&
      !read.inputs.has(path.resolve(base, name)),
  );
  if (untracked.length === 0) return;
  throw new DefinitionError(
    untracked.map((file) => ({
      file,
      message: 'this import cannot be checked for changes',
      expected: 'a file or a package',
    })),
  );
}

/**
 * Returns true if a bundle needs Node's own loader: for packages, which may be ES modules, or for properties of
 * `import.meta`.
 */
function needsLoader({ metafile, warnings }: BuildResult<{ metafile: true }>): boolean {
  const imports = Object.values(metafile.outputs).flatMap((output) => output.imports);
  const isSupported = ({ path: name, kind }: { path: string; kind: string }): boolean =>
    kind === 'require-call' && (name === 'image-tasks' || isBuiltin(name));
  return warnings.some(({ id }) => id === 'empty-import-meta') || !imports.every(isSupported);
}

/** The name of the generated entry. No file name contains `\0`. */
const entryName = '\0definitions';

function settings(options: BundleInput, form: Form, read: BundledFiles) {
  const imports = options.files.map((file, index) => `import * as m${index} from './${file}';`);
  const entries = options.files.map((file, index) => `${JSON.stringify(file)}: m${index}`);
  const contents = `${imports.join('\n')}\nexport default { ${entries.join(', ')} };`;
  return {
    absWorkingDir: options.root,
    stdin: { contents, resolveDir: options.root, sourcefile: entryName, loader: 'ts' },
    bundle: true,
    write: false,
    metafile: true,
    platform: 'node',
    target: 'node20',
    // Use Node's own conditions: esbuild would add `module`.
    ...(options.isOutsideProject ? { conditions: [] } : { packages: 'external' as const }),
    sourcemap: 'external',
    sourcesContent: false,
    keepNames: true,
    // A tsconfig.json must not change what definitions mean: it is only for editors.
    tsconfigRaw: '{}',
    logLevel: 'silent',
    // Not written. The paths in the source map are relative to it.
    outfile: path.join(options.cacheFolder, 'definitions.mjs'),
    plugins: [ownName(form), ...(options.isOutsideProject ? [packagesPlugin] : []), sourceFilesPlugin(read)],
  } as const satisfies BuildOptions;
}

const ownNamespace = 'image-tasks';

/**
 * Makes `image-tasks` mean this program, whether it is installed in the project or not. A script gets it from its own
 * `require`; a module looks it up by its own URL, so that several projects with different profiles can be loaded in one
 * process.
 */
function ownName(form: Form): Plugin {
  return {
    name: 'image-tasks',
    setup(builder) {
      // A module of known exports in both forms, so that esbuild finds wrong names.
      builder.onResolve({ filter: /^image-tasks$/ }, ({ namespace }) =>
        namespace === ownNamespace
          ? { path: 'image-tasks', external: true }
          : { path: 'image-tasks', namespace: ownNamespace },
      );
      builder.onLoad({ filter: /./, namespace: ownNamespace }, () => ({
        contents: form === 'script' ? ownScript : ownModule,
        loader: 'js',
      }));
    },
  };
}
