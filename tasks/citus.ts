// Citus itself. A profile without Citus has no definitions here.
import { image, matrix } from 'image-tasks';
import { platform, platforms } from './chosen.ts';
import { gitSource } from './git.ts';
import { extbuilder, major } from './postgres.ts';
import * as sources from './sources.ts';

const versionOf = (pg: string): string => platform.postgres.find((version) => major(version) === pg)!;
const majors = platform.postgres.map(major);
const versions = [...new Set(majors.flatMap(platform.citus))];

/** Returns the last version of Citus for a major version of PostgreSQL. */
export function lastCitus(pg: string): string | undefined {
  return platform.citus(pg).at(-1);
}

export const citusSource = versions.length > 0 ? gitSource('citus', sources.citusGit, versions) : undefined;

export const citus =
  citusSource &&
  image({
    name: 'citus',
    description: 'one version of Citus, built for one version of PostgreSQL, as tars',
    versions: matrix(
      { pg: majors, citus: versions },
      {
        version: (cell) => `${cell.citus}-pg${cell.pg}`,
        exclude: (cell) => !platform.citus(cell.pg).includes(cell.citus),
      },
    ),
    platforms,
    context: 'images/citus',
    args: (cell) => ({ PG_MAJOR: cell.pg, CITUS_VERSION: cell.citus }),
    needs: {
      BASE_IMAGE: (cell) => extbuilder.at(versionOf(cell.pg)),
      'citus-source': (cell) => citusSource.at(cell.citus),
    },
    output: 'files',
  });
