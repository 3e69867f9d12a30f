// A plug-in for esbuild that loads some packages, slow modules of Node and one of our own folders on first use, not when the
// importing file is loaded. Sources import them as usual.
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { build } from 'esbuild';

/** Loaded by runs that build. A library of its own, so that its compiled code is saved by such a run, and no other reads it. */
const clientFolder = 'src/buildkit';
/** What it imports from other folders: the program and the library have a copy each, so it keeps no state and its classes stay inside. */
const copied = ['src/disk/sha256.ts', 'src/disk/verified-file.ts', 'src/model/line-reader.ts'];

/** Modules of Node that take milliseconds to load and that a run with nothing to do does not use. */
const builtins = [
  'node:child_process',
  'node:crypto',
  'node:fs/promises',
  'node:os',
  'node:readline',
  'node:stream',
  'node:stream/promises',
  'node:timers/promises',
];

/**
 * Returns the plug-in. Each of the `packages` becomes a file, `lib/<name>.js` in the output folder. `common`: options of
 * esbuild for them.
 */
export function lazy(packages, common) {
  const isOurs = new RegExp(`^(${[...packages, ...builtins].join('|')})$`);
  return {
    name: 'lazy',
    setup(builder) {
      builder.onResolve({ filter: isOurs }, ({ path: name, namespace }) =>
        namespace === 'lazy' ? { path: name, external: true } : { path: name, namespace: 'lazy' },
      );
      const client = path.join(common.absWorkingDir, clientFolder, path.sep);
      builder.onResolve({ filter: /^\.+\/.*buildkit\/.*\.ts$/ }, ({ path: name, importer, resolveDir }) =>
        path.resolve(resolveDir, name).startsWith(client) && !importer.startsWith(client)
          ? { path: clientFolder, namespace: 'client' }
          : undefined,
      );
      builder.onLoad({ filter: /./, namespace: 'client' }, async () => {
        const names = await bundleClient(common);
        return { contents: getters(names, './lib/buildkit.js'), loader: 'js' };
      });
      // Otherwise esbuild copies its properties for each file that imports it.
      builder.onResolve({ filter: /^node:path$/ }, ({ path: name, namespace }) =>
        namespace === 'file' ? { path: name, namespace: 'whole' } : { path: name, external: true },
      );
      builder.onLoad({ filter: /./, namespace: 'whole' }, ({ path: name }) => ({
        contents: `export default require(${JSON.stringify(name)});`,
        loader: 'js',
      }));
      builder.onResolve({ filter: /^\.\/lib\// }, ({ path: name, namespace }) =>
        namespace === 'file' ? undefined : { path: name, external: true },
      );
      builder.onLoad({ filter: /./, namespace: 'lazy' }, async ({ path: name }) => {
        const names = Object.keys(await import(name)).filter((each) => each !== 'module.exports');
        const isBuiltin = builtins.includes(name);
        if (!isBuiltin) await bundleLibrary(name, names.includes('default'), common);
        return { contents: getters(names, isBuiltin ? name : `./lib/${name}.js`), loader: 'js' };
      });
    },
  };
}

/**
 * Returns a CommonJS module that loads another module when one of its exports is used. The exports are properties of its
 * prototype, since esbuild copies a module's own properties for each file that imports it. The module is also the default
 * export, as in Node, so it can be called and constructed like the library's own default export.
 */
function getters(names, from) {
  return [
    'let loaded;',
    `const all = () => loaded ??= require(${JSON.stringify(from)});`,
    'const late = {};',
    `for (const name of ${JSON.stringify(names.filter((name) => name !== 'default'))})`,
    '  Object.defineProperty(late, name, { get: () => all()[name] });',
    'module.exports = new Proxy(class {}, {',
    '  apply: (_, self, args) => Reflect.apply(all().default, self, args),',
    '  construct: (_, args) => Reflect.construct(all().default, args),',
    '  get: (_, name) => name in late ? late[name] : all().default?.[name],',
    '  getPrototypeOf: () => late,',
    '});',
  ].join('\n');
}

async function bundleLibrary(name, hasDefault, common) {
  const contents = `export * from '${name}';${hasDefault ? ` export { default } from '${name}';` : ''}`;
  await bundleInto(name, contents, common);
}

/** Bundles the modules of BuildKit's client. Returns the names of all their exports. @throws if two export the same name */
async function bundleClient(common) {
  const folder = path.join(common.absWorkingDir, clientFolder);
  const files = readdirSync(folder, { recursive: true }).filter((name) => name.endsWith('.ts'));
  const entryPoints = files.map((name) => path.join(folder, name));
  const alone = { ...common, entryPoints, bundle: false, format: 'esm', write: false, metafile: true };
  const outputs = Object.values((await build(alone)).metafile.outputs);
  const names = outputs.flatMap(({ exports }) => exports);
  const doubled = names.find((name, at) => names.indexOf(name) !== at);
  if (doubled !== undefined) throw new Error(`two modules of ${clientFolder} export ${doubled}: rename one`);
  const contents = files.map((name) => `export * from './${clientFolder}/${name}';`).join('\n');
  const { inputs } = await bundleInto('buildkit', contents, common);
  const foreign = Object.keys(inputs).filter(
    (name) => name.startsWith('src/') && !name.startsWith(clientFolder),
  );
  const unlisted = foreign.find((name) => !copied.includes(name));
  if (unlisted !== undefined)
    throw new Error(`${clientFolder} imports ${unlisted}, which is not in \`copied\` (scripts/lazy.mjs)`);
  return names;
}

/** Writes a library into lib/. Returns what went into it. */
async function bundleInto(name, contents, common) {
  const { metafile } = await build({
    ...common,
    stdin: { contents, resolveDir: common.absWorkingDir },
    outdir: undefined,
    outfile: path.join(common.outdir, 'lib', `${name}.js`),
    format: 'cjs',
    metafile: true,
    // Like the program, a library is a function that launch.ts calls.
    banner: { js: '(function (exports, require, module) {' },
    footer: { js: '})' },
  });
  return metafile;
}
