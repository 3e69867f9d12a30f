import { image } from 'image-tasks';

export const site = image({ name: 'site', context: 'site' });
export const mirror = image({ name: 'mirror', context: 'mirror', needs: { SITE: site } });
