/** An object of a file that another tool wrote. */
export type Json = Readonly<Record<string, unknown>>;

/** Returns the texts of an object's fields; null and undefined ones are left out. */
export function record(value: unknown): Record<string, string> {
  if (!isObject(value)) return {};
  return Object.fromEntries(
    Object.entries(value).flatMap(([name, each]) =>
      each === null || each === undefined ? [] : [[name, String(each)]],
    ),
  );
}

export function list(value: unknown): unknown[] {
  return Array.isArray(value) ? value : value === undefined || value === null ? [] : [value];
}

export function strings(value: unknown): string[] {
  return list(value).map(String);
}

export function isFilled(value: unknown): boolean {
  return Array.isArray(value) ? value.length > 0 : value !== undefined && value !== null && value !== false;
}

export function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
