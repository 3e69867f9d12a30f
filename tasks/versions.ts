// Every pinned version is here and nowhere else.

/** PostgreSQL in Debian's archive: major version and suite. The archive has only the newest minor version. */
export const debianPostgres: Readonly<Record<string, string>> = { '15': 'bookworm', '17': 'trixie' };

/** Sources of PostgreSQL for mirrors of Debian's archive that do not have the source of the newest minor version yet. */
export const debianSpareSource: Readonly<
  Record<string, { readonly version: string; readonly sha256: string }>
> = {
  '15': { version: '15.18', sha256: '11df0df97fe3ea4ba9a791faaf39cee1d2fe571e78885b5b55d8517d27c323b4' },
  '17': { version: '17.11', sha256: 'dd27f2b3c59e73ed14aa3324901242bf69a032a6347805f274e6260322d42979' },
};

/** PostgreSQL from its own archive, oldest first. */
export const pgdgPostgres: readonly string[] = ['16.13', '17.9', '18.3'];

/**
 * Versions of Citus by major version of PostgreSQL, oldest first: the versions that citusupgradetester has to upgrade from.
 * exttester has the shared libraries of the last one.
 */
export const citusVersions: Readonly<Record<string, readonly string[]>> = {
  '15': ['v12.1.12'],
  '16': ['v12.1.12'],
  '17': ['v13.2.2'],
  '18': ['v14.0.1'],
};

/** Citus's style tools, and the release of uncrustify that they need. */
export const styleTools = '0.8.33';
export const uncrustify = '0.82.0';

/** Base images from a registry. */
export const buildBase = 'buildpack-deps:bookworm';
export const pythonBase = 'python:3.12-slim-bookworm';
export const alpineBase = 'alpine:3.21';

/** The commit of Citus's fork of mitmproxy that Citus's tests use. The fork has no releases. */
export const mitmproxy = '70bad9a3c098f605e5f8b25553e5db5334018ff1';

/** The key that signs PGDG's archive. */
export const pgdgFingerprint = 'B97B0AFCAA1A47F044F244A07FCC7D46ACCC4CF8';
