import { pino } from 'pino';
import { openapiDocument } from '../../src/platform/http/index.ts';
import { logOptions } from '../../src/platform/telemetry/index.ts';
import { quote } from '../../src/platform/text.ts';
import { openTestEmbedded } from '../support/database.ts';
import { startApp } from '../support/server.ts';
import t, { type Test } from '../support/tap.ts';

// Text from outside is short and printable wherever it is repeated: in a description, in a problem, in the log.

const db = await openTestEmbedded();
t.teardown(() => db.close());
const lines: string[] = [];
const log = pino(logOptions('trace'), { write: (line: string) => void lines.push(line) });
const { app } = await startApp(db, { log, environment: { SIGNET_REGISTRATION: 'token' } });
t.teardown(() => app.close());

const long = 'n'.repeat(30_000);
const odd = 'a\r\nb\u001b[2J\u202ec"\\\u2028';
/** An answer repeats no more than this of a text from outside, and the log neither. */
const LONGEST = 600;

/** What is sent: a name or a value that is long or not printable, where it is refused. */
const fields: Record<string, [string, string][]> = {
  'a long name twice': [
    [long, 'x'],
    [long, 'y'],
  ],
  'an odd name twice': [
    [odd, 'x'],
    [odd, 'y'],
  ],
  'long values': ['audience', 'resource', 'client_id', 'grant_type', 'token', 'scope', 'user_code', 'next'].map(
    (name) => [name, long] as [string, string],
  ),
  'odd values': ['audience', 'resource', 'client_id', 'grant_type', 'token', 'scope', 'user_code', 'next'].map(
    (name) => [name, odd] as [string, string],
  ),
};

function requireShort(t: Test, what: string, body: string): void {
  const said = [body, ...lines.splice(0)];
  t.notOk(
    said.some((text) => text.includes('n'.repeat(LONGEST))),
    `${what}: short`,
  );
  // JSON writes a line break as an escape, which a log reader turns back.
  t.notOk(
    said.some((text) => /[\u001b\u202e\u2028]|\\u001b|\\u202e|a(\r|\\r)/.test(text)),
    `${what}: printable`,
  );
}

const operations = Object.entries(openapiDocument(app).paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => {
    const types = Object.keys((operation as { requestBody?: { content?: object } }).requestBody?.content ?? {});
    return { method: method.toUpperCase(), url: path.replace(/\{\w+\}/g, '1'), types };
  }),
);

t.test('RFC 6749 §5.2, attacks 73: every form endpoint repeats text from outside short and printable', async (t) => {
  const forms = operations.filter(({ types }) => types.includes('application/x-www-form-urlencoded'));
  t.ok(forms.length >= 9, `${forms.length} endpoints`);
  lines.splice(0);
  for (const { method, url } of forms)
    for (const [what, pairs] of Object.entries(fields)) {
      const headers = { 'content-type': 'application/x-www-form-urlencoded' };
      const payload = new URLSearchParams(pairs).toString().slice(0, 65_000);
      const answer = await app.inject({ method: method as 'POST', url, headers, payload });
      t.ok(answer.statusCode < 500, `${method} ${url}, ${what}: ${answer.statusCode}`);
      // A form that is shown again holds what was typed: there it is a value, and no sentence.
      const body = answer.body.replace(/value="[^"]*"/g, '');
      requireShort(t, `${method} ${url}, ${what}`, body);
    }
});

t.test('RFC 9457 §3.1, attacks 73: so does every JSON route, in its pointers too', async (t) => {
  const routes = operations.filter(({ types }) => types.includes('application/json'));
  t.ok(routes.length >= 5, `${routes.length} routes`);
  const bodies = {
    'a long name': { [long]: 1 },
    'an odd name': { [odd]: 1 },
    'long values': { audience: long, perms: [long] },
  };
  for (const { method, url } of routes)
    for (const [what, payload] of Object.entries(bodies)) {
      const answer = await app.inject({ method: method as 'POST', url, payload });
      t.ok(answer.statusCode < 500, `${method} ${url}, ${what}: ${answer.statusCode}`);
      requireShort(t, `${method} ${url}, ${what}`, answer.body);
    }
});

t.test('attacks 73: and every query and content type', async (t) => {
  for (const { method, url } of operations)
    for (const name of ['n'.repeat(7000), odd, 'audience']) {
      const pair = `${encodeURIComponent(name)}=${encodeURIComponent(name === 'audience' ? 'n'.repeat(7000) : 'x')}`;
      if (url.endsWith('/events')) continue;
      const answer = await app.inject({ method: method as 'GET', url: `${url}?${pair}&${pair}` });
      requireShort(t, `${method} ${url}?${name.slice(0, 9)}`, answer.body.replace(/(value|href)="[^"]*"/g, ''));
      if (method !== 'POST') continue;
      const headers = { 'content-type': `text/${'n'.repeat(7000)}` };
      requireShort(t, `${url} of an odd type`, (await app.inject({ method: 'POST', url, headers, payload: 'x' })).body);
    }
});

t.test(
  'attacks 73: what is quoted is cut before it is looked at, says its length, and breaks no character',
  async (t) => {
    t.equal(quote('polls.add_choice'), 'polls.add_choice');
    t.equal(quote('Zürich 東京'), 'Zürich 東京');
    t.equal(quote(odd), 'a??b?[2J?c"\\?');
    t.equal(quote('x'.repeat(65)), `${'x'.repeat(64)}... (65 characters)`);
    t.equal(quote(`${'x'.repeat(63)}😀`), `${'x'.repeat(63)}?... (65 characters)`);
  },
);
