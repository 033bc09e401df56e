"""Scripts by which shells complete `ly`, with all commands and options in them.

Nothing is started for what is known beforehand; for jobs, partitions and such the script asks `ly` itself.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping

from launchyard.cli.described import ASKED, DIRECTORIES, FILES, Choice, Described

_WALK = """\
  at=ly i=1 given=()
  while [ $i -lt $last ]; do
    word=${words[$((i + base))]}
    case $word in
      --) at=; break ;;
      --state|--url) given=("$word" "${words[$((i + base + 1))]}") ;;
    esac
    case $word in
      -*) __ly_value "$at" "$word" && i=$((i + 1)) ;;
      *) __ly_children "$at"; case " $REPLY " in *" $word "*) at="$at $word" ;; esac ;;
    esac
    i=$((i + 1))
  done
"""

_BASH = """\
# bash completion of ly; made by `ly completion bash`
{tables}
_ly() {
  local i at last word kind base=0 IFS=$' \\t\\n' words given
  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
  COMPREPLY=()
  # `--mem=4G` comes as three words
  if [ "$cur" = = ]; then cur=; elif [ "$prev" = = ]; then prev=${COMP_WORDS[COMP_CWORD - 2]}; fi
  words=("${COMP_WORDS[@]}") last=$COMP_CWORD
{walk}
  [ -n "$at" ] || return 0
  case $prev in
    -*) if __ly_value "$at" "$prev"; then __ly_offer "$REPLY"; return 0; fi ;;
  esac
  __ly_children "$at"
  case $cur in
    -*) __ly_options "$at"; COMPREPLY=($(compgen -W "$REPLY" -- "$cur")) ;;
    *) if [ -n "$REPLY" ]; then COMPREPLY=($(compgen -W "$REPLY" -- "$cur"))
       else __ly_argument "$at"; __ly_offer "$REPLY"; fi ;;
  esac
}
__ly_offer() {
  local found
  case $1 in
    ''|files) ;;
    directories) compopt -o dirnames 2>/dev/null ;;
    {asked}) found=$("${COMP_WORDS[0]}" "${given[@]}" completion --words "$1" 2>/dev/null) &&
      COMPREPLY=($(compgen -W "$found" -- "$cur")) ;;
    *) COMPREPLY=($(compgen -W "$1" -- "$cur")) ;;
  esac
}
complete -o bashdefault -o default -F _ly ly launchyard
"""

_ZSH = """\
#compdef ly launchyard
# zsh completion of ly; made by `ly completion zsh`
{tables}
_ly() {
  emulate -L zsh
  local i at last word kind base=1 cur prev
  local -a given
  cur=$words[CURRENT] prev=$words[CURRENT-1] last=$((CURRENT - 1))
{walk}
  [[ -n $at ]] || { _files; return }
  if [[ $prev == -* ]] && __ly_value "$at" "$prev"; then __ly_offer "$REPLY"; return; fi
  if [[ $cur == --*=* ]] && __ly_value "$at" "${cur%%=*}"; then
    compset -P '*='; __ly_offer "$REPLY"; return
  fi
  if [[ $cur == -* ]]; then __ly_options "$at"; compadd -- ${=REPLY}; return; fi
  __ly_children "$at"
  if [[ -n $REPLY ]]; then compadd -- ${=REPLY}; else __ly_argument "$at"; __ly_offer "$REPLY"; fi
}
__ly_offer() {
  case $1 in
    ''|files) _files ;;
    directories) _files -/ ;;
    {asked}) compadd -- ${(f)"$("$words[1]" $given completion --words "$1" 2>/dev/null)"} ;;
    *) compadd -- ${=1} ;;
  esac
}
if [[ $funcstack[1] == _ly ]]; then _ly "$@"
elif (( $+functions[compdef] )); then compdef _ly ly launchyard; fi
"""

_FISH = """\
# fish completion of ly; made by `ly completion fish`
function __ly_path
    set -l words (commandline -opc)
    set -l path ly
    set -l skip 0
    for word in $words[2..-1]
        if test $skip = 1
            set skip 0
            continue
        end
        switch $word
            case '--'
                echo --
                return
            case '-*'
                contains -- "$path $word" $__ly_valued; and set skip 1
            case '*'
                contains -- "$path $word" $__ly_paths; and set path "$path $word"
        end
    end
    echo $path
end
function __ly_at
    test (__ly_path) = "$argv"
end
function __ly_words
    set -l words (commandline -opc)
    set -l given
    for i in (seq 2 (count $words))
        contains -- $words[$i] --state --url; and set given $words[$i] $words[(math $i + 1)]
    end
    $words[1] $given completion --words $argv 2>/dev/null
end
"""


def bash(tree: Described) -> str:
    return _filled(_BASH, tree)


def zsh(tree: Described) -> str:
    return _filled(_ZSH, tree)


def fish(tree: Described) -> str:
    """A line for each command and option, with what it is for."""
    every = list(tree.all())
    paths = (_quoted(" ".join(one.path)) for one in every)
    valued = (
        _quoted(f"{' '.join(one.path)} {name}")
        for one in every
        for option in one.options
        if option.value
        for name in option.names
    )
    lines = [f"set -g __ly_paths {' '.join(paths)}", f"set -g __ly_valued {' '.join(valued)}"]
    for one in every:
        lines += _fish_lines(one)
    return _FISH + "\n".join(lines) + "\ncomplete -c launchyard -w ly\n"


def _fish_lines(one: Described) -> Iterator[str]:
    at = f"complete -c ly -n {_quoted('__ly_at ' + ' '.join(one.path))}"
    for child in one.children:
        yield f"{at} -f -a {child.path[-1]} -d {_quoted(child.short)}"
    if one.argument and not one.children:
        yield f"{at} {_fish_kind(one.argument)}"
    for option in one.options:
        names = " ".join(
            f"-l {name[2:]}" if name.startswith("--") else f"-s {name[1:]}" for name in option.names
        )
        value = f" -r {_fish_kind(option.kind)}" if option.value else ""
        yield f"{at} {names}{value} -d {_quoted(option.help)}".replace("  ", " ")


def _fish_kind(kind: str) -> str:
    if kind in ("", FILES):
        return "-F" if kind else ""
    if kind == DIRECTORIES:
        return "-f -a '(__fish_complete_directories)'"
    return f"-f -a '(__ly_words {kind})'" if kind in ASKED else f"-f -a {_quoted(kind)}"


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _filled(template: str, tree: Described) -> str:
    filled = template.replace("{walk}", _WALK.rstrip()).replace("{asked}", "|".join(ASKED))
    return filled.replace("{tables}", "\n".join(_tables(tree)))


def _tables(tree: Described) -> Iterator[str]:
    """Functions that put into REPLY what is known; `__ly_value` fails for an option without a value."""
    every = list(tree.all())
    yield from _table("__ly_children", ((_at(one), " ".join(_last(one.children))) for one in every))
    yield from _table("__ly_options", ((_at(one), " ".join(_names(one.options))) for one in every))
    yield from _table("__ly_argument", ((_at(one), one.argument) for one in every))
    of_values = (
        ("|".join(f"'{' '.join(one.path)} {name}'" for name in option.names), option.kind)
        for one in every
        for option in one.options
        if option.value
    )
    yield from _table("__ly_value", of_values, subject="$1 $2", otherwise="return 1")


def _table(
    name: str, rows: Iterable[tuple[str, str]], *, subject: str = "$1", otherwise: str = "REPLY="
) -> Iterator[str]:
    yield f'{name}() {{\n  case "{subject}" in'
    yield from (f"    {pattern}) REPLY='{value}' ;;" for pattern, value in rows if value or subject != "$1")
    yield f"    *) {otherwise} ;;\n  esac\n}}"


def _at(one: Described) -> str:
    return f"'{' '.join(one.path)}'"


def _last(children: Iterable[Described]) -> Iterator[str]:
    return (child.path[-1] for child in children)


def _names(options: Iterable[Choice]) -> Iterator[str]:
    return (name for option in options for name in option.names)


SCRIPTS: Mapping[str, Callable[[Described], str]] = {"bash": bash, "zsh": zsh, "fish": fish}
