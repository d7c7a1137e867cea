import { forwardSearch } from './source.ts';
import { appUse, permissionUse, type Use } from './use.ts';

/** A string tested against `perms`, another string, or a lookup in `perms`. */
const lookups = /(?:"([^"]*)"|'([^']*)')(\s+(?:not\s+)?in\s+perms\b(?!\s*\.))?|(?<![\w.$])perms\.(\w+)(?:\.(\w+))?/g;

/** Blocks that are skipped to their end tag. */
const skippedBlock = /\{%-?\s*(?:comment|verbatim|raw)\b/y;
const endOfBlock = /\{%-?\s*end(?:comment|verbatim|raw)\b/g;

/** Finds every permission check in a template. */
export function findTemplateUses(source: string): Use[] {
  const uses: Use[] = [];
  const nextLine = forwardSearch(source, '\n');
  let line = 1;
  let countedTo = 0;
  for (const { piece, index } of pieces(source)) {
    for (const match of piece.matchAll(lookups)) {
      const matchIndex = index + match.index;
      for (let i = nextLine(countedTo); i >= 0 && i < matchIndex; i = nextLine(i + 1)) {
        line += 1;
        countedTo = i + 1;
      }
      const [, double, single, inPerms, app, codename] = match;
      const text = double ?? single;
      if (text !== undefined && inPerms)
        uses.push(text.includes('.') ? permissionUse(line, 'in perms', text) : appUse(line, 'in perms', text));
      else if (app !== undefined && codename !== undefined)
        uses.push(permissionUse(line, 'perms', `${app}.${codename}`));
      else if (app !== undefined) uses.push(appUse(line, 'perms', app));
    }
  }
  return uses;
}

/** Yields the tags and expressions of Django (and Jinja) templates, without comments and verbatim blocks. */
function* pieces(source: string): Generator<{ piece: string; index: number }> {
  const ends = {
    '{#': forwardSearch(source, '#}'),
    '{%': forwardSearch(source, '%}'),
    '{{': forwardSearch(source, '}}'),
  };
  const blockEnds = Array.from(source.matchAll(endOfBlock), (match) => match.index);
  const blockClose = forwardSearch(source, '%}');
  let nextBlockEnd = 0;
  const afterBlock = (from: number): number => {
    while ((blockEnds[nextBlockEnd] ?? source.length) < from) nextBlockEnd += 1;
    const start = blockEnds[nextBlockEnd];
    return start === undefined ? -1 : blockClose(start);
  };
  const open = forwardSearch(source, '{');
  for (let position = open(0); position >= 0; position = open(position)) {
    const kind = source.slice(position, position + 2) as keyof typeof ends;
    const end = kind in ends ? ends[kind](position + 2) : -1;
    if (end < 0) {
      position += 1;
      continue;
    }
    skippedBlock.lastIndex = position;
    const isBlock = skippedBlock.test(source);
    if (kind !== '{#' && !isBlock) yield { piece: source.slice(position, end + 2), index: position };
    const blockEnd = isBlock ? afterBlock(end + 2) : -1;
    position = (blockEnd < 0 ? end : blockEnd) + 2;
  }
}
