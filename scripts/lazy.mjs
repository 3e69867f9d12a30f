// A plug-in for esbuild: what is imported from some packages and from costly modules of Node is loaded when it is first used, not
// when the file that imports it is. Sources import as usual; a run pays for what it does.
import path from 'node:path';
import { build } from 'esbuild';

/** Node's own modules that cost milliseconds and that a run with nothing to do never touches. */
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
 * `packages` become files of their own, `lib/<name>.js` in the folder that `common` (settings of esbuild) names, and are loaded
 * from there.
 */
export function lazy(packages, common) {
  const isOurs = new RegExp(`^(${[...packages, ...builtins].join('|')})$`);
  return {
    name: 'lazy',
    setup(builder) {
      builder.onResolve({ filter: isOurs }, ({ path: name, namespace }) =>
        namespace === 'lazy' ? { path: name, external: true } : { path: name, namespace: 'lazy' },
      );
      // Else each of fifty files would have a copy of it, property by property.
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
 * A module in the old form whose exports are looked up when they are used. They stand on its prototype: esbuild copies, for each
 * file that imports a module, the properties that are its own. To importers the whole module is also the default export, as Node
 * has it; there a function stands for what the library's own default is.
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
    // As the program, it is one function that launch.ts calls.
    banner: { js: '(function (exports, require, module) {' },
    footer: { js: '})' },
  });
}
