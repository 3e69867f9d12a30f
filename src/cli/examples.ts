// What `--help` shows of each command.

export const build = `tasks build                          everything that changed
tasks build extbuilder:17            one task, and what it needs
tasks build '*tester' -j 4 -k        globs; four at once; keep going after failures
RELEASE=1 tasks build --repo citus   with release tags instead of -dev tags`;
export const push = `tasks push --repo registry.example/team   dev tags, -devYYYYmmddHHMM
tasks push --release                      plain tags and aliases: all of them, or none
tasks push --release --dry-run            what that would build, upload and set
tasks push --upload-only 'pg*'            on each of several machines; on the last one: tasks push --release
tasks push --resume                       completes or rolls back a push whose process has died

No tag is set before everything is built, tested and uploaded. A push that stopped halfway is completed or
rolled back by the next push, from any machine.`;
export const verify = `tasks verify .cache/releases/20261124163000512.json
tasks verify release.json --json`;
export const plan = `tasks plan                 what would be done, and why
tasks plan +extbuilder:17  with everything it needs
tasks plan --check         exit with 1 if anything would be done`;
export const why = `tasks why extbuilder:17                 input by input: what changed since it was built
tasks why extbuilder:17 extbuilder:15   how two tasks differ`;
export const test = `tasks test                 all images that have a test
tasks test extbuilder:17 --retest
tasks test --junit report.xml   a report for the CI service`;
export const watch = `tasks watch                 everything; Ctrl-C stops it (exit code 130)
tasks watch extbuilder:17   one task, and what it needs

It watches definitions, contexts, Dockerfiles, ignore files and inputs, but nothing in .git or node_modules.
A change never interrupts a run: the next run starts when it has finished.`;
export const graph = `tasks graph                      a tree; versions of an image share a line
tasks graph --full base:trixie+  everything that depends on a task, version by version
tasks graph --changed            only what would be done, and why
tasks graph --output graph.svg   a picture for a README, light and dark
tasks graph --output graph.html  a page to explore, in one file that works offline
tasks graph --format mermaid     the same for a Markdown file
tasks graph --serve              the page, kept up to date; prints its address`;
export const list = `tasks list
tasks list --json`;
export const reproduce = `tasks reproduce              everything that is up to date; commands run again
tasks reproduce --sample 3   three of those tasks`;
export const logs = `tasks logs extbuilder:17            the log of its newest build
tasks logs extbuilder               the newest of all versions; the first line says which
tasks logs extbuilder:17 --test     the log of its newest test
tasks logs extbuilder:17 --follow   while it is built, from another terminal
tasks logs --list                   what logs there are, newest first

The last five logs of each task and of each test are kept.`;
export const init = `tasks init                        finds a bake file, a compose file, or Dockerfiles
tasks init --dry-run              prints the definitions
tasks init --from bake            the group default of docker-bake.hcl; \`tasks init all --from bake\`: the group all
tasks init --from 'bake:*.json'   several bake files, each by itself
tasks init --from make            what the default goal of the Makefile builds
tasks init --from make:build.sh   what a shell script builds; it is read, not run
tasks init --check --from bake    target by target: context, Dockerfile, stage, args, labels, tags, platforms

It writes tasks/images.ts, a line in .gitignore, and types for editors, and overwrites nothing. What it cannot
carry over is listed with its place. \`make -n\` runs $(shell …) and lines that begin with +, so a Makefile is read
only if you ask for it.`;
export const exportPlan = `tasks export bake                             the published images, and what they need
tasks export bake --output docker-bake.json   then: docker buildx bake
tasks export bake 'pg:17*' --repo team        some images, with tags in another repository

The file builds the same images: needs are contexts of other targets, and pinned base images are contexts with
their digests. Exit code 2 if bake cannot express something, such as commands and the files that they create.`;
export const lock = `tasks lock                 pins what is not pinned yet, keeps the rest
tasks lock --update        moves all pins to the newest: debian:12  sha256:aaaa… → sha256:bbbb…`;
export const completion = `tasks completion install          for your shell, in its own folder for completions
tasks completion install zsh      bash, fish or zsh
tasks completion bash             print the script: bash, zsh, fish or powershell
source <(tasks completion bash)   for this shell only

It never changes ~/.bashrc or another settings file, nor a file that it has not written. Where the shell finds no
program named tasks, completion uses the one that npx finds in the project.`;
export const clean = `tasks clean --dry-run      what would be removed
tasks clean -v             remove it, and print each name
tasks clean --remote --dry-run --repo citus   what would be removed from the registry

What a plan of this project uses now is always kept. Otherwise these are removed:
  results of tasks         not used for 30 days; then the least recently used beyond 10 GB
  last records of tasks    not written for 90 days: they explain why a task is built
  logs                     older than 30 days (and always all but the last 5 of a task)
  passed tests             older than 90 days
  leftovers                of killed runs, older than a day
  content tags             of images older than 7 days that no record names
  dev tags in the engine   that no record names: replaced by a newer run, or older than 7 days
A build of the whole project trims .cache in the same way.

From the registry (--remote), in the repositories of the images that the definitions have now:
  dev tags                 -devYYYYmmddHHMM of more than 14 days ago
  content tags             -k… that no task has now, of images built more than 30 days ago
  test passes              -k…-t… together with their content tag, or if that is missing
What another tag, an alias, an index or a signature refers to is always kept, and what a kept image was built on.
Keys of other profiles and branches are unknown: only the age and the tags of their images protect them. Images that
a release file names by digest are kept if the file is in .cache/releases or is given: --keep release.json.
Exit code 1 while a push is running; 3 if the registry cannot be reached or refuses to delete.`;
export const doctor = `tasks doctor               what this machine has and lacks
tasks doctor --fix         install and start it (Debian, as root)
tasks doctor --stop        stop the engine that --fix started`;
