import { isBuiltin } from 'node:module';
import { pathToFileURL } from 'node:url';
import type { Plugin } from 'esbuild';

/** Marks calls of the plugin's own resolver. */
const nested = Symbol('nested');

/**
 * An esbuild plugin that replaces package names with absolute paths. Compiled code outside the project needs this, because
 * Node searches packages in the folders above the importing file. A package that is not found keeps its name, and Node
 * reports it.
 */
export const packagesPlugin: Plugin = {
  name: 'packages',
  setup(builder) {
    builder.onResolve({ filter: /^[^./#]/ }, async ({ path: name, pluginData, ...from }) => {
      if (pluginData === nested) return undefined;
      if (isBuiltin(name) || name.includes(':')) return { path: name, external: true };
      const found = await builder.resolve(name, { ...from, pluginData: nested });
      if (found.errors.length > 0 || found.namespace !== 'file') return { path: name, external: true };
      const isRequired = from.kind === 'require-call' || from.kind === 'require-resolve';
      return { path: isRequired ? found.path : pathToFileURL(found.path).href, external: true };
    });
  },
};
