/** Formats a time, in milliseconds since 1970, in the local time zone: `2026-11-12 14:02`. */
export function formatLocalTime(time: number): string {
  return new Date(time - new Date(time).getTimezoneOffset() * 60_000)
    .toISOString()
    .slice(0, 16)
    .replace('T', ' ');
}
