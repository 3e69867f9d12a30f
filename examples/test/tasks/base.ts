// A base image that needs no registry. In your own project, the Dockerfile says `FROM debian:trixie` or the like instead.
import { command, image } from 'image-tasks';

export const busybox = command({
  name: 'busybox',
  description: 'A static busybox, of this machine or of the Debian archive',
  run: ['base/get-busybox'],
});

export const base = image({
  name: 'base',
  description: 'A shell and common programs',
  context: 'base',
  needs: { busybox },
  publish: false,
});
