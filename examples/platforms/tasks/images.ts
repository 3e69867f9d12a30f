import { image } from 'image-tasks';

export const tool = image({
  name: 'tool',
  versions: ['1.0'],
  context: 'tool',
  platforms: ['linux/amd64', 'linux/arm64'],
});
