import type { ArrangedImage } from './arrange.ts';
import { type Folder, key } from './fold.ts';
import { list, object } from './write-text.ts';

export interface CommonValues {
  readonly name: string;
  readonly values: Readonly<Record<string, string>>;
}

/** A field of a definition: its value per cell. */
export interface Value {
  readonly text: string;
  readonly isConstant: boolean;
}

/** The width of `contexts: (version) => ` before a value. */
export const functionWidth = 24;

/** Writes fields of a definition from their values per cell. */
export type Writer = ReturnType<typeof makeWriter>;

export function makeWriter({ cells }: ArrangedImage, folder: Folder) {
  const targets = cells.map(({ target }) => target);
  /** Returns the expression of values that only some cells have, and the condition of these cells. */
  const optional = (
    values: readonly (string | undefined)[],
    hint: string,
    isTag = false,
  ): { condition: string | undefined; value: Value } => {
    const condition = folder.condition(values.map((value) => value !== undefined));
    return { condition, value: folder.text(values, hint, isTag) };
  };
  return {
    targets,
    optional,
    string: (values: readonly string[], hint: string): Value => folder.text(values, hint),
    optionalString(values: readonly (string | undefined)[], hint: string): Value {
      const { condition, value } = optional(values, hint);
      return condition === undefined
        ? value
        : { text: `${condition} ? ${value.text} : undefined`, isConstant: false };
    },
    dockerfileText(): Value {
      const value = folder.text(
        targets.map((each) => each.dockerfileText ?? ''),
        'dockerfile text',
      );
      return { text: `{ text: ${value.text} }`, isConstant: value.isConstant };
    },
    /** An object; undefined if it is empty in all cells. */
    record(values: readonly Readonly<Record<string, string>>[], common?: CommonValues): Value | undefined {
      const all = [...new Set(values.flatMap((value) => Object.keys(value)))];
      if (all.length === 0) return undefined;
      const names = all.filter((name) => common === undefined || !Object.hasOwn(common.values, name));
      if (names.length === 0) return { text: common!.name, isConstant: true };
      let isConstant = true;
      const entries = names.map((name) => {
        const { condition, value } = optional(
          values.map((each) => (Object.hasOwn(each, name) ? each[name] : undefined)),
          name.split('.').slice(-2).join(' '),
        );
        isConstant &&= value.isConstant && condition === undefined;
        const entry = `${key(name)}: ${value.text}`;
        return condition === undefined ? entry : `...(${condition} && { ${entry} })`;
      });
      if (common !== undefined) entries.unshift(`...${common.name}`);
      return { text: object(entries, 2, functionWidth), isConstant };
    },
    /** A list; undefined if it is empty in all cells. */
    list(values: readonly (readonly string[])[], hint: string, isTag = false): Value | undefined {
      const length = Math.max(...values.map((value) => value.length));
      if (length === 0) return undefined;
      let isConstant = true;
      const entries = Array.from({ length }, (_, at) => {
        const { condition, value } = optional(
          values.map((each) => each[at]),
          hint,
          isTag,
        );
        isConstant &&= value.isConstant && condition === undefined;
        if (condition === undefined) return value.text;
        return `...(${condition} ? [${value.text}] : [])`;
      });
      return { text: list(entries, 2, functionWidth), isConstant };
    },
  };
}
