/** The headers of a call, by lower-case name. A header may be repeated. */
export type Metadata = ReadonlyMap<string, readonly string[]>;

/**
 * Returns the metadata of a call from its raw headers: Node joins the values of repeated headers with commas, which values may
 * contain, too.
 */
export function metadataOf(rawHeaders: readonly string[]): Metadata {
  const values = new Map<string, string[]>();
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    const name = rawHeaders[index]!.toLowerCase();
    const list = values.get(name);
    if (list === undefined) values.set(name, [rawHeaders[index + 1]!]);
    else list.push(rawHeaders[index + 1]!);
  }
  return values;
}
