// The scripts that shells complete `tasks` with. They call `tasks complete SHELL -- WORD…` on every tab: the words after the name
// of the program, up to the cursor. It prints a line for each candidate, the word and, after a tab, its description; or `:files` or
// `:folders` if paths complete the word.

export const shells = ['bash', 'zsh', 'fish', 'powershell'] as const;
export type ShellName = (typeof shells)[number];

/** The first line of each script that a person does not need; it marks files that may be replaced. */
export const scriptMark = '# Written by `tasks completion';

// The program that is on the line may be a function, an alias, or not installed globally: then npx finds the project's.
const fallback = 'npx --offline --no-install tasks';

// Bash splits words at the characters of COMP_WORDBREAKS, such as `:` and `=`, and replaces only the last piece ($2). Pieces without
// space between them are one word.
const bash = `${scriptMark} bash\`.
_tasks() {
  local rest=\${COMP_LINE:0:COMP_POINT} piece text word= value prefix i
  local -a words=() program=("\${1/#~\\//$HOME/}")
  for ((i = 0; i <= COMP_CWORD; i++)); do
    piece=\${COMP_WORDS[i]}
    text=\${rest#"\${rest%%[![:space:]]*}"}
    if ((i > 0)) && [[ $text != "$rest" || -z $rest ]]; then words+=("$word") word=; fi
    [[ $text == "$piece"* ]] || piece=$text
    word+=$piece
    rest=\${text#"$piece"}
  done
  prefix=\${word%"$2"}
  type -P -- "\${program[0]}" > /dev/null || program=(${fallback})
  COMPREPLY=()
  while IFS=$'\\t' read -r value _; do
    case $value in
      :files) compopt -o default ;;
      :folders) compopt -o dirnames ;;
      *) COMPREPLY+=("\${value#"$prefix"}") ;;
    esac
  done < <("\${program[@]}" complete bash -- "\${words[@]:1}" "$word" 2> /dev/null < /dev/null)
}
complete -F _tasks tasks
`;

const zsh = `#compdef tasks
${scriptMark} zsh\`.
_tasks() {
  local value text
  local -a candidates program=("\${(Q)words[1]/#\\~\\//$HOME/}")
  whence -p -- $program > /dev/null || program=(${fallback})
  while IFS=$'\\t' read -r value text; do
    case $value in
      (:files) compset -P '--*='; _files; return ;;
      (:folders) compset -P '--*='; _files -/; return ;;
      (*) candidates+=("\${value//:/\\\\:}\${text:+:$text}") ;;
    esac
  done < <($program complete zsh -- "\${(@Q)words[2,CURRENT-1]}" "\${(Q)PREFIX}" 2> /dev/null < /dev/null)
  _describe -V tasks candidates
}
if [[ $funcstack[1] == _tasks ]]; then _tasks "$@"; else compdef _tasks tasks; fi
`;

const fish = `${scriptMark} fish\`.
function __tasks_complete
    set -l words (commandline -opc)
    set -l program $words[1]
    set -e words[1]
    command -sq -- $program; or set program ${fallback}
    set -l word (string trim -l -c '"\\'' -- "$(commandline -ct)" | string unescape)
    set -l prefix (string match -r -- '^--[^=]*=' $word)
    for line in ($program complete fish -- $words "$word" 2>/dev/null </dev/null)
        switch $line
            case :files
                printf "$prefix%s\\n" (__fish_complete_path (string replace -- "$prefix" '' $word))
            case :folders
                printf "$prefix%s\\n" (__fish_complete_directories (string replace -- "$prefix" '' $word))
            case '*'
                echo $line
        end
    end
end
complete -c tasks -e
complete -c tasks -f -k -a '(__tasks_complete)'
`;

const powershell = `${scriptMark} powershell\`.
Register-ArgumentCompleter -Native -CommandName tasks -ScriptBlock {
  param($word, $line, $cursor)
  $words = @($line.CommandElements | Select-Object -Skip 1 |
    Where-Object { $_.Extent.EndOffset -lt $cursor } | ForEach-Object { "$_" })
  & tasks complete powershell '--' @words "$word" 2> $null |
    ForEach-Object { , ($_ -split "\`t", 2) } |
    Where-Object { $_[0].StartsWith($word) -and -not $_[0].StartsWith(':') } |
    ForEach-Object {
      $help = if ($_[1]) { $_[1] } else { $_[0] }
      [System.Management.Automation.CompletionResult]::new($_[0], $_[0], 'ParameterValue', $help)
    }
}
`;

/** The script of each shell. */
export const scripts: Readonly<Record<ShellName, string>> = { bash, zsh, fish, powershell };
