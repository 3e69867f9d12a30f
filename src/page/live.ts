import type { RunEvent } from '../model/events.ts';

export interface LiveHandlers {
  onEvent(event: RunEvent): void;
  onStatus(text: string): void;
}

/** Follows what the program tells, from beside this page, until it says that it ends. */
export function listen({ onEvent, onStatus }: LiveHandlers): void {
  const source = new EventSource('events');
  source.addEventListener('open', () => onStatus('live'));
  source.addEventListener('message', ({ data }) => onEvent(JSON.parse(data) as RunEvent));
  source.addEventListener('plan', () => location.reload());
  source.addEventListener('end', () => {
    source.close();
    onStatus('the program has ended');
  });
  source.addEventListener('error', () => onStatus('the program does not answer; trying again'));
}
