/** Returns a word as it is typed in a POSIX shell: quoted if necessary. */
export function shellWord(text: string): string {
  return /^[\w.:+/@=,-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
