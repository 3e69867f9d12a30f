// A plug-in for esbuild that loads some packages and slow modules of Node on first use, not when the importing file is loaded.
// Sources import them as usual.
import path from 'node:path';
import { build } from 'esbuild';

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
      // Otherwise esbuild copies its properties for each file that imports it.
      builder.onResolve({ filter: /^node:path$/ }, ({ path: name, namespace }) =>
        namespace === 'file' ? { path: name, namespace: 'whole' } : { path: name, external: true },
      );
      builder.onLoad({ filter: /./, namespace: 'whole' }, ({ path: name }) => ({
        contents: `export default require(${JSON.stringify(name)});`,
        loader: 'js',
      }));
      builder.onResolve({ filter: /^\.\/lib\//, namespace: 'lazy' }, ({ path: name }) => ({
        path: name,
        external: true,
      }));
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
  await build({
    ...common,
    stdin: {
      contents: `export * from '${name}';${hasDefault ? ` export { default } from '${name}';` : ''}`,
      resolveDir: common.absWorkingDir,
    },
    outdir: undefined,
    outfile: path.join(common.outdir, 'lib', `${name}.js`),
    format: 'cjs',
    // Like the program, a library is a function that launch.ts calls.
    banner: { js: '(function (exports, require, module) {' },
    footer: { js: '})' },
  });
}
