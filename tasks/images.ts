// The published images, and the internal images that they are built on.
import { image, project } from 'image-tasks';
import { platform, platforms, profileNames } from './chosen.ts';
import { citus, lastCitus } from './citus.ts';
import { gitSource } from './git.ts';
import { labels } from './labels.ts';
import { apt, aptSources, extbuilder, major, postgres, postgresArgs, postgresSource } from './postgres.ts';
import * as sources from './sources.ts';
import { styleTools } from './versions.ts';

export default project({ repo: 'citus', profiles: profileNames });

const isolationTools = image({
  name: 'isolation-tools',
  description: "isolationtester and regress.so, from PostgreSQL's source",
  versions: platform.postgres,
  platforms,
  context: 'images/isolation-tools',
  args: postgresArgs,
  needs: { BASE_IMAGE: extbuilder, 'postgres-source': postgresSource },
  output: 'files',
});

const exttesterIs = (version: string): string =>
  `runs the tests of extensions such as Citus with one version of PostgreSQL${
    lastCitus(major(version)) === undefined ? " (without Citus's libraries: TASKS_CITUS_GIT is not set)" : ''
  }`;

const exttester = image({
  name: 'exttester',
  description: exttesterIs,
  versions: platform.postgres,
  platforms,
  context: 'images/exttester',
  target: (version) => (lastCitus(major(version)) === undefined ? 'without-citus' : 'with-citus'),
  args: (version) => ({
    ...postgresArgs(version),
    PG_VERSION_CLEAN: version.replace('~', ''),
    CITUS_VERSION: lastCitus(major(version)) ?? '',
    APT_SOURCES: aptSources(version),
  }),
  needs: (version) => {
    const last = lastCitus(major(version));
    return {
      BASE_IMAGE: extbuilder,
      'isolation-tools': isolationTools,
      ...(citus && last ? { citus: citus.at({ pg: major(version), citus: last }) } : {}),
    };
  },
  test: 'images/exttester/test',
  labels: (version) => labels('exttester', exttesterIs(version), version),
});

const requirements = image({
  name: 'requirements',
  description: 'modules for tests in Python, as a folder: pytest, psycopg, mitmproxy',
  platforms,
  context: 'images/requirements',
  target: platform.requirements.target,
  args: platform.requirements.args,
  needs: { BASE_IMAGE: apt.at(platform.requirements.base), ...platform.requirements.needs },
  output: 'files',
});

const all = platform.postgres.join('-');

const tester = image({
  name: 'tester',
  description: 'PostgreSQL with the modules for tests in Python',
  versions: [...new Set([...platform.postgres, all])],
  platforms,
  context: 'images/tester',
  needs: {
    BASE_IMAGE: (version) => postgres.at(platform.installation('test', version)),
    requirements,
  },
  publish: false,
});

const failtesterIs = 'failure tests: runs mitmproxy between the nodes of a cluster';

const failtester = image({
  name: 'failtester',
  description: failtesterIs,
  versions: platform.postgres,
  platforms,
  context: 'images/failtester',
  args: postgresArgs,
  needs: { BASE_IMAGE: tester },
  test: 'images/failtester/test',
  labels: (version) => labels('failtester', failtesterIs, version),
});

const pgupgradetesterIs = 'tests of PostgreSQL upgrades: all pinned major versions side by side';

const pgupgradetester = image({
  name: 'pgupgradetester',
  description: pgupgradetesterIs,
  versions: [all],
  platforms,
  context: 'images/pgupgradetester',
  args: { PG_VERSIONS: platform.postgres.join(' ') },
  needs: { BASE_IMAGE: tester },
  test: 'images/pgupgradetester/test',
  labels: labels('pgupgradetester', pgupgradetesterIs, all),
});

const citusupgradetesterIs = 'tests of Citus upgrades: has older versions as tars to install';

/** Undefined if the profile has no Citus. */
const citusupgradetester =
  citus &&
  image({
    name: 'citusupgradetester',
    description: citusupgradetesterIs,
    versions: platform.postgres.filter((version) => lastCitus(major(version)) !== undefined),
    platforms,
    context: 'images/citusupgradetester',
    args: (version) => ({
      ...postgresArgs(version),
      CITUS_VERSIONS: platform.citus(major(version)).join(' '),
    }),
    needs: { BASE_IMAGE: tester, citus: (version) => citus!.all({ pg: major(version) }) },
    test: 'images/citusupgradetester/test',
    labels: (version) => labels('citusupgradetester', citusupgradetesterIs, version),
  });

const { style } = platform;
const citusTools = style.hasCitusTools
  ? gitSource('citus-tools', sources.citusToolsGit, [`v${styleTools}`])
  : undefined;
const stylecheckerIs = `checks the style of C and Python code of Citus${
  style.hasCitusTools ? '' : ' (without citus_indent: TASKS_CITUS_TOOLS_GIT is not set)'
}`;

const stylechecker = image({
  name: 'stylechecker',
  description: stylecheckerIs,
  versions: [style.version],
  platforms,
  context: 'images/stylechecker',
  target: style.target,
  args: { TOOLS_VERSION: style.hasCitusTools ? styleTools : '', ...style.args },
  needs: {
    ...(style.base === undefined ? {} : { BASE_IMAGE: apt.at(style.base) }),
    ...(citusTools ? { 'citus-tools': citusTools } : {}),
    ...style.needs,
  },
  test: 'images/stylechecker/test',
  labels: labels('stylechecker', stylecheckerIs, style.version),
});

export const definitions = [
  isolationTools,
  exttester,
  requirements,
  tester,
  failtester,
  pgupgradetester,
  citusupgradetester,
  citusTools,
  stylechecker,
];
