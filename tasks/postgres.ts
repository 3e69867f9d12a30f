import { image } from 'image-tasks';
import { platform, platforms } from './chosen.ts';
import { labels } from './labels.ts';

export const definitions = platform.own;

/** 16.13 → 16 */
export function major(version: string): string {
  return /^\d+/.exec(version)![0];
}

/** Returns the args of an image with one version of PostgreSQL, which its test gets, too. */
export function postgresArgs(version: string): Record<string, string> {
  return { PG_VERSION: version, PG_MAJOR: major(version) };
}

export const apt = image({
  name: 'apt',
  description: 'a base image with install-packages',
  versions: platform.bases,
  platforms,
  context: 'images/apt',
  target: platform.apt.target,
  args: platform.apt.args,
  needs: platform.apt.needs,
  publish: false,
});

export const base = image({
  name: 'base',
  description: 'packages, locales and the user that all PostgreSQL images share',
  versions: platform.bases,
  platforms,
  context: 'images/base',
  needs: { BASE_IMAGE: apt },
  publish: false,
});

const installed = (name: string) => platform.installations[name]!;

export const postgres = image({
  name: 'postgres',
  description: 'PostgreSQL: server, client, development files; one version, or several side by side',
  versions: Object.keys(platform.installations),
  platforms,
  context: 'images/postgres',
  args: (name) => ({
    APT_SOURCES: installed(name).sources.join('\n'),
    PG_DEBUG_SYMBOLS: installed(name).debugSymbols ? 'yes' : 'no',
    PG_VERSIONS: installed(name).versions.join(' '),
    PG_MAJOR: major(installed(name).versions.at(-1)!),
  }),
  needs: { BASE_IMAGE: (name) => base.at(installed(name).base) },
  publish: false,
});

const extbuilderIs = 'builds extensions such as Citus for one version of PostgreSQL';

export const extbuilder = image({
  name: 'extbuilder',
  description: extbuilderIs,
  versions: platform.postgres,
  platforms,
  context: 'images/extbuilder',
  args: postgresArgs,
  needs: { BASE_IMAGE: (version) => postgres.at(platform.installation('build', version)) },
  test: 'images/extbuilder/test',
  labels: (version) => labels('extbuilder', extbuilderIs, version),
});

export const postgresSource = platform.postgresSource(apt);

/** Returns the lines for apt of an image that installs more packages of PostgreSQL's archive. */
export function aptSources(version: string): string {
  return installed(platform.installation('build', version)).sources.join('\n');
}
