import { findSourceUses } from '../../kits/permission-lint/src/scan.ts';
import { countBlocks } from '../support/blocks.ts';
import t from '../support/tap.ts';

// A folder of sources may hold anything: reading it costs no more than its length (docs/decisions/0013-work-before-limits.md). Counted, never timed.

/** What is repeated, and what stands before and after all of it. */
const shapes: [file: string, piece: string, before?: string, after?: string][] = [
  ['a.js', '(/['],
  ['a.js', '(/[\\'],
  ['a.js', '(/a'],
  ['a.js', 'has_perm('],
  ['a.js', 'has_perm(', '', '"p.a")'],
  ['a.js', 'has_perm<'],
  ['a.js', 'has_perm<x '],
  ['a.js', 'has_perm<', '', '((a))'],
  ['a.js', 'hasPerms(['],
  ['a.js', '[', 'hasPerms(', '"p.a"])'],
  ['a.js', 'hasPerm({a: ('],
  ['a.js', '`${'],
  ['a.js', '`${hasPerm('],
  ['a.js', '"\\'],
  ['a.js', '\'\\"'],
  ['a.js', 'a '],
  ['a.js', '"'],
  ['a.js', '"p.a",', 'hasPerms(', ')'],
  ['a.ts', 'hasPerm(x as '],
  ['a.ts', '/*'],
  ['a.py', '"""\\'],
  ['a.py', "'''\\\""],
  ['a.py', "r'"],
  ['a.py', '  permission_required = (\n', 'class A:\n'],
  ['a.py', '  permission_required = "p.a"\n', 'class A:\n'],
  ['a.py', '  permission_required: x\n', 'class A:\n'],
  ['a.py', '  permission_required = [permission_required\n', 'class A:\n'],
  ['a.py', 'permission_required('],
  ['a.py', '\\\n'],
  ['a.go', 'HasPerm(`'],
  ['a.go', 'HasPerms([]string{'],
  ['a.java', '"""\n\\'],
  ['a.java', 'hasPerms(List.of('],
  ['a.html', '{#'],
  ['a.html', '{%'],
  ['a.html', '{{'],
  ['a.html', '{% comment %}'],
  ['a.html', '{% raw '],
  ['a.html', '{%', '', '{% endcomment'],
  ['a.html', '{{ "a" in perms }}'],
  ['a.html', '"a" in perms ', '{{', '}}'],
  ['a.html', '"', '{{', '}}'],
];

const PIECES = 1500;
const SOURCES = '/kits/permission-lint/src/';

for (const [file, piece, before = '', after = ''] of shapes)
  t.test(
    `decision 0013: ${file}: ${JSON.stringify(`${before}${piece}…${after}`)} repeated costs what its length costs`,
    async (t) => {
      const read = (pieces: number) => () => void findSourceUses(file, before + piece.repeat(pieces) + after);
      // Once before anything is counted: what runs one time in a process is no part of a length.
      read(PIECES)();
      const once = await countBlocks(SOURCES, read(PIECES));
      const fourfold = await countBlocks(SOURCES, read(4 * PIECES));
      t.ok(once > PIECES / 2, `${once} blocks ran`);
      t.ok(fourfold <= 5 * once, `four times as much is worth ${(fourfold / once).toFixed(1)} times as many`);
    },
  );

t.test('decision 0013: no source is too deep to be read', (t) => {
  for (const [file, piece] of shapes) t.doesNotThrow(() => findSourceUses(file, piece.repeat(30_000)));
  t.end();
});
