// Every address that files are fetched from is here and nowhere else. The environment variable of the given name overrides it,
// for example with a company's mirror. An empty variable counts as not set.

const env = (name: string): string | undefined => process.env[name] || undefined;
const place = (name: string, otherwise: string): string => env(name) ?? otherwise;

/** Debian's archive and security updates. Default: those that mmdebstrap knows. */
export const debian = place('TASKS_DEBIAN_URL', '');
export const debianSecurity = place('TASKS_DEBIAN_SECURITY_URL', '');

/** The prefix of the names of base images, such as `mirror.example/hub/`. Default: none, for Docker Hub. */
export const registry = place('TASKS_BASE_REGISTRY', '').replace(/(?<=.)\/*$/, '/');

/** PostgreSQL's apt repository, its archive of older minor versions, and the key that signs both. */
export const pgdg = place('TASKS_PGDG_URL', 'https://apt.postgresql.org/pub/repos/apt');
export const pgdgSuite = place('TASKS_PGDG_SUITE', 'bookworm-pgdg');
export const pgdgArchive = place(
  'TASKS_PGDG_ARCHIVE_URL',
  'https://apt-archive.postgresql.org/pub/repos/apt',
);
export const pgdgArchiveSuite = place('TASKS_PGDG_ARCHIVE_SUITE', 'bookworm-pgdg-archive');
export const pgdgKey = place('TASKS_PGDG_KEY_URL', 'https://www.postgresql.org/media/keys/ACCC4CF8.asc');
/** Only for a mirror that signs with its own key. */
export const pgdgKeyFingerprint = env('TASKS_PGDG_KEY_FINGERPRINT');

/** The source of PostgreSQL's releases: `<address>/v<version>/postgresql-<version>.tar.bz2`, and the same with `.sha256`. */
export const postgresSource = place('TASKS_POSTGRES_SOURCE_URL', 'https://ftp.postgresql.org/pub/source');

/** The index that pip installs from. Default: pip's own. */
export const pythonIndex = place('TASKS_PYTHON_INDEX_URL', '');

/** pip uses an index without TLS only if it is told to trust its host. */
export const pythonTrustedHost = pythonIndex.startsWith('http://') ? new URL(pythonIndex).hostname : '';

/** The archive of Alpine's packages. Default: that of the base image. */
export const alpine = place('TASKS_ALPINE_URL', '');

/**
 * Git repositories. Citus is in no Debian suite. So the profile `debian` has Citus only if TASKS_CITUS_GIT is set, and
 * Citus's style tools only if TASKS_CITUS_TOOLS_GIT is set.
 */
export const citusGitIsSet = env('TASKS_CITUS_GIT') !== undefined;
export const citusGit = place('TASKS_CITUS_GIT', 'https://github.com/citusdata/citus.git');
export const citusToolsGitIsSet = env('TASKS_CITUS_TOOLS_GIT') !== undefined;
export const citusToolsGit = place('TASKS_CITUS_TOOLS_GIT', 'https://github.com/citusdata/tools.git');
export const uncrustifyGit = place('TASKS_UNCRUSTIFY_GIT', 'https://github.com/uncrustify/uncrustify.git');
export const mitmproxyGit = place('TASKS_MITMPROXY_GIT', 'https://github.com/citusdata/mitmproxy.git');

/** The source of these images, for their label. */
export const project = place('TASKS_PROJECT_URL', 'https://github.com/citusdata/the-process');
