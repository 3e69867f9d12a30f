/** An image from outside as it is pinned in `tasks/lock.json`. */
export interface LockEntry {
  /** The name as definitions and Dockerfiles write it. */
  readonly image: string;
  /** `linux/amd64`; `any`: for all platforms at once, where only the build knows which it takes. */
  readonly platform: string;
  /** `sha256:…` */
  readonly digest: string;
  /** True: what is built on it runs instructions that stand in it. */
  readonly onbuild: boolean;
  /** In which profiles it is used: the others' definitions are not known in a run. */
  readonly profiles: readonly string[];
}

/** Entries by `lockName`. */
export type Lock = ReadonlyMap<string, LockEntry>;

/** What an entry is found by. */
export function lockEntryId({ image, platform }: Pick<LockEntry, 'image' | 'platform'>): string {
  return `${image} ${platform}`;
}
