import { command, type Definition } from 'image-tasks';
import { gitSource } from './git.ts';
import type { Installation, Platform } from './platform.ts';
import * as sources from './sources.ts';
import * as versions from './versions.ts';

const postgres = versions.pgdgPostgres;
const bases: Readonly<Record<string, string>> = {
  build: versions.buildBase,
  test: versions.pythonBase,
};

const pip = { PIP_INDEX_URL: sources.pythonIndex, PIP_TRUSTED_HOST: sources.pythonTrustedHost };

/** Profile `default`: bases from a registry, exact minor versions of PostgreSQL from PGDG, its own archive. */
export function upstreamPlatform(): Platform {
  const pgdgKey = command({
    name: 'pgdg-key',
    description: "the key that signs PostgreSQL's own archive",
    run: ['images/apt/fetch-key', sources.pgdgKey, sources.pgdgKeyFingerprint ?? versions.pgdgFingerprint],
  });
  const mitmproxySource = gitSource('mitmproxy', sources.mitmproxyGit, [versions.mitmproxy]);
  const uncrustifySource = gitSource('uncrustify', sources.uncrustifyGit, [
    `uncrustify-${versions.uncrustify}`,
  ]);
  return {
    own: [pgdgKey, mitmproxySource, uncrustifySource],
    bases: Object.keys(bases),
    apt: {
      target: 'pgdg',
      args: (base) => ({ BASE_IMAGE: `${sources.registry}${bases[base]}` }),
      needs: { 'pgdg-key': pgdgKey },
    },
    postgres,
    installations: installations(),
    installation: installationName,
    postgresSource: () => postgresSource(),
    requirements: {
      base: 'test',
      target: 'pip',
      args: pip,
      needs: { mitmproxy: mitmproxySource },
    },
    citus: (major) => versions.citusVersions[major] ?? [],
    style: {
      version: versions.styleTools,
      base: undefined,
      target: 'alpine',
      hasCitusTools: true,
      args: {
        BASE_IMAGE: `${sources.registry}${versions.alpineBase}`,
        ALPINE_URL: sources.alpine,
        ...pip,
      },
      needs: { uncrustify: uncrustifySource },
    },
  };
}

function installationName(purpose: string, version: string): string {
  return `${version}-${purpose}`;
}

function installations(): Record<string, Installation> {
  const install = (purpose: string, of: readonly string[]): [string, Installation] => [
    installationName(purpose, of.join('-')),
    {
      versions: of,
      base: purpose,
      sources: linesOf(of),
      // For debuggers. Failure tests and upgrades of Citus do not need them.
      debugSymbols: purpose === 'build' || of.length > 1,
    },
  ];
  return Object.fromEntries([
    ...postgres.map((version) => install('build', [version])),
    ...postgres.map((version) => install('test', [version])),
    install('test', postgres),
  ]);
}

function linesOf(of: readonly string[]): string[] {
  // Each major version has its own component, with its libpq.
  const components = ['main', ...of.map((version) => /^\d+/.exec(version)![0])].join(' ');
  const options = '[signed-by=/usr/share/keyrings/pgdg.asc]';
  return [
    `deb ${options} ${sources.pgdg} ${sources.pgdgSuite} ${components}`,
    `deb ${options} ${sources.pgdgArchive} ${sources.pgdgArchiveSuite} ${components}`,
  ];
}

function postgresSource(): Definition {
  return command({
    name: 'postgres-source',
    description: "PostgreSQL's source, as released",
    versions: postgres,
    run: (version) => [
      'images/postgres-source/fetch-release',
      sources.postgresSource,
      version.replace('~', ''),
    ],
  });
}
