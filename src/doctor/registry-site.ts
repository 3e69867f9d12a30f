import type { Site } from './facts.ts';

/** The registry that an image reference or repository lies in: `citus/app`, `registry.example:5000/team/app:1.0`. */
export function registrySiteOf(reference: string): Site {
  const [first, ...rest] = reference.split('/');
  const isHost = rest.length > 0 && /[.:]|^localhost$/.test(first!);
  if (!isHost || /^(index\.)?docker\.io$/.test(first!))
    return { name: 'Docker Hub', url: 'https://registry-1.docker.io/v2/' };
  // As docker has it: plain HTTP for loopback only.
  const isLoopback = /^(localhost|127\.[\d.]+|\[::1\])(:\d+)?$/.test(first!);
  return { name: first!, url: `${isLoopback ? 'http' : 'https'}://${first}/v2/` };
}
