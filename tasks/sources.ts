// Every place that things are fetched from stands here and nowhere else. Each is one setting: an environment variable of
// the given name, such as a company's mirror, wins over what is written here. An empty one counts as not set.

const env = (name: string): string | undefined => process.env[name] || undefined;
const place = (name: string, otherwise: string): string => env(name) ?? otherwise;

/** Debian's archive, and where its security updates are; nothing: where mmdebstrap knows them to be. */
export const debian = place('TASKS_DEBIAN_URL', '');
export const debianSecurity = place('TASKS_DEBIAN_SECURITY_URL', '');

/** What stands before the names of base images: `mirror.example/hub/`; nothing: Docker Hub. */
export const registry = place('TASKS_BASE_REGISTRY', '').replace(/(?<=.)\/*$/, '/');

/** PostgreSQL's apt repository, its archive of older minors, and the key that signs both. */
export const pgdg = place('TASKS_PGDG_URL', 'https://apt.postgresql.org/pub/repos/apt');
export const pgdgSuite = place('TASKS_PGDG_SUITE', 'bookworm-pgdg');
export const pgdgArchive = place(
  'TASKS_PGDG_ARCHIVE_URL',
  'https://apt-archive.postgresql.org/pub/repos/apt',
);
export const pgdgArchiveSuite = place('TASKS_PGDG_ARCHIVE_SUITE', 'bookworm-pgdg-archive');
export const pgdgKey = place('TASKS_PGDG_KEY_URL', 'https://www.postgresql.org/media/keys/ACCC4CF8.asc');
/** Only for a mirror that signs with a key of its own. */
export const pgdgKeyFingerprint = env('TASKS_PGDG_KEY_FINGERPRINT');

/** PostgreSQL's releases as source: `<place>/v<version>/postgresql-<version>.tar.bz2`, and `.sha256` beside it. */
export const postgresSource = place('TASKS_POSTGRES_SOURCE_URL', 'https://ftp.postgresql.org/pub/source');

/** The index that pip installs from; nothing: pip's own. */
export const pythonIndex = place('TASKS_PYTHON_INDEX_URL', '');

/** An index without TLS is used only if pip is told to trust its host: who sets such a one does. */
export const pythonTrustedHost = pythonIndex.startsWith('http://') ? new URL(pythonIndex).hostname : '';

/** Alpine's packages; nothing: as the base image has it. */
export const alpine = place('TASKS_ALPINE_URL', '');

/**
 * Git repositories. Citus is in no Debian suite: profile `debian` has Citus's parts only where TASKS_CITUS_GIT names a
 * repository, and Citus's style tools only where TASKS_CITUS_TOOLS_GIT does.
 */
export const citusGitIsSet = env('TASKS_CITUS_GIT') !== undefined;
export const citusGit = place('TASKS_CITUS_GIT', 'https://github.com/citusdata/citus.git');
export const citusToolsGitIsSet = env('TASKS_CITUS_TOOLS_GIT') !== undefined;
export const citusToolsGit = place('TASKS_CITUS_TOOLS_GIT', 'https://github.com/citusdata/tools.git');
export const uncrustifyGit = place('TASKS_UNCRUSTIFY_GIT', 'https://github.com/uncrustify/uncrustify.git');
export const mitmproxyGit = place('TASKS_MITMPROXY_GIT', 'https://github.com/citusdata/mitmproxy.git');

/** Where these images come from, for their label. */
export const project = place('TASKS_PROJECT_URL', 'https://github.com/citusdata/the-process');
