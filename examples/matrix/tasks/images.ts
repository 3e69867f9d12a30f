import { image, matrix } from 'image-tasks';

const distros = ['bookworm', 'trixie'];

export const base = image({
  name: 'base',
  description: 'What all images of a distribution have in common',
  versions: matrix({ distro: distros }, { version: (cell) => cell.distro }),
  context: 'base',
  args: (cell) => ({ DISTRO: cell.distro }),
  publish: false, // internal: it never gets a tag of a release
});

export const server = image({
  name: 'server',
  description: 'PostgreSQL',
  versions: matrix(
    { pg: ['16', '17', '18'], distro: distros },
    {
      version: (cell) => `${cell.pg}-${cell.distro}`,
      exclude: (cell) => cell.pg === '18' && cell.distro === 'bookworm',
    },
  ),
  context: 'server',
  args: (cell) => ({ PG_VERSION: cell.pg }),
  needs: { BASE_IMAGE: base }, // the base of the same distribution
});
