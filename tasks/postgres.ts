import { image } from 'image-tasks';
import { platform } from './chosen.ts';
import { labels } from './labels.ts';

export const definitions = platform.own;

/** 16.13 → 16 */
export function major(version: string): string {
  return /^\d+/.exec(version)![0];
}

/** What an image that holds one PostgreSQL is told, and its test with it. */
export function postgresArgs(version: string): Record<string, string> {
  return { PG_VERSION: version, PG_MAJOR: major(version) };
}

export const apt = image({
  name: 'apt',
  description: 'a base with one way to install packages',
  versions: platform.bases,
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
  context: 'images/base',
  needs: { BASE_IMAGE: apt },
  publish: false,
});

const installed = (name: string) => platform.installations[name]!;

export const postgres = image({
  name: 'postgres',
  description: 'PostgreSQL: server, client, development files; one version, or several side by side',
  versions: Object.keys(platform.installations),
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

const extbuilderIs = 'builds extensions such as Citus against one PostgreSQL';

export const extbuilder = image({
  name: 'extbuilder',
  description: extbuilderIs,
  versions: platform.postgres,
  context: 'images/extbuilder',
  args: postgresArgs,
  needs: { BASE_IMAGE: (version) => postgres.at(platform.installation('build', version)) },
  test: 'images/extbuilder/test',
  labels: (version) => labels('extbuilder', extbuilderIs, version),
});

export const postgresSource = platform.postgresSource(apt);

/** For apt lines of an image that adds packages of PostgreSQL's archive to those of its base. */
export function aptSources(version: string): string {
  return installed(platform.installation('build', version)).sources.join('\n');
}
