import { join } from 'node:path';
import { Misuse, type RunLocally } from '../command.ts';

/** Prints the script of a shell. It asks this command for proposals, so that it never becomes outdated. */
export const completion: RunLocally = async (_local, { positionals: [shell = ''] }) => {
  if (!Object.hasOwn(scripts, shell)) throw new Misuse(`SHELL is ${Object.keys(scripts).join(', ')}, not "${shell}"`);
  const script = scripts[shell as keyof typeof scripts](quoted(launcher));
  return { data: { shell, script }, text: script };
};

const launcher = join(import.meta.dirname, '../../../bin/signet.mjs');

/** Each line of a proposal is a word, a tab and its explanation; a shell completes file names where there is none. */
const scripts = {
  bash: (path: string) => `_signet() {
  local IFS=$'\\n'
  COMPREPLY=($(node ${path} __complete "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null | cut -f1))
}
complete -o default -F _signet signet`,
  zsh: (path: string) => `_signet() {
  local -a proposals
  proposals=(\${(f)"$(node ${path} __complete "\${(@)words[2,CURRENT]}" 2>/dev/null)"})
  proposals=("\${(@)proposals/$'\\t'/:}")
  [[ -n $proposals ]] && _describe signet proposals || _files
}
compdef _signet signet`,
  fish: (path: string) => `function __signet_complete
  set -l words (commandline -opc)
  node ${path} __complete $words[2..-1] (commandline -ct | string collect --allow-empty) 2>/dev/null
end
complete -c signet -n 'test (count (commandline -opc)) -lt 3' -f
complete -c signet -a '(__signet_complete)'`,
};

/** Quotes a path for a shell. */
function quoted(path: string): string {
  return `'${path.replaceAll("'", "'\\''")}'`;
}
