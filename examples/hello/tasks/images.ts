import { image } from 'image-tasks';

export const hello = image({
  name: 'hello',
  description: 'A greeting',
  context: 'hello', // its Dockerfile: hello/Dockerfile
});
