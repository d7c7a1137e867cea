import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../support/database.ts';

/**
 * A fenced block of a page. What a page wants of its reader beside typing it stands in a comment right above, which no renderer shows:
 * `<!-- not run: REASON -->`, or `<!-- run: WISHES -->` with, comma-separated, `exit N` (of its last command), `in the background, until URL
 * answers`, `with TOKEN` (a program that has one already), and `prints TEXT`.
 */
export interface Block {
  readonly line: number;
  readonly language: string;
  readonly text: string;
  readonly notRun: string | null;
  readonly exit: number;
  readonly prints: string | null;
  readonly until: string | null;
  readonly hasToken: boolean;
}

const fence = /^```(\w*)$/;

export function codeBlocks(page: string): Block[] {
  const lines = readFileSync(join(root, page), 'utf8').split('\n');
  const blocks: Block[] = [];
  for (let i = 0; i < lines.length; i++) {
    const opening = fence.exec(lines[i] as string);
    if (!opening) continue;
    const end = lines.indexOf('```', i + 1);
    const wishes = /^<!-- (.*) -->$/.exec(lines[i - 1] ?? '')?.[1] ?? '';
    blocks.push({
      line: i + 1,
      language: opening[1] as string,
      text: lines.slice(i + 1, end).join('\n'),
      notRun: /^not run: (.+)$/.exec(wishes)?.[1] ?? null,
      exit: Number(/\bexit (\d+)/.exec(wishes)?.[1] ?? 0),
      prints: /\bprints (.+)$/.exec(wishes)?.[1] ?? null,
      until: /in the background, until (\S+) answers/.exec(wishes)?.[1] ?? null,
      hasToken: /\bwith TOKEN\b/.test(wishes),
    });
    i = end;
  }
  return blocks;
}

export const isTyped = ({ language }: Block) => ['', 'sh', 'bash'].includes(language);

/** The commands of a block, one a line; a line that ends in a backslash goes on, and a loop is one. */
export function commandsOf({ text }: Block): string[] {
  return text
    .replaceAll('\\\n', ' ')
    .replace(/\bdo\n[\s\S]*?\ndone/g, (loop) => loop.replace('do\n', 'do ').replaceAll('\n', ';'))
    .split('\n')
    .filter((line) => line.trim() !== '' && !line.startsWith('#'));
}

/** The file that a block shows: it says its name in its first line (`# polls.yaml`). */
export function fileOf({ text }: Block): string | null {
  return /^(?:#|\/\/) ([\w.-]+\.\w+)$/m.exec(text.split('\n')[0] as string)?.[1] ?? null;
}
