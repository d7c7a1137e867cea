import { globSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { root } from '../support/database.ts';
import t from '../support/tap.ts';

const page = readFileSync(join(root, 'docs/glossary.md'), 'utf8');
const [terms = '', names = '', phrases = ''] = page.split(/^## .*$/m);
const rowsOf = (table: string) =>
  table
    .split('\n')
    .filter((line) => line.startsWith('| ') && !line.startsWith('|---'))
    .slice(1)
    .map((line) => line.split('|').map((cell) => cell.trim()));
const quoted = (cell = '') => [...cell.matchAll(/`([^`]+)`/g)].map(([, name = '']) => name);

const files = globSync('{src,kits}/**/*.ts', { cwd: root, exclude: (name) => name === 'node_modules' });
const sources = files.map((file) => ({ file, text: readFileSync(join(root, file), 'utf8') }));
/** The code without its comments and texts, which may use plain English. */
const code = sources.map(({ file, text }) => ({
  file,
  text: text
    .replace(/\/\*[\s\S]*?\*\//g, '')
    .replace(/\/\/.*$/gm, '')
    .replace(/'(?:[^'\\\n]|\\.)*'/g, "''"),
}));

const comments = sources.map(({ file, text }) => ({
  file,
  text: [...text.matchAll(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm)].map(([comment]) => comment).join('\n'),
}));

t.test('docs/glossary.md: each term has one row, and its name is in the code', async (t) => {
  const rows = rowsOf(terms);
  t.ok(rows.length >= 30, `${rows.length} terms`);
  const words = rows.map(([, word]) => word);
  t.same([...new Set(words)], words, 'no term has two rows');
  t.same(
    [...words].sort((a = '', b = '') => a.toLowerCase().localeCompare(b.toLowerCase())),
    words,
    'in the order of the alphabet',
  );
  for (const [, word, meaning, , name] of rows) {
    t.ok(meaning, `${word} has a meaning`);
    for (const one of quoted(name)) {
      const found = code.some(({ text }) => new RegExp(`\\b${one}\\b`).test(text));
      t.ok(found, `${word}: ${one} is in the code`);
    }
  }
});

t.test('docs/glossary.md: names that are not used are in no code and name no file', async (t) => {
  for (const [, not] of rowsOf(names))
    for (const name of quoted(not)) {
      const pattern = new RegExp(`(?<![\\w$.-])${name}(?![\\w$-])`);
      for (const { file, text } of code) {
        if (basename(file, '.ts') === name) t.fail(`${file} is named ${name}`);
        const line = text.split('\n').findIndex((one) => pattern.test(one));
        if (line >= 0) t.fail(`${file} uses the name ${name}: ${text.split('\n')[line]?.trim()}`);
      }
    }
});

/** The pages that are written by hand. A generated page begins with a comment that names its command. */
const pages = globSync(['{README,CONTRIBUTING,CHANGELOG}.md', 'docs/**/*.md', 'deploy/*.md'], { cwd: root })
  .map((file) => ({ file, text: readFileSync(join(root, file), 'utf8') }))
  .filter(({ text }) => !text.startsWith('<!-- Made by'))
  // The phrases themselves are the last section of the glossary.
  .map(({ file, text }) => ({ file, text: file === 'docs/glossary.md' ? text.replace(phrases, '') : text }));

t.test('docs/glossary.md: phrases that are not used are in no comment and on no page', async (t) => {
  const words = [...phrases.matchAll(/\*([^*]+)\*/g)].map(([, phrase = '']) => phrase);
  t.ok(words.length > 3);
  t.ok(pages.length > 60, `${pages.length} pages`);
  for (const phrase of words) {
    const pattern = new RegExp(`\\b${phrase.replaceAll(' ', '\\s+')}\\b`, 'i');
    for (const { file, text } of [...comments, ...pages]) {
      const found = pattern.exec(text);
      if (found) t.fail(`${file} says "${phrase}": ${text.slice(found.index, found.index + 100)}`);
    }
  }
});
