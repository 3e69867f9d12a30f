import { isBuiltin } from 'node:module';
import { pathToFileURL } from 'node:url';
import type { Plugin } from 'esbuild';

/** Passed to the resolver by itself. */
const asIs = Symbol('as it is');

/**
 * Packages by the paths where definitions find them, for compiled code that stands outside the project: Node looks for packages
 * above the file that imports them. What is not found stays a name, and Node says so.
 */
export const packagesPlugin: Plugin = {
  name: 'packages-by-path',
  setup(builder) {
    builder.onResolve({ filter: /^[^./#]/ }, async ({ path: name, pluginData, ...from }) => {
      if (pluginData === asIs) return undefined;
      if (isBuiltin(name) || name.includes(':')) return { path: name, external: true };
      const found = await builder.resolve(name, { ...from, pluginData: asIs });
      if (found.errors.length > 0 || found.namespace !== 'file') return { path: name, external: true };
      const isRequired = from.kind === 'require-call' || from.kind === 'require-resolve';
      return { path: isRequired ? found.path : pathToFileURL(found.path).href, external: true };
    });
  },
};
