import { existsSync, globSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { root } from '../support/database.ts';
import { RELYING_PARTIES, TRIED, VALIDATORS } from './libraries.ts';

// The results with stock clients. `npm run compatibility` writes docs/compatibility.md from them.

export interface Row {
  readonly client: string;
  readonly version: string;
  readonly flow: string;
  readonly result: 'passes' | 'fails';
}

export interface Stock {
  readonly name: string;
  readonly version: string;
  /** What this machine lacks to run it. The test is then skipped by name. */
  readonly lacks?: string | undefined;
}

export type Flow = (flow: string, run: (t: Test) => Promise<void>) => Promise<void>;

export const PAGE = join(root, 'docs/compatibility.md');
const ROWS = join(root, '.cache/compatibility');

/** A client of package-lock.json. */
export function fromNpm(name: string): Stock {
  const { version } = JSON.parse(readFileSync(join(root, 'node_modules', name, 'package.json'), 'utf8'));
  return { name, version };
}

/**
 * Runs the flows of one stock client, each as a test, and records the results. At the end docs/compatibility.md must have the same
 * rows, unless `npm run compatibility` is about to write it.
 */
export function stock({ name, version, lacks }: Stock, run: (t: Test, flow: Flow) => Promise<void>): Promise<unknown> {
  return t.test(`${name} ${version}`, { skip: lacks ?? false }, async (t) => {
    const rows: Row[] = [];
    await run(t, async (flow, test) => {
      await t.test(flow, async (t) => {
        await test(t);
        rows.push({ client: name, version, flow, result: t.passing() ? 'passes' : 'fails' });
      });
    });
    mkdirSync(ROWS, { recursive: true });
    writeFileSync(join(ROWS, `${name.replace(/[^\w.-]+/g, '-')}.json`), JSON.stringify(rows));
    if (process.env['COMPATIBILITY'] === 'write') return;
    const said = rowsOf(existsSync(PAGE) ? readFileSync(PAGE, 'utf8') : '').filter((row) => row.client === name);
    t.same(said, rows, 'docs/compatibility.md has the results of this run: npm run compatibility writes it');
  });
}

/** The results since the rows were last removed. */
export function rowsThatRan(): Row[] {
  return globSync('*.json', { cwd: ROWS }).flatMap(
    (file) => JSON.parse(readFileSync(join(ROWS, file), 'utf8')) as Row[],
  );
}

export const rowsFolder = ROWS;

/** The rows of a page that `pageOf` made. */
export function rowsOf(page: string): Row[] {
  return [...page.matchAll(/^\| `(.+?)` \| (.+?) \| (.+) \| (passes|fails) \|$/gm)].map(
    ([, client, version, flow, result]) => ({ client, version, flow, result }) as Row,
  );
}

/** One row for each library: PKCE, the setting of its client, its own settings. */
function relyingParties(rows: readonly Row[]): string {
  const lines = RELYING_PARTIES.map(({ library, version, pkce, state, settings }) => {
    const ran = version === undefined ? rows.find((row) => row.client === library)?.version : undefined;
    const when = version === undefined ? 'every run' : TRIED;
    return `| ${library} | ${version ?? ran ?? ''} | ${pkce} | \`${state}\` | ${settings || 'nothing'} | ${when} |`;
  });
  return lines.join('\n');
}

function validators(): string {
  const lines = VALIDATORS.map(
    ({ library, version, settings, test }) =>
      `| ${library} | ${version ?? ''} | ${settings || 'nothing'} | ${test === undefined ? TRIED : `every run (\`test/validators/${test}.e2e.test.ts\`)`} |`,
  );
  return lines.join('\n');
}

export function pageOf(rows: readonly Row[]): string {
  const sorted = [...rows].sort((a, b) => (a.client < b.client ? -1 : a.client > b.client ? 1 : 0));
  return `<!-- Made by \`npm run compatibility\`. Do not edit. -->
# Compatibility

Stock clients run unmodified, as their documentation says, against a running Signet: discovery, login and consent (a small scripted browser
keeps cookies and follows redirects as browsers do), callback, tokens and later requests. Each row of "Flows" is a test in \`test/clients/\`,
and its run writes the row. Tests that need Debian packages run where these are installed, as in CI, and are skipped by name elsewhere.

## Relying parties
The settings that each library needs. \`PKCE\`: whether it sends PKCE by default. \`--pkce\`: the strictest value that works with it, for \`npx signet client create|update\`
([clients.md](clients.md#pkce)). \`tried\`: a test runs it every time, or somebody tried it by hand on that date.

| library | version | PKCE | \`--pkce\` | settings | tried |
|---|---|---|---|---|---|
${relyingParties(rows)}

## Validators
Each takes the default token (RS256, \`at+jwt\`) and refuses another audience or issuer, an expired or changed token and \`alg: none\`, with these settings.

| library | version | settings | tried |
|---|---|---|---|
${validators()}

## Flows
| client | version | flow | result |
|---|---|---|---|
${sorted.map(({ client, version, flow, result }) => `| \`${client}\` | ${version} | ${flow} | ${result} |`).join('\n')}
`;
}

/** The OAuth error that a call of a client is refused with. */
export function refusal(call: Promise<unknown>): Promise<string> {
  return call.then(
    () => 'not refused',
    (error: { error?: string; message: string }) => error.error ?? error.message,
  );
}
