import { randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { RunEvent } from '../model/events.ts';
import { authorize } from './authorize.ts';
import { createEventHistory, type SentEvent } from './event-history.ts';

export interface PageServer {
  /** Holds the token: whoever has it sees what the page shows. */
  readonly url: string;
  /** Tells open pages of a run, and remembers it for those that are opened later. */
  send(event: RunEvent): void;
  /** Tells open pages that there is another page to be had. */
  notifyNewPlan(): void;
  /** Says goodbye to open pages and stops listening. */
  close(): Promise<void>;
}

export interface ServeOptions {
  /** Makes the page, for each one that asks. */
  renderPage(): Promise<string>;
  /** Makes what is shown where there is no page. */
  renderErrorPage(error: unknown): string;
  /** False: the program may end while this listens. */
  readonly keepsProcessAlive: boolean;
}

/** A page that reads slower than this many bytes behind is cut off; it connects again and is told what it missed. */
const mostBehind = 4_000_000;
/** How long a page may take to hear the goodbye, milliseconds. */
const goodbye = 1000;

const headers = {
  'cache-control': 'no-store',
  'content-security-policy': "frame-ancestors 'none'",
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
};

/** Serves a page and the events behind it: on loopback alone, on a free port, to whoever knows a random token. */
export async function openPageServer({
  renderPage,
  renderErrorPage,
  keepsProcessAlive,
}: ServeOptions): Promise<PageServer> {
  const token = randomBytes(24).toString('base64url');
  const history = createEventHistory();
  const listeners = new Set<ServerResponse>();
  const sockets = new Set<Socket>();
  const server = createServer((request, response) => {
    answer(request, response).catch((error: unknown) => {
      if (!response.headersSent)
        response.writeHead(500, { ...headers, 'content-type': 'text/html; charset=utf-8' });
      response.end(renderErrorPage(error));
    });
  });

  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const admission = authorize(request, { port: (server.address() as AddressInfo).port, token });
    if ('refused' in admission) response.writeHead(admission.refused, headers).end();
    else if (admission.path === '') {
      const text = await renderPage();
      response.writeHead(200, { ...headers, 'content-type': 'text/html; charset=utf-8' }).end(text);
    } else if (admission.path === 'events') follow(request, response);
    else response.writeHead(404, headers).end();
  };

  const follow = (request: IncomingMessage, response: ServerResponse): void => {
    response.writeHead(200, { ...headers, 'content-type': 'text/event-stream' });
    // Sent at once: the page then knows that somebody listens.
    response.write(': tasks\n\n');
    const heard = Number(request.headers['last-event-id'] ?? 0);
    for (const sent of history.after(heard)) response.write(asMessage(sent));
    listeners.add(response);
    response.on('close', () => listeners.delete(response));
  };

  const tell = (text: string): void => {
    for (const listener of listeners) {
      if (listener.writableLength > mostBehind) listener.destroy();
      else listener.write(text);
    }
  };

  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    if (!keepsProcessAlive) socket.unref();
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host: '127.0.0.1', port: 0 }, resolve);
  });
  if (!keepsProcessAlive) server.unref();
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/${token}/`,
    send: (event) => tell(asMessage(history.add(event))),
    notifyNewPlan: () => tell('event: plan\ndata:\n\n'),
    async close() {
      server.close();
      const ended = [...listeners].map(
        (listener) => new Promise<void>((resolve) => listener.end('event: end\ndata:\n\n', resolve)),
      );
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, goodbye);
      });
      await Promise.race([Promise.all(ended), late]);
      clearTimeout(timer);
      for (const socket of sockets) socket.destroy();
    },
  };
}

function asMessage({ id, data }: SentEvent): string {
  return `id: ${id}\ndata: ${data}\n\n`;
}
