import type { Axes } from '../model/task.ts';

/** What the axes of versions are found from. */
interface Version {
  /** What the version is joined of with `-`. */
  readonly parts: readonly string[];
  readonly args: Readonly<Record<string, string>>;
  readonly target: string | undefined;
}

export interface AxisValues {
  /** The axes with their values; none for a single version. */
  readonly axes: readonly { readonly name: string; readonly values: readonly string[] }[];
  /** How a version is made of them: texts and names of axes. Undefined if versions are a plain list. */
  readonly format: readonly (string | { readonly axis: string })[] | undefined;
}

/** Names of Debian and Ubuntu releases, and of other distributions that stand in tags. */
const distros =
  /^(buster|bullseye|bookworm|trixie|forky|sid|focal|jammy|noble|resolute|debian|ubuntu|alpine|fedora|centos|rocky|alma|ubi|el)[\d.]*$/;

/**
 * Finds the axes of versions such as `16.13-minimal-trixie`, which all have the same number of parts: one for each part that varies.
 * Returns a plain list if the parts do not make a matrix.
 */
export function findAxes(versions: readonly Version[]): AxisValues & { readonly cells: readonly Axes[] } {
  const rows = versions.map(({ parts }) => parts);
  const columns = rows[0]!.map((_, at) => rows.map((row) => row[at]!));
  const varying = columns.flatMap((column, at) => (new Set(column).size > 1 ? [at] : []));
  if (versions.length === 1 || varying.length === 0)
    return {
      axes: [],
      format: undefined,
      cells: versions.map(({ parts }) => ({ version: parts.join('-') })),
    };
  const plain = {
    axes: [],
    format: undefined,
    cells: versions.map(({ parts }) => ({ version: parts.join('-') })),
  };
  if (columns.length === 1) return withVersions(plain, versions);
  const taken = new Set<string>();
  const axes = varying.map((at) => {
    const { name, values } = nameColumn(columns[at]!, versions, taken);
    taken.add(name);
    return { at, name, column: values, values: [...new Set(values)] };
  });
  const size = axes.reduce((product, { values }) => product * values.length, 1);
  // A matrix with many holes is harder to read than a list.
  if (size > versions.length * 2) return withVersions(plain, versions);
  const cells = versions.map((_, row) =>
    Object.fromEntries(axes.map(({ name, column }) => [name, column[row]!])),
  );
  if (new Set(cells.map((cell) => JSON.stringify(cell))).size < cells.length)
    return withVersions(plain, versions);
  const format = columns.map((column, at) => {
    const axis = axes.find((each) => each.at === at);
    return axis === undefined ? column[0]! : { axis: axis.name };
  });
  return { axes: axes.map(({ name, values }) => ({ name, values })), format, cells };
}

function withVersions(
  plain: { readonly format: undefined; readonly cells: readonly Axes[] },
  versions: readonly Version[],
): AxisValues & { readonly cells: readonly Axes[] } {
  return { ...plain, axes: [{ name: 'version', values: versions.map(({ parts }) => parts.join('-')) }] };
}

/** Names a column after the arg or the field that has its values, or after what they look like. */
function nameColumn(
  column: readonly string[],
  versions: readonly Version[],
  taken: ReadonlySet<string>,
): { readonly name: string; readonly values: readonly string[] } {
  const free = (name: string): string => {
    let unique = name;
    for (let number = 2; taken.has(unique); number++) unique = `${name}${number}`;
    return unique;
  };
  if (versions.every(({ target }, at) => target === column[at]))
    return { name: free('target'), values: column };
  // A Debian version has a `~` that its tag leaves out.
  const arg = Object.keys(versions[0]!.args).find((name) =>
    versions.every(({ args }, at) => args[name]?.replaceAll('~', '') === column[at]),
  );
  const values = arg === undefined ? column : versions.map(({ args }) => args[arg]!);
  if (column.every((value) => distros.test(value))) return { name: free('distro'), values };
  if (column.every((value) => /^v?\d/.test(value)))
    return { name: free(shortName(arg) ?? 'version'), values };
  return { name: free(shortName(arg) ?? 'variant'), values };
}

/** Returns `pg` for `PG_VERSION`. */
function shortName(arg: string | undefined): string | undefined {
  const words =
    arg
      ?.toLowerCase()
      .split('_')
      .filter((word) => !['version', 'ver', 'tag', ''].includes(word)) ?? [];
  const [first, ...rest] = words;
  return first === undefined || /^\d/.test(first)
    ? undefined
    : [first, ...rest.map((word) => word[0]!.toUpperCase() + word.slice(1))].join('');
}
