/** A plug-in of markdown-it: shows the name of a file above its block, ```ts [tasks/images.ts]. */
export function fileNames(md) {
  const fence = md.renderer.rules.fence;
  md.renderer.rules.fence = (tokens, index, ...rest) => {
    const [, name] = /\[(.+)\]/.exec(tokens[index].info) ?? [];
    const title =
      name === undefined ? '' : `<p class="file-name"><code>${md.utils.escapeHtml(name)}</code></p>`;
    return `${title}${fence(tokens, index, ...rest)}`;
  };
}
