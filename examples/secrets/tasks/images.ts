import { image } from 'image-tasks';
import { base } from './base.ts';

export const report = image({
  name: 'report',
  description: 'Data that only those with a token can download',
  context: 'report',
  needs: { BASE_IMAGE: base },
  secrets: { token: { env: 'API_TOKEN' } }, // or { file: '…' }
});
