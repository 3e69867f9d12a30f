import { image } from 'image-tasks';

export const site = image({
  name: 'site',
  context: 'site',
  contexts: { brand: 'brand' }, // COPY --from=brand
});
