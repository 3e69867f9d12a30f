/** One `--mount` of a RUN, its values as they are written. */
export interface Mount {
  readonly type: string;
  readonly from: string | undefined;
  /** Undefined: the whole of where it comes from. */
  readonly source: string | undefined;
  readonly id: string | undefined;
}

const sourceKeys = new Set(['source', 'src']);

/** Reads `type=bind,source=x,target=/y`; undefined where it is written in a way that we do not read (quotes). */
export function readMount(value: string): Mount | undefined {
  if (value.includes('"')) return undefined;
  let [type, from, source, id]: (string | undefined)[] = ['bind'];
  for (const field of value.split(',')) {
    const at = field.indexOf('=');
    const key = (at < 0 ? field : field.slice(0, at)).toLowerCase();
    const text = at < 0 ? '' : field.slice(at + 1);
    if (key === 'type') type = text.toLowerCase();
    else if (key === 'from') from = text;
    else if (sourceKeys.has(key)) source = text;
    else if (key === 'id') id = text;
  }
  return { type: type!, from, source, id };
}
