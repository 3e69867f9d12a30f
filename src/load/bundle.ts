import { readFileSync, realpathSync, statSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import type { BuildOptions, BuildResult, Loader, Message, Metafile, Plugin, PluginBuild } from 'esbuild';
import { type Stamp, stampOf } from '../disk/stamp.ts';
import { DefinitionError, type Problem } from '../model/errors.ts';
import { ownModule } from './own-module.ts';
import { packagesPlugin } from './packages-plugin.ts';
import { definitionsFolder } from './project-root.ts';
import { subpathImportFiles } from './subpath-imports.ts';

export interface BundleOptions {
  readonly root: string;
  /** Definition files relative to the root. */
  readonly files: readonly string[];
  /** Where compiled code is kept between runs; absolute. */
  readonly cacheFolder: string;
}

/** What bundling needs to know. */
export interface BundleInput extends BundleOptions {
  /** True: compiled code stands outside the project, where Node does not find the project's packages. */
  readonly isElsewhere: boolean;
}

/** `script`: an expression, a function of `require` and `module`. `module`: an ES module. */
export type Form = 'script' | 'module';

export interface Bundle {
  readonly form: Form;
  readonly text: string;
  /** Source map, JSON; paths in it are relative to the cache folder. */
  readonly map: string;
  /** Each file that went in, by absolute path, as it stood before it was read. */
  readonly inputs: ReadonlyMap<string, Stamp>;
  /** Every folder (absolute) that decides what an import means: where files stand, and where imports look for them. */
  readonly folders: ReadonlySet<string>;
}

/**
 * Bundles all definition files into one text, whose default export maps each file to its exports. It is a script, which starts
 * faster, but where definitions import packages or wait for something: only Node's own loader does that.
 * @throws DefinitionError exit 2 for syntax errors and imports that do not resolve
 */
export async function bundle(options: BundleInput): Promise<Bundle> {
  return (await build(options, 'script')) ?? (await build(options, 'module'))!;
}

interface Read {
  readonly inputs: Map<string, Stamp>;
  readonly folders: Set<string>;
}

async function build(options: BundleInput, form: Form): Promise<Bundle | undefined> {
  const esbuild = await import('esbuild');
  const read: Read = { inputs: new Map(), folders: new Set([path.join(options.root, definitionsFolder)]) };
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
    throw new DefinitionError(messages.map(asProblem));
  }
  if (form === 'script' && needsLoader(result)) return undefined;
  checkInputs(result.metafile, options.root, read);
  const [map, text] = ['.map', 'mjs'].map(
    (end) => result.outputFiles.find((file) => file.path.endsWith(end))!.text,
  );
  return { form, text: text!, map: map!, ...read };
}

/** ES modules have no `require`: one that looks where definitions stand. */
function requireFrom(root: string): string {
  const place = JSON.stringify(path.join(root, definitionsFolder, 'index.ts'));
  return `import { createRequire as __requireFrom } from 'node:module'; const require = __requireFrom(${place});`;
}

/** What goes in and is not noted would change without being seen. @throws DefinitionError */
function checkInputs({ inputs }: Metafile, root: string, read: Read): void {
  // Names are relative to where the project really stands.
  const base = realpathSync(root);
  const unseen = Object.keys(inputs).filter(
    // Of what stands in no file nothing can change: the text that imports all, and `data:` in a file that is noted.
    (name) =>
      path.basename(name) !== entryName &&
      !name.startsWith('<data:') &&
      !name.startsWith(`${ownNamespace}:`) &&
      !read.inputs.has(path.resolve(base, name)),
  );
  if (unseen.length === 0) return;
  throw new DefinitionError(
    unseen.map((file) => ({
      file,
      message: 'this import cannot be watched for changes',
      expected: 'a file, or a package',
    })),
  );
}

/** What only Node's loader gives: packages, which may be ES modules, and what `import.meta` has besides the file's place. */
function needsLoader({ metafile, warnings }: BuildResult<{ metafile: true }>): boolean {
  const imports = Object.values(metafile.outputs).flatMap((output) => output.imports);
  const isPlain = ({ path: name, kind }: { path: string; kind: string }): boolean =>
    kind === 'require-call' && (name === 'image-tasks' || isBuiltin(name));
  return warnings.some(({ id }) => id === 'empty-import-meta') || !imports.every(isPlain);
}

/** No file's name holds it. */
const entryName = '\0definitions';

function settings(options: BundleInput, form: Form, read: Read) {
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
    // By Node's own conditions: esbuild adds one.
    ...(options.isElsewhere ? { conditions: [] } : { packages: 'external' as const }),
    sourcemap: 'external',
    sourcesContent: false,
    keepNames: true,
    // A tsconfig.json is for editors here: what a definition means does not hang on it.
    tsconfigRaw: '{}',
    logLevel: 'silent',
    // Nothing is written there; the source map's paths are relative to it.
    outfile: path.join(options.cacheFolder, 'definitions.mjs'),
    plugins: [ownName(form), ...(options.isElsewhere ? [packagesPlugin] : []), ownPlace(read)],
  } as const satisfies BuildOptions;
}

function asProblem({ text, location }: Message): Problem {
  if (location === null) return { file: 'tasks', message: text };
  return {
    file: `${location.file}:${location.line}:${location.column + 1}`,
    message: text,
    found: location.lineText.trim(),
  };
}

const ownNamespace = 'image-tasks';

/**
 * Makes `image-tasks` mean this program, whether it is installed in the project or not. A script gets it from its own `require`; a
 * module looks it up by its own URL, so that several projects with different profiles can be loaded in one process.
 */
function ownName(form: Form): Plugin {
  return {
    name: 'image-tasks',
    setup(builder) {
      builder.onResolve({ filter: /^image-tasks$/ }, () =>
        form === 'script'
          ? { path: 'image-tasks', external: true }
          : { path: 'image-tasks', namespace: ownNamespace },
      );
      builder.onLoad({ filter: /./, namespace: ownNamespace }, () => ({ contents: ownModule, loader: 'js' }));
    },
  };
}

/** Files with code, and what it is written in. All other files are given as they are. */
const loaders: Readonly<Record<string, Loader>> = {
  '.ts': 'ts',
  '.mts': 'ts',
  '.cts': 'ts',
  '.tsx': 'tsx',
  '.js': 'js',
  '.mjs': 'js',
  '.cjs': 'js',
  '.jsx': 'jsx',
};

/** Each file keeps its own place, so that definitions can read files beside them; and every input is noted. */
function ownPlace({ inputs, folders }: Read): Plugin {
  return {
    name: 'own-place',
    setup(builder) {
      // Resolved by esbuild, which then tells where links led, not where they stand.
      builder.onResolve({ filter: /^(\/|\.\.?(\/|$))/ }, ({ path: name, resolveDir }) => {
        folders.add(path.dirname(path.resolve(resolveDir, name)));
        return undefined;
      });
      builder.onResolve({ filter: /^#/ }, ({ path: name, resolveDir }) => {
        for (const each of subpathImportFiles(name, resolveDir)) folders.add(path.dirname(each));
        return undefined;
      });
      builder.onLoad({ filter: /.*/, namespace: 'file' }, async ({ path: file, with: attributes }) => {
        // Before it is read: what changes meanwhile moves it.
        inputs.set(file, stampOf(statSync(file)));
        folders.add(path.dirname(file));
        const loader = loaders[path.extname(file)];
        if (loader === undefined || attributes.type !== undefined) return undefined;
        const text = readFileSync(file, 'utf8');
        const own = await declaredIn(text, loader, builder.esbuild);
        return { contents: placed(text, file, own), loader };
      });
    },
  };
}

const placeNames = ['__filename', '__dirname'] as const;

/** Those of CommonJS's names that a file declares itself. */
async function declaredIn(text: string, loader: Loader, esbuild: PluginBuild['esbuild']): Promise<string[]> {
  const isDeclared = async (name: string): Promise<boolean> => {
    try {
      // Where there is one already, another one is an error.
      await esbuild.transform(startingWith(`const ${name} = 0;`, text), { loader, logLevel: 'silent' });
      return false;
    } catch (error) {
      const { errors = [] } = error as { errors?: readonly Message[] };
      return errors.some((each) => each.text === `The symbol "${name}" has already been declared`);
    }
  };
  const asked = placeNames.filter((name) => mentions(text, name));
  const answers = await Promise.all(asked.map(isDeclared));
  return asked.filter((_, at) => answers[at]);
}

/** A file's text with its own place in it, in the words of both kinds of modules; `declared`: names that it gives itself. */
function placed(text: string, file: string, declared: readonly string[]): string {
  const folder = path.dirname(file);
  const values = { url: pathToFileURL(file).href, filename: file, dirname: folder };
  const own = text.replace(/\bimport\.meta\.(url|filename|dirname)\b/g, (_, name: keyof typeof values) =>
    JSON.stringify(values[name]),
  );
  const names = { __filename: file, __dirname: folder };
  const given = Object.entries(names).filter(([name]) => mentions(own, name) && !declared.includes(name));
  const line = given.map(([name, value]) => `const ${name} = ${JSON.stringify(value)};`).join(' ');
  return line === '' ? own : startingWith(line, own);
}

/** In the first line, so that all others keep their numbers. */
function startingWith(line: string, text: string): string {
  return text.startsWith('#!') ? text.replace('\n', () => `\n${line} `) : `${line} ${text}`;
}

function mentions(text: string, name: string): boolean {
  return new RegExp(`\\b${name}\\b`).test(text);
}
