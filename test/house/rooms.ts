import { globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** The wings, from the lowest: each may import those before it. `api` and `web` stand side by side. */
export const WINGS = [
  'platform',
  'audit',
  'permissions',
  'passwords',
  'users',
  'sessions',
  'signin',
  'imports',
  'tokens',
  'oauth',
  'ui',
  'api',
  'web',
  'server',
  'cli',
  'main',
] as const;

/** Where the opening block of a wing without a door is. */
const OPENING: Readonly<Record<string, string>> = {
  ui: 'ui/layout.ts',
  web: 'web/session.ts',
  server: 'server/compose.ts',
  cli: 'cli/run.ts',
  main: 'main.ts',
};

interface Room {
  /** Its folder below `src`. */
  readonly name: string;
  /** What it is, in a few words. */
  readonly title: string;
  readonly owns: string;
}

/** The rooms, from the highest wing: each as its door introduces it. Throws where a door does not. */
function readRooms(root: string): Room[] {
  const src = join(root, 'src');
  const doors = globSync('**/index.ts', { cwd: src })
    .filter((file) => !file.startsWith('migrations/'))
    .map((file) => ({ name: dirname(file), file }));
  const openings = Object.entries(OPENING).map(([name, file]) => ({ name, file }));
  const rank = (name: string) => WINGS.indexOf(name.split('/')[0] as (typeof WINGS)[number]);
  return [...doors, ...openings]
    .sort((a, b) => rank(b.name) - rank(a.name) || (a.name < b.name ? -1 : 1))
    .map(({ name, file }) => readRoom(name, readFileSync(join(src, file), 'utf8')));
}

function readRoom(name: string, text: string): Room {
  const [, block = ''] = /\/\*\*\n([\s\S]*?Owns:[\s\S]*?)\*\//.exec(text) ?? [];
  const lines = block.replace(/^ \* ?/gm, '').trim();
  const [, title] = /^[\w/-]+: ([\s\S]*?)\n(?=[A-Z][\w ]*:)/.exec(lines) ?? [];
  const [, owns] = /^Owns: ([\s\S]*?)(?=\n[A-Z][\w ]*:|$(?![\s\S]))/m.exec(lines) ?? [];
  if (title === undefined || owns === undefined) throw new Error(`${name} has no opening block with "Owns:".`);
  return { name, title: oneLine(title).replace(/\.$/, ''), owns: oneLine(owns) };
}

const oneLine = (text: string) => text.replace(/\s+/g, ' ').trim();

/** The section of docs/architecture.md that is made from the doors. */
function roomsSection(rooms: readonly Room[]): string {
  const rows = rooms.map(({ name, title, owns }) => `| \`${name}\` | ${cell(title)} | ${cell(owns)} |`);
  return `${BEGIN}\n| room | what it is | what it owns |\n|---|---|---|\n${rows.join('\n')}\n${END}`;
}

const cell = (text: string) => text.replaceAll('|', '\\|');

const BEGIN = '<!-- rooms: made from the doors by npm run docs -->';
const END = '<!-- /rooms -->';

/** docs/architecture.md with the section made new. */
export function architecturePage(root: string): string {
  const path = join(root, 'docs/architecture.md');
  const page = readFileSync(path, 'utf8');
  const [begin, end] = [page.indexOf(BEGIN), page.indexOf(END)];
  if (begin < 0 || end < 0) throw new Error('docs/architecture.md has no section for the rooms.');
  return page.slice(0, begin) + roomsSection(readRooms(root)) + page.slice(end + END.length);
}
