/** One `--mount` of a RUN, its values as they are written. */
export interface Mount {
  readonly type: string;
  /** Undefined: the context. */
  readonly from: string | undefined;
  /** Empty: the whole of where it comes from. */
  readonly source: string;
}

const sourceKeys = new Set(['source', 'src']);

/** Reads `type=bind,source=x,target=/y`, of two of one kind the last; undefined where it is written in a way that we do not read (quotes). */
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

/** The same text with another origin, where it has one. */
export function renameMountOrigin(value: string, naming: (origin: string) => string | undefined): string {
  const fields = value.split(',');
  const at = fields.findLastIndex((field) => splitField(field)[0] === 'from');
  if (at < 0) return value;
  const [, origin] = splitField(fields[at]!);
  const other = origin === '' ? undefined : naming(origin);
  if (other === undefined) return value;
  return fields.with(at, `from=${other}`).join(',');
}

function splitField(field: string): [key: string, text: string] {
  const at = field.indexOf('=');
  return at < 0 ? [field.toLowerCase(), ''] : [field.slice(0, at).toLowerCase(), field.slice(at + 1)];
}
