import { image } from 'image-tasks';

const service = (name: string) =>
  image({
    name,
    context: '.', // the whole repository: keys contain only what the Dockerfile reads of it
    dockerfile: `services/${name}/Dockerfile`,
  });

export const services = ['api', 'web'].map(service);
