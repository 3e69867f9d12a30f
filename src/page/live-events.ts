import type { PageData } from '../draw/page-data.ts';
import type { RunEvent } from '../model/events.ts';

export interface LiveHandlers {
  onEvent(event: RunEvent): void;
  onStatus(text: string): void;
  /** The page would be made otherwise now. */
  onData(data: PageData): void;
}

/** Follows what the program tells, from beside this page, until it says that it ends. */
export function followEvents({ onEvent, onStatus, onData }: LiveHandlers): void {
  const source = new EventSource('events');
  source.addEventListener('open', () => onStatus('live'));
  source.addEventListener('message', ({ data }) => onEvent(JSON.parse(data) as RunEvent));
  source.addEventListener('plan', () => void renewed().then(onData, () => location.reload()));
  source.addEventListener('end', () => {
    source.close();
    onStatus('the program has ended');
  });
  source.addEventListener('error', () => onStatus('the program does not answer; trying again'));
}

/** The data of this page as it is served now. @throws where none is: the page that says why is to be shown */
async function renewed(): Promise<PageData> {
  const response = await fetch(location.pathname);
  const page = new DOMParser().parseFromString(await response.text(), 'text/html');
  return readPageData(page);
}

/** What a page shows. */
export function readPageData(page: Document): PageData {
  return JSON.parse(page.getElementById('data')!.textContent!) as PageData;
}
