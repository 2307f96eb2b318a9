import { type Command, command, type CommandTable, EXIT, UsageError } from './command.ts'

const shells = { bash, zsh, fish }

/** The scripts are written out in full: completing must not start Node at each key. */
export const completionOf = (commands: CommandTable): Command => command({
  usage: 'bash|zsh|fish',
  about: 'Prints a completion script.',
  actions: {
    bash: 'eval "$(ip-risk completion bash)" in ~/.bashrc',
    zsh: 'eval "$(ip-risk completion zsh)" in ~/.zshrc, after compinit',
    fish: 'ip-risk completion fish > ~/.config/fish/completions/ip-risk.fish'
  },
  options: {},
  async run ({ positionals: [shell = '', ...more] }, io) {
    if (!Object.hasOwn(shells, shell) || more.length > 0) {
      throw new UsageError('completion needs one of bash, zsh, fish')
    }
    io.out(shells[shell as keyof typeof shells](await described(commands)))
    return EXIT.ok
  }
})

interface Described {
  readonly name: string
  readonly summary: string
  readonly command: Command
}

async function described (commands: CommandTable): Promise<Described[]> {
  return await Promise.all(Object.entries(commands).map(async ([name, { summary, load }]) => (
    { name, summary, command: await load() }
  )))
}

function wordsOf ({ actions = {}, options }: Command): string[] {
  return [...Object.keys(actions), ...Object.keys(options).map(name => `--${name}`), '--help']
}

/** Completes options by name, values that are one of a few, and files everywhere else. */
function bash (all: readonly Described[]): string {
  const byCommand = all.map(({ name, command }) => `    ${name}) words="${wordsOf(command).join(' ')}" ;;`)
  const byOption = all.flatMap(({ name, command }) => Object.entries(command.options)
    .filter(([, { value }]) => value !== undefined)
    .map(([option, { oneOf }]) => (
      `    "${name} --${option}") ${oneOf === undefined ? 'words=' : `words="${oneOf.join(' ')}" files=`} ;;`
    )))
  return `_ip_risk () {
  local word="\${COMP_WORDS[COMP_CWORD]}" name="\${COMP_WORDS[1]}" words= files=yes
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W "${all.map(({ name }) => name).join(' ')} --help --version" -- "$word"))
    return
  fi
  case "$name" in
${byCommand.join('\n')}
  esac
  case "$name \${COMP_WORDS[COMP_CWORD-1]}" in
${byOption.join('\n')}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$word"))
  if [ "\${#COMPREPLY[@]}" -eq 0 ] && [ -n "$files" ]; then COMPREPLY=($(compgen -f -- "$word")); fi
}
complete -o filenames -F _ip_risk ip-risk`
}

function zsh (all: readonly Described[]): string {
  const commandLines = all.map(({ name, summary }) => `    ${quoted(`${name}:${summary}`)}`)
  const cases = all.map(({ name, command: { actions = {}, options } }) => {
    const first = Object.keys(actions).length === 0 ? "'*:file:_files'" : `'1: :(${Object.keys(actions).join(' ')})'`
    const rows = Object.entries(options).map(([option, { help, value, oneOf, many }]) => {
      const text = help.replaceAll(/[\][:]/g, ' ')
      const argument = value === undefined ? '' : `:${value}:${oneOf === undefined ? '_files' : `(${oneOf.join(' ')})`}`
      return quoted(`${many === true ? '*' : ''}--${option}[${text}]${argument}`)
    })
    return `    ${name}) _arguments ${[first, ...rows].join(' ')} ;;`
  })
  return `#compdef ip-risk
_ip_risk () {
  local -a commands=(
${commandLines.join('\n')}
  )
  if (( CURRENT == 2 )); then _describe command commands; return; fi
  shift words; (( CURRENT-- ))
  case "$words[1]" in
${cases.join('\n')}
  esac
}
compdef _ip_risk ip-risk`
}

function fish (all: readonly Described[]): string {
  return all.flatMap(({ name, summary, command: { actions = {}, options } }) => {
    const here = `complete -c ip-risk -n '__fish_seen_subcommand_from ${name}'`
    return [
      `complete -c ip-risk -n __fish_use_subcommand -f -a ${name} -d ${quoted(summary)}`,
      ...Object.entries(actions).map(([action, text]) => `${here} -f -a ${action} -d ${quoted(text)}`),
      ...Object.entries(options).map(([option, { help, value, oneOf }]) => {
        const argument = value === undefined ? '' : oneOf === undefined ? ' -r' : ` -x -a ${quoted(oneOf.join(' '))}`
        return `${here} -l ${option}${argument} -d ${quoted(help)}`
      })
    ]
  }).join('\n')
}

function quoted (text: string): string {
  return `'${text.replaceAll("'", '’')}'`
}
