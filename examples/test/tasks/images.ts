import { image } from 'image-tasks';
import { base } from './base.ts';

export const greeter = image({
  name: 'greeter',
  description: 'Greets you in a language',
  versions: ['en', 'de'],
  context: 'greeter',
  args: (version) => ({ GREETING: version === 'de' ? 'Guten Tag' : 'Good day' }),
  needs: { BASE_IMAGE: base },
  test: 'greeter/test.sh',
});
