import { command, type Definition, image } from 'image-tasks';
import type { Installation, Platform } from './platform.ts';
import * as sources from './sources.ts';
import { citusVersions, debianSpareSource, debianPostgres as suiteOf } from './versions.ts';

const postgres = Object.keys(suiteOf);
const suites = [...new Set(Object.values(suiteOf))];
const newestSuite = suiteOf[postgres.at(-1)!]!;

/** Profile `debian`: everything from Debian's archive, which has only the newest minor version of each major version. */
export function debianPlatform(platforms: readonly string[]): Platform {
  const rootfs = command({
    name: 'rootfs',
    description: 'the root file system of a Debian suite, created by mmdebstrap',
    versions: suites,
    platforms,
    run: (suite) => ['images/debian/make-rootfs', suite, sources.debian, sources.debianSecurity],
    timeout: '20m',
  });
  const debian = image({
    name: 'debian',
    description: 'Debian, from its archive alone',
    versions: suites,
    platforms,
    context: 'images/debian',
    needs: { rootfs },
    publish: false,
  });
  return {
    own: [rootfs, debian],
    bases: suites,
    apt: { target: 'debian', args: () => ({}), needs: { BASE_IMAGE: debian } },
    postgres,
    installations: installations(),
    installation: (_, version) => version,
    postgresSource: (apt) => postgresSource(apt, platforms),
    // The last suite with mitmproxy. Its Python is copied as a folder, so that it also works in later suites.
    requirements: { base: 'bookworm', target: 'debian', args: {}, needs: {} },
    citus: (major) => (sources.citusGitIsSet ? (citusVersions[major] ?? []) : []),
    style: {
      version: newestSuite,
      base: newestSuite,
      target: sources.citusToolsGitIsSet ? 'debian-with-citus' : 'debian',
      hasCitusTools: sources.citusToolsGitIsSet,
      args: {},
      needs: {},
    },
  };
}

function installations(): Record<string, Installation> {
  const alone = postgres.map((version): [string, Installation] => [
    version,
    { versions: [version], base: suiteOf[version]!, sources: [], debugSymbols: false },
  ]);
  // All major versions side by side on the newest suite. The older versions come from their own suites.
  const older = suites.filter((suite) => suite !== newestSuite);
  const together = {
    versions: postgres,
    base: newestSuite,
    sources: older.map((suite) => `suite ${suite}`),
    debugSymbols: false,
  };
  return { ...Object.fromEntries(alone), [postgres.join('-')]: together };
}

function postgresSource(apt: Definition, platforms: readonly string[]): Definition {
  return image({
    name: 'postgres-source',
    description: "PostgreSQL's source, from Debian's source package",
    versions: postgres,
    platforms,
    context: 'images/postgres-source',
    args: (major) => ({
      PG_MAJOR: major,
      SPARE_PATH: `pool/main/p/postgresql-${major}/postgresql-${major}_${debianSpareSource[major]!.version}.orig.tar.bz2`,
      SPARE_SHA256: debianSpareSource[major]!.sha256,
    }),
    needs: { BASE_IMAGE: (major) => apt.at(suiteOf[major]!) },
    output: 'files',
  });
}
