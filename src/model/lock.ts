/** An external image as pinned in `tasks/lock.json`. */
export interface LockEntry {
  /** The name as written in definitions and Dockerfiles. */
  readonly image: string;
  /** For example `linux/amd64`; `any` if only the build knows the platform. */
  readonly platform: string;
  /** `sha256:…` */
  readonly digest: string;
  /** True if the image has ONBUILD instructions. */
  readonly onbuild: boolean;
  /** The profiles that use the image. A run loads the definitions of one profile only. */
  readonly profiles: readonly string[];
}

/** Lock entries by `lockEntryId`. */
export type Lock = ReadonlyMap<string, LockEntry>;

/** Returns the ID under which an entry is stored in a `Lock`. */
export function lockEntryId({ image, platform }: Pick<LockEntry, 'image' | 'platform'>): string {
  return `${image} ${platform}`;
}
