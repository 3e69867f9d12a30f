// Every pinned version stands here and nowhere else.

/** PostgreSQL in Debian's archive: the major, and the suite that has it. The archive keeps only the newest minor. */
export const debianPostgres: Readonly<Record<string, string>> = { '15': 'bookworm', '17': 'trixie' };
