import { h } from './dom.ts';

/** Creates a text with a button that copies it. */
export function copyable(text: string, shown: string = text): HTMLElement {
  const button = h(
    'button',
    {
      type: 'button',
      class: 'copy',
      'aria-label': `Copy ${text}`,
      title: 'Copy',
      onclick: () => {
        void copy(text).then((isCopied) => {
          button.textContent = isCopied ? 'copied' : 'not copied';
          setTimeout(() => (button.textContent = 'copy'), confirmationMs);
        });
      },
    },
    'copy',
  );
  return h('span', { class: 'copyable' }, h('code', { title: text }, shown), button);
}

const confirmationMs = 1500;

/** Returns false if the browser does not allow it. */
async function copy(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // Browsers have no clipboard for pages of other machines without TLS, or after a refusal.
    const field = h('textarea', { class: 'offscreen', readonly: true }, text);
    document.body.append(field);
    field.select();
    const isCopied = document.execCommand('copy');
    field.remove();
    return isCopied;
  }
}
