import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readAddress } from '../../src/platform/http/client-address.ts';
import { Session } from '../../src/sessions/index.ts';
import { Throttle } from '../../src/signin/index.ts';
import { openTestEmbedded, root } from '../support/database.ts';
import { PASSWORD } from '../support/http.ts';
import { freePort } from '../support/process.ts';
import t, { type Test } from '../support/tap.ts';
import { openWorld } from '../support/world.ts';

const PEER = '127.0.0.1';

/** What a proxy at 127.0.0.1 writes, and the address that the request counts as coming from. */
const table: readonly (readonly [what: string, header: string | readonly string[], address: string])[] = [
  ['an address', '203.0.113.7', '203.0.113.7'],
  ['with a port (Azure, IIS)', '203.0.113.7:51000', '203.0.113.7'],
  ['IPv6', '2001:DB8:0:0::1', '2001:db8::1'],
  ['IPv6 in brackets', '[2001:db8::1]', '2001:db8::1'],
  ['IPv6 in brackets with a port', '[2001:db8::1]:443', '2001:db8::1'],
  ['quoted (RFC 7239 §6)', '"[2001:db8::1]:443"', '2001:db8::1'],
  ['quoted, with an obfuscated port (RFC 7239 §6.2)', '"203.0.113.7:_a.B-9"', '203.0.113.7'],
  ['IPv4 in IPv6', '::ffff:203.0.113.7', '203.0.113.7'],
  ['IPv4 in IPv6, in hex, with a port', '[::ffff:cb00:7107]:8080', '203.0.113.7'],
  ['a zone', 'fe80::1%eth0', 'fe80::1'],
  ['a zone in brackets', '[fe80::1%eth0]:443', 'fe80::1'],
  ['blanks around it', '  203.0.113.7\t', '203.0.113.7'],
  ['what the caller wrote stands before it', '198.51.100.1, 203.0.113.7:51000', '203.0.113.7'],
  ['what the caller wrote is a trusted address', '127.0.0.1, 203.0.113.7', '203.0.113.7'],
  ['what the caller wrote cannot be read', '<script>, 203.0.113.7', '203.0.113.7'],
  ['a second trusted proxy', '203.0.113.7:1, 10.1.2.3:2', '203.0.113.7'],
  ['a second trusted proxy in IPv6 clothes', '203.0.113.7, ::ffff:10.1.2.3', '203.0.113.7'],
  ['a third one', '203.0.113.7, [fd00::5]:1, 10.1.2.3', '203.0.113.7'],
  ['proxies alone', '10.9.9.9, 10.1.2.3', '10.9.9.9'],
  ['empty elements (RFC 9110 §5.6.1.2)', ' , 203.0.113.7,, ,', '203.0.113.7'],
  ['two lines', ['198.51.100.1', '203.0.113.7'], '203.0.113.7'],
  // What cannot be read counts as the proxy's own address.
  ['nothing', '', PEER],
  ['unknown (RFC 7239 §6.2)', 'unknown', PEER],
  ['obfuscated (RFC 7239 §6.3)', '_hidden', PEER],
  ['obfuscated with a port', '_SEVKISEK:51000', PEER],
  ['a name', 'client.example', PEER],
  ['garbage', '<img src=x onerror=alert(1)>', PEER],
  ['an unclosed quote', '"203.0.113.7', PEER],
  ['an unclosed bracket', '[2001:db8::1', PEER],
  ['a bracket around IPv4', '[203.0.113.7]', PEER],
  ['a port that is none', '203.0.113.7:port', PEER],
  ['a short form', '127.1', PEER],
  ['an octal form', '0313.0.113.7', PEER],
  ['a hexadecimal form', '0xcb007107', PEER],
  ['a number', '3405803783', PEER],
  ['a network', '203.0.113.0/24', PEER],
  ['five numbers', '203.0.113.7.8', PEER],
  ['something long', `${'a'.repeat(4000)}`, PEER],
  ['an address with a tail', `203.0.113.7${' '.repeat(200)}x`, PEER],
  ['behind a second proxy: that one', '203.0.113.7, unknown, 10.1.2.3:2', '10.1.2.3'],
];

t.test('RFC 7239 §6, attacks 55: an address is read in every form that proxies write, or not at all', (t) => {
  for (const [what, header, address] of table)
    if (typeof header === 'string' && !header.includes(','))
      t.equal(readAddress(header), address === PEER ? null : address, what);
  t.end();
});

t.test('attacks 55: an address comes from one place: nothing else reads sockets or forwarded headers', async (t) => {
  const readers = globSync('src/**/*.ts', { cwd: root }).filter((file) =>
    /remoteAddress|x-forwarded|\bforwarded['"\]]|x-real-ip|\.ips\b/i.test(
      readFileSync(join(root, file), 'utf8').replace(
        /^\s*(\/?\*|\/\/).*$|'[^'\n]*X-Forwarded-For[^'\n]*'|`[^`\n]*X-Forwarded-For[^`\n]*`/gm,
        '',
      ),
    ),
  );
  t.same(readers, ['src/platform/http/client-address.ts']);
});

/** The service listening on 127.0.0.1; answers the address that the session of a login has. */
async function listening(t: Test, trusted: string) {
  const db = await openTestEmbedded();
  const { app, user } = await openWorld(db, { environment: { SIGNET_TRUST_PROXY: trusted } });
  await user('alice');
  const port = await freePort();
  await app.listen({ host: PEER, port });
  t.teardown(async () => {
    await app.close();
    await db.close();
  });
  const logIn = async (header: string | readonly string[], password = PASSWORD) => {
    const headers = new Headers({ 'content-type': 'application/json' });
    for (const line of [header].flat()) headers.append('x-forwarded-for', line);
    const body = JSON.stringify({ username: 'alice', password });
    return (await fetch(`http://${PEER}:${port}/api/v1/login`, { method: 'POST', headers, body })).status;
  };
  return { db, logIn };
}

t.test(
  'RFC 7239 §6, §6.3, RFC 9110 §5.6.1.2, attacks 55: the address of a session, from trusted proxies',
  async (t) => {
    const { db, logIn } = await listening(t, '127.0.0.1,10.0.0.0/8,uniquelocal');
    for (const [what, header, address] of table) {
      await db.fork().nativeDelete(Session, {});
      t.equal(await logIn(header), 200, what);
      const [session] = await db.fork().findAll(Session);
      t.equal(session?.ip, address, what);
    }
  },
);

t.test('RFC 7239 §6: what cannot be read is no network that all share: it is that of its proxy', async (t) => {
  const { db, logIn } = await listening(t, '127.0.0.1,10.0.0.0/8');
  await db.fork().nativeDelete(Throttle, {});
  for (let i = 0; i < 10; i++) t.equal(await logIn(`unknown, 10.1.2.${i % 2 ? 3 : 4}`, 'wrong'), 401);
  for (let i = 0; i < 5; i++) t.equal(await logIn(`_hidden${i}, 10.1.2.3`, 'wrong'), 401);
  t.equal(await logIn('unknown, 10.1.2.3', 'wrong'), 429, 'ten of the one proxy');
  t.equal(await logIn('unknown, 10.1.2.4', 'wrong'), 401, 'five of the other');
  for (let i = 0; i < 10; i++) t.equal(await logIn(`203.0.113.7:${51000 + i}`, 'wrong'), 401);
  t.equal(await logIn('203.0.113.7:4', 'wrong'), 429, 'the port makes no other network');
  t.equal(await logIn('203.0.113.8:4'), 200, 'and the next address is another');
});

t.test('attacks 55: a proxy that is not trusted is the caller itself, whatever it writes', async (t) => {
  const { db, logIn } = await listening(t, '192.0.2.1');
  for (const [what, header] of table) {
    await db.fork().nativeDelete(Session, {});
    t.equal(await logIn(header), 200, what);
    t.equal((await db.fork().findAll(Session))[0]?.ip, PEER, what);
  }
});
