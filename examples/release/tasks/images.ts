import { image, project } from 'image-tasks';

export default project({ repo: 'localhost:5000/team' });

const versions = ['17.9', '18.3'];
const major = (version: string): string => version.split('.')[0]!;

export const server = image({
  name: 'server',
  versions,
  context: 'server',
  args: (version) => ({ VERSION: version }),
  aliases: (version) => [major(version)], // moving tags: they never go back to an older version
});

export const client = image({
  name: 'client',
  versions,
  context: 'client',
  needs: { SERVER: server },
});
