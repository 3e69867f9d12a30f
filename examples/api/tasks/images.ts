import { image } from 'image-tasks';

export const app = image({
  name: 'app',
  versions: ['1', '2'],
  context: 'app',
  args: (version) => ({ VERSION: version }),
});
