import { randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { RunEvent } from '../model/events.ts';
import { authorize } from './authorize.ts';
import { createEventHistory, type SentEvent } from './event-history.ts';

export interface PageServer {
  /** The page's URL. It contains the token that grants access. */
  readonly url: string;
  /** Sends an event to open pages, and keeps it for pages that are opened later. */
  send(event: RunEvent): void;
  /** Tells open pages to load the page again. */
  notifyNewPlan(): void;
  /** Tells open pages that the server ends, and stops listening. */
  close(): Promise<void>;
}

export interface ServeOptions {
  /** Returns the HTML page; called for each request. */
  renderPage(): Promise<string>;
  /** Returns the HTML page for an error that `renderPage` threw. */
  renderErrorPage(error: unknown): string;
}

/** A page with more unread bytes is disconnected. It connects again and gets the events that it missed. */
const maxUnreadBytes = 4_000_000;
/** Milliseconds that pages get to receive the end event. */
const closeTimeoutMs = 1000;

const headers = {
  'cache-control': 'no-store',
  'content-security-policy': "frame-ancestors 'none'",
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
};

/** Serves a page and its events on a free port of the loopback interface. Requests need a random token. */
export async function openPageServer({ renderPage, renderErrorPage }: ServeOptions): Promise<PageServer> {
  const token = randomBytes(24).toString('base64url');
  const history = createEventHistory();
  const eventStreams = new Set<ServerResponse>();
  const sockets = new Set<Socket>();
  const server = createServer((request, response) => {
    respond(request, response).catch((error: unknown) => {
      if (!response.headersSent)
        response.writeHead(500, { ...headers, 'content-type': 'text/html; charset=utf-8' });
      response.end(renderErrorPage(error));
    });
  });

  const respond = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const authorization = authorize(request, { port: (server.address() as AddressInfo).port, token });
    if ('refused' in authorization) response.writeHead(authorization.refused, headers).end();
    else if (authorization.path === '') {
      const html = await renderPage();
      response.writeHead(200, { ...headers, 'content-type': 'text/html; charset=utf-8' }).end(html);
    } else if (authorization.path === 'events') streamEvents(request, response);
    else response.writeHead(404, headers).end();
  };

  const streamEvents = (request: IncomingMessage, response: ServerResponse): void => {
    response.writeHead(200, { ...headers, 'content-type': 'text/event-stream' });
    // A first message shows the page that it is connected.
    response.write(': tasks\n\n');
    const lastId = Number(request.headers['last-event-id'] ?? 0);
    for (const event of history.after(lastId)) response.write(formatMessage(event));
    eventStreams.add(response);
    response.on('close', () => eventStreams.delete(response));
  };

  const broadcast = (message: string): void => {
    for (const stream of eventStreams) {
      if (stream.writableLength > maxUnreadBytes) stream.destroy();
      else stream.write(message);
    }
  };

  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host: '127.0.0.1', port: 0 }, resolve);
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/${token}/`,
    send: (event) => broadcast(formatMessage(history.add(event))),
    notifyNewPlan: () => broadcast('event: plan\ndata:\n\n'),
    async close() {
      server.close();
      const ended = [...eventStreams].map(
        (stream) => new Promise<void>((resolve) => stream.end('event: end\ndata:\n\n', resolve)),
      );
      let timer: NodeJS.Timeout | undefined;
      const timeout = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, closeTimeoutMs);
      });
      await Promise.race([Promise.all(ended), timeout]);
      clearTimeout(timer);
      for (const socket of sockets) socket.destroy();
    },
  };
}

/** Formats a server-sent event. */
function formatMessage({ id, data }: SentEvent): string {
  return `id: ${id}\ndata: ${data}\n\n`;
}
