/** One `--mount` of a RUN, with its values as written. */
export interface Mount {
  readonly type: string;
  /** The stage or image to mount from; undefined for the build context. */
  readonly from: string | undefined;
  /** The path in it; empty for all of it. */
  readonly source: string;
}

const sourceKeys = new Set(['source', 'src']);

/**
 * Parses `type=bind,source=x,target=/y`. The last of several equal keys wins. Returns undefined for a value with quotes, which
 * is not supported.
 */
export function parseMount(value: string): Mount | undefined {
  if (value.includes('"')) return undefined;
  let [type, from, source] = ['bind', '', ''];
  for (const field of value.split(',')) {
    const [key, text] = splitField(field);
    if (key === 'type') type = text;
    else if (key === 'from') from = text;
    else if (sourceKeys.has(key)) source = text;
  }
  return { type, from: from === '' ? undefined : from, source };
}

/** Returns a mount's text with the value of `from` renamed. `rename` returns undefined to keep the value. */
export function renameMountOrigin(value: string, rename: (origin: string) => string | undefined): string {
  const fields = value.split(',');
  const at = fields.findLastIndex((field) => splitField(field)[0] === 'from');
  if (at < 0) return value;
  const [, origin] = splitField(fields[at]!);
  const renamed = origin === '' ? undefined : rename(origin);
  if (renamed === undefined) return value;
  return fields.with(at, `from=${renamed}`).join(',');
}

function splitField(field: string): [key: string, text: string] {
  const at = field.indexOf('=');
  return at < 0 ? [field.toLowerCase(), ''] : [field.slice(0, at).toLowerCase(), field.slice(at + 1)];
}
