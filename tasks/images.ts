import { command, image, profile, project } from 'image-tasks';
import { debianPostgres } from './versions.ts';

export default project({ repo: 'citus' });

if (profile !== 'debian') {
  throw new Error(
    `there is no profile "${profile}" yet; use --profile debian (everything from Debian's archive)`,
  );
}

const suites = [...new Set(Object.values(debianPostgres))];
const majors = Object.keys(debianPostgres);

export const rootfs = command({
  name: 'rootfs',
  description: 'the root file system of a Debian suite, made with mmdebstrap',
  versions: suites,
  run: (suite) => ['images/debian/make-rootfs', suite],
  timeout: '20m',
});

export const debian = image({
  name: 'debian',
  description: 'Debian, from its archive alone',
  versions: suites,
  context: 'images/debian',
  needs: { rootfs },
  publish: false,
});

export const base = image({
  name: 'base',
  description: 'packages and the user that all PostgreSQL images share',
  versions: suites,
  context: 'images/base',
  needs: { BASE_IMAGE: debian },
  publish: false,
});

export const postgres = image({
  name: 'postgres',
  description: 'one PostgreSQL: server, client, development files',
  versions: majors,
  context: 'images/postgres',
  args: (major) => ({ PG_MAJOR: major, PG_VERSION: major }),
  needs: { BASE_IMAGE: (major) => base.at(debianPostgres[major]!) },
  publish: false,
});

export const extbuilder = image({
  name: 'extbuilder',
  description: 'builds extensions such as Citus against one PostgreSQL',
  versions: majors,
  context: 'images/extbuilder',
  args: (major) => ({ PG_MAJOR: major, PG_VERSION: major }),
  needs: { BASE_IMAGE: postgres },
  test: 'images/extbuilder/test',
  labels: (major) => ({
    'org.opencontainers.image.title': 'extbuilder',
    'org.opencontainers.image.description': `builds PostgreSQL extensions against PostgreSQL ${major}`,
    'org.opencontainers.image.version': major,
  }),
});
