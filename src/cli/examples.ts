// What `--help` shows of each command.

export const build = `tasks build                          everything that changed
tasks build extbuilder:17            one task, and what it needs
tasks build '*tester' -j 4 -k        globs; four at once; keep going after failures
RELEASE=1 tasks build --repo citus   with release tags instead of -dev ones`;
export const push = `tasks push --repo registry.example/team   dev tags, -devYYYYmmddHHMM
tasks push --release                      plain tags and aliases: all of them, or none
tasks push --release --dry-run            what that would build, upload and set
tasks push --upload-only 'pg*'            on each of several machines; the last one: tasks push --release
tasks push --resume                       ends a push whose process died, at once

Nothing is tagged before everything is built, tested and uploaded. A push that stops half way is
ended, or taken back, by the next one from any machine.`;
export const verify = `tasks verify .cache/releases/20261124163000512.json
tasks verify release.json --json`;
export const plan = `tasks plan                 what is to be done, and why
tasks plan +extbuilder:17  with all that it needs
tasks plan --check         exit with 1 if anything would be done`;
export const why = `tasks why extbuilder:17                 input by input: what changed since it was built
tasks why extbuilder:17 extbuilder:15   what makes two tasks different`;
export const test = `tasks test                 all images that have a test
tasks test extbuilder:17 --retest`;
export const watch = `tasks watch                 everything; Ctrl-C ends it (exit code 130)
tasks watch extbuilder:17   one task, and what it needs

Definitions, contexts, Dockerfiles, ignore files and inputs are watched, but nothing in .git or node_modules.
A run is never cut short by a change: the next one begins when it has ended.`;
export const graph = `tasks graph                      a tree; versions of an image share a line
tasks graph --full base:trixie+  what hangs on a task, version by version
tasks graph --changed            only what would be done, and why
tasks graph --output graph.svg   a picture for a README, light and dark
tasks graph --output graph.html  a page to look around in, in one file that works offline
tasks graph --format mermaid     the same for a Markdown file
tasks graph --serve              the page, kept up to date; prints its address`;
export const audit = `tasks audit              everything that is up to date
tasks audit --sample 3   three tasks of it`;
export const lock = `tasks lock                 pins what is not pinned yet, keeps the rest
tasks lock --update        takes the newest of all: debian:12  sha256:aaaa… → sha256:bbbb…`;
export const completion = `tasks completion zsh > ~/.tasks-completion.zsh   to be sourced by ~/.zshrc
source <(tasks completion bash)                  in this shell`;
export const clean = `tasks clean --dry-run      what would go
tasks clean -v             trim, and name each thing
tasks clean --remote --dry-run --repo citus   what would go from the registry; then without --dry-run

Never what a plan of this project reuses now. Else these go:
  results of tasks         not used for 30 days; then the least recently used of more than 10 GB
  last records of tasks    not written for 90 days: they explain why a task is built
  logs                     older than 30 days (and all but the last 5 of a task, always)
  passed tests             older than 90 days
  leftovers                of killed runs, older than a day
  content tags             of images older than 7 days that no record names
  dev tags in the engine   that no record names: superseded by a newer run, or older than 7 days
A build that made something trims .cache in the same way.

From the registry (--remote), in the repositories of the images that the definitions have now:
  dev tags                 -devYYYYmmddHHMM of more than 14 days ago
  content tags             -k… that no task has now, of images built more than 30 days ago
  test passes              -k…-t… with their content tag, or where that is gone
Never what another tag, an alias, an index or a signature names, nor what an image that stays was made with.
Keys of other profiles and branches are not known: only their images' age and tags keep them. What a release
file names by digest stays if the file is in .cache/releases or is given: --keep release.json.
Exit 1 while a push is under way; 3 where the registry is out of reach or deletes nothing.`;
export const doctor = `tasks doctor               what is here, what is missing
tasks doctor --fix         install and start it (Debian, as root)
tasks doctor --stop        end the engine that --fix started`;
