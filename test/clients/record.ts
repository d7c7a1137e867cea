import { existsSync, globSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { root } from '../support/database.ts';
import { RELYING_PARTIES, TRIED, VALIDATORS } from './libraries.ts';

// What ran with stock clients. docs/compatibility.md is made of it by `npm run compatibility`.

export interface Row {
  readonly client: string;
  readonly version: string;
  readonly flow: string;
  readonly result: 'passes' | 'fails';
}

export interface Stock {
  readonly name: string;
  readonly version: string;
  /** What is missing here, where it cannot run: it is skipped by name. */
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
 * Runs the flows of one stock client, each as a test, and notes what came of them. In the end docs/compatibility.md must say just
 * that, unless `npm run compatibility` is about to write it.
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
    t.same(said, rows, 'docs/compatibility.md says what ran: npm run compatibility writes it');
  });
}

/** What ran since the rows were last taken away. */
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

/** A line for each library: how it stands to PKCE, what its client is set to, what it has to be told. */
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

Stock clients, unmodified, used as their documentation says, against a running Signet: discovery, the login and consent pages by a small
scripted browser that keeps cookies and follows redirects as browsers do, callback, tokens and what follows. Each line is a test of
\`test/clients/\` and was written by its run. What needs Debian's packages runs where they are installed, as in CI, and is skipped
by name elsewhere.

## Relying parties
What each has to be told. \`PKCE\`: whether it sends it by itself; \`--pkce\`: the strictest state of its client that it works with, at \`npx signet client create|update\`
([clients.md](clients.md#pkce)). \`every run\`: by its test; a date: tried by hand, unmodified, then.

| library | version | PKCE | \`--pkce\` | settings | tried |
|---|---|---|---|---|---|
${relyingParties(rows)}

## Validators
Each takes the default token (RS256, \`at+jwt\`) and refuses another audience or issuer, an expired or changed token and \`alg: none\`, once it is told what stands here.

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
