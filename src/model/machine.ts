const architectures: Readonly<Record<string, string>> = { x64: 'amd64', ia32: '386', arm: 'arm/v7' };

/** Linux on this machine's architecture, in the words of image platforms: `linux/amd64`. */
export function machinePlatform(architecture: string = process.arch): string {
  return `linux/${architectures[architecture] ?? architecture}`;
}
