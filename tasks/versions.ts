// Every pinned version stands here and nowhere else.

/** PostgreSQL in Debian's archive: the major, and the suite that has it. The archive keeps only the newest minor. */
export const debianPostgres: Readonly<Record<string, string>> = { '15': 'bookworm', '17': 'trixie' };

/** Source of PostgreSQL for mirrors of Debian's archive that have no source of its newest minor yet. */
export const debianSpareSource: Readonly<
  Record<string, { readonly version: string; readonly sha256: string }>
> = {
  '15': { version: '15.18', sha256: '11df0df97fe3ea4ba9a791faaf39cee1d2fe571e78885b5b55d8517d27c323b4' },
  '17': { version: '17.11', sha256: 'dd27f2b3c59e73ed14aa3324901242bf69a032a6347805f274e6260322d42979' },
};

/** PostgreSQL from its own archive, oldest first. */
export const pgdgPostgres: readonly string[] = ['16.13', '17.9', '18.3'];

/**
 * Citus by PostgreSQL major, oldest first: what citusupgradetester holds to upgrade from. The last is "the" version of
 * that major, whose shared libraries exttester holds.
 */
export const citusVersions: Readonly<Record<string, readonly string[]>> = {
  '15': ['v12.1.12'],
  '16': ['v12.1.12'],
  '17': ['v13.2.2'],
  '18': ['v14.0.1'],
};

/** Citus's style tools, and the release of uncrustify that they are written for. */
export const styleTools = '0.8.33';
export const uncrustify = '0.82.0';

/** Bases from a registry. */
export const buildBase = 'buildpack-deps:bookworm';
export const pythonBase = 'python:3.12-slim-bookworm';
export const alpineBase = 'alpine:3.21';

/** Citus's fork of mitmproxy has no releases of its own: the commit that Citus's tests use. */
export const mitmproxy = '70bad9a3c098f605e5f8b25553e5db5334018ff1';

/** The key that signs PGDG's archive. */
export const pgdgFingerprint = 'B97B0AFCAA1A47F044F244A07FCC7D46ACCC4CF8';
