import type { Site } from './facts.ts';

/** Returns the registry of an image or repository reference: `citus/app`, `registry.example:5000/team/app:1.0`. */
export function registrySiteOf(reference: string): Site {
  const [host, ...rest] = reference.split('/');
  const isHost = rest.length > 0 && /[.:]|^localhost$/.test(host!);
  if (!isHost || /^(index\.)?docker\.io$/.test(host!))
    return { name: 'Docker Hub', url: 'https://registry-1.docker.io/v2/' };
  // Like docker: plain HTTP only for loopback addresses.
  const isLoopback = /^(localhost|127\.[\d.]+|\[::1\])(:\d+)?$/.test(host!);
  return { name: host!, url: `${isLoopback ? 'http' : 'https'}://${host}/v2/` };
}
