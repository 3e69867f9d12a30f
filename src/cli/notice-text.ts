import type { Notice } from '../app/notices.ts';

/** Returns what a person reads about a notice. */
export function noticeText(notice: Notice): string {
  switch (notice.kind) {
    case 'warning':
      return `warning: ${notice.message}`;
    case 'engine-unavailable':
      return `${notice.message}: assuming no images exist`;
    case 'registry-unavailable':
      return `${notice.message}: assuming no images exist`;
    case 'no-repository':
      return 'warning: --from-registry needs a repository: add --repo NAME';
    case 'onbuild-unknown':
      return `${notice.message}: all context files count for tasks built on ${notice.image}`;
    case 'waiting': {
      const process = notice.pid === undefined ? 'tasks process' : `tasks process (pid ${notice.pid})`;
      return `waiting for another ${process} to build ${notice.task}`;
    }
    case 'alias-kept':
    case 'publication':
      return notice.message;
    case 'planning-again':
      return 'another machine was first with an image of the same key: planning again to use it';
    case 'left-out':
      return `${notice.task} is left out: ${notice.reason}`;
  }
}
