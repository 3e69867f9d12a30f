import type { PageData } from '../draw/page-data.ts';
import type { RunEvent } from '../model/events.ts';

export interface LiveHandlers {
  onEvent(event: RunEvent): void;
  onStatus(text: string): void;
  /** Called with the new data when the plan has changed. */
  onData(data: PageData): void;
}

/** Subscribes to the events of the server that the page came from, until that says that it closes. */
export function followEvents({ onEvent, onStatus, onData }: LiveHandlers): void {
  const source = new EventSource('events');
  source.addEventListener('open', () => onStatus('live'));
  source.addEventListener('message', ({ data }) => onEvent(JSON.parse(data) as RunEvent));
  source.addEventListener('plan', () => void fetchPageData().then(onData, () => location.reload()));
  source.addEventListener('end', () => {
    source.close();
    onStatus('tasks has exited');
  });
  source.addEventListener('error', () => onStatus('connection lost; reconnecting…'));
}

/** Fetches the current data of this page. @throws if the server returns an error page */
async function fetchPageData(): Promise<PageData> {
  const response = await fetch(location.pathname);
  const page = new DOMParser().parseFromString(await response.text(), 'text/html');
  return readPageData(page);
}

/** Reads the data that is embedded in a page. */
export function readPageData(page: Document): PageData {
  return JSON.parse(page.getElementById('data')!.textContent!) as PageData;
}
