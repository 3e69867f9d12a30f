import { spawn } from 'node:child_process';
import type { Environment } from '../model/environment.ts';

/** Returns the command that opens a URL in the user's browser. */
export function browserCommand(url: string, platform: NodeJS.Platform): [string, ...string[]] {
  if (platform === 'darwin') return ['open', url];
  // The empty word is the title of the window.
  return platform === 'win32' ? ['cmd', '/c', 'start', '', url] : ['xdg-open', url];
}

/**
 * Opens a URL in the user's browser, without waiting for it: the command may run as long as the browser. If it cannot be started or
 * fails, `warn` is called with a message that has the URL.
 */
export function openBrowser(
  url: string,
  { environment, warn }: { readonly environment: Environment; readonly warn: (message: string) => void },
): void {
  const [program, ...args] = browserCommand(url, process.platform);
  const child = spawn(program, args, { env: environment, stdio: 'ignore', detached: true });
  child.unref();
  child.on('error', ({ message }) => warn(`cannot open a browser (${message}): open ${url}`));
  child.on('exit', (code) => {
    if (code !== 0 && code !== null)
      warn(`cannot open a browser (${program} ended with ${code}): open ${url}`);
  });
}
