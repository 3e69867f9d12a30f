/** Other names of architectures, and the variant that they imply (containerd/platforms database.go). */
const aliases: ReadonlyMap<string, readonly [architecture: string, variant?: string]> = new Map([
  ['i386', ['386']],
  ['x86_64', ['amd64']],
  ['x86-64', ['amd64']],
  ['aarch64', ['arm64']],
  ['armhf', ['arm', 'v7']],
  ['armel', ['arm', 'v6']],
]);

/** Returns a platform in containerd's normal form: `linux/arm64` for `linux/arm64/v8`, `linux/arm/v7` for `linux/arm`. */
export function normalizePlatform(platform: string): string {
  const [os = '', name = '', given = ''] = platform.toLowerCase().split('/');
  const [architecture, implied = ''] = aliases.get(name) ?? [name];
  const variant = normalVariant(architecture, (given || implied).replace(/^(\d)/, 'v$1'));
  return [os, architecture, ...(variant === '' ? [] : [variant])].join('/');
}

function normalVariant(architecture: string, variant: string): string {
  if (architecture === 'arm') return variant === '' ? 'v7' : variant;
  const isDefault =
    (architecture === 'arm64' && variant === 'v8') || (architecture === 'amd64' && variant === 'v1');
  return isDefault ? '' : variant;
}

/** Returns the values of the args that BuildKit sets for a platform, by their names without `BUILD` or `TARGET`. */
export function platformArgs(platform: string): Readonly<Record<string, string | undefined>> {
  const [os, architecture, variant] = platform.split('/');
  return { PLATFORM: platform, OS: os, ARCH: architecture, VARIANT: variant ?? '' };
}
