import { execFile } from 'node:child_process';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { promisify } from 'node:util';
import { issueLoopbackCertificate } from '../../src/server/certificate.ts';
import { httpsIdentity } from '../../src/server/https.ts';
import { root } from '../support/database.ts';
import { freshSettings, serving, signet } from '../support/process.ts';
import t from '../support/tap.ts';

const DAY_MS = 86_400_000;
const today = new Date();
const inDays = (days: number) => new Date(today.getTime() + days * DAY_MS);
const folder = () => mkdtempSync(join(tmpdir(), 'signet-https-'));

/** Whether a stock TLS client that trusts this CA alone believes what the server says of itself. */
async function believed(identity: { key: string; cert: string }, ca: string, host: string): Promise<true | string> {
  const server = createServer(identity).listen(0);
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as { port: number };
  const answer = await new Promise<true | string>((resolve) => {
    const socket = connect({ port, host: '127.0.0.1', ca, servername: host, checkServerIdentity: () => undefined });
    socket.once('secureConnect', () => {
      resolve(true);
      socket.destroy();
    });
    socket.once('error', (error) => resolve(error.message));
  });
  await new Promise((resolve) => server.close(resolve));
  return answer;
}

t.test(
  'RFC 5280 §4.1.2.2, §4.2.1.3, §4.2.1.6: a CA for the loopback names alone, and a certificate by it',
  async (t) => {
    const identity = await httpsIdentity(folder(), today);
    const ca = new X509Certificate(readFileSync(identity.caPath));
    const leaf = new X509Certificate(identity.cert);
    t.equal(ca.ca, true);
    t.equal(leaf.ca, false);
    t.ok(leaf.checkIssued(ca));
    t.equal(leaf.subjectAltName, 'DNS:localhost, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1');
    t.same(leaf.keyUsage, ['1.3.6.1.5.5.7.3.1'], 'for servers');
    const usage = (one: X509Certificate) => /0603551d0f0101ff0404(\w{8})/.exec(one.raw.toString('hex'))?.[1];
    t.same([usage(ca), usage(leaf)], ['03020204', '03020780'], 'critical: to sign certificates; to sign');
    for (const one of [ca, leaf]) t.match(one.serialNumber, /^01[0-9A-F]{30}$/, 'positive, 120 random bits');
    t.not(ca.serialNumber, leaf.serialNumber);
    t.same(
      [ca.publicKey.asymmetricKeyDetails, leaf.publicKey.asymmetricKeyDetails],
      Array(2).fill({ namedCurve: 'prime256v1' }),
    );
    const days = (one: X509Certificate) => (Date.parse(one.validTo) - Date.parse(one.validFrom)) / DAY_MS;
    t.equal(days(ca), 3650);
    t.ok(days(leaf) <= 397);
    const text = readFileSync(identity.caPath, 'utf8');
    t.notMatch(text, /PRIVATE/, 'what clients are given holds no key');
    t.equal(await believed(identity, text, 'localhost'), true);
    const other = readFileSync((await httpsIdentity(folder(), today)).caPath, 'utf8');
    t.match(await believed(identity, other, 'localhost'), /unable to verify|self-signed/);
  },
);

t.test('RFC 5280 §4.2.1.10: whoever takes the key of the CA can speak for no other name', async (t) => {
  const identity = await httpsIdentity(folder(), today);
  const text = readFileSync(identity.caPath, 'utf8');
  const key = createPrivateKey(readFileSync(join(identity.caPath, '../ca.key')));
  const life = { from: inDays(-1), until: inDays(90) };
  const forge = async (host: string) => {
    const { certificate, key: own } = await issueLoopbackCertificate({ certificate: text, key }, life, [host]);
    return { cert: certificate, key: own };
  };
  t.equal(await believed(await forge('localhost'), text, 'localhost'), true);
  t.equal(await believed(await forge('bank.example'), text, 'bank.example'), 'permitted subtree violation');
});

t.test('it is kept, and made anew only when it must be', async (t) => {
  const data = folder();
  const first = await httpsIdentity(data, today);
  const mode = (name: string) => statSync(join(data, 'https', name)).mode & 0o777;
  t.same([mode('ca.key'), mode('localhost.pem')], [0o600, 0o600], 'keys are their owner’s alone');
  t.same(readdirSync(join(data, 'https')).sort(), ['ca.key', 'ca.pem', 'localhost.pem'], 'no draft is left');
  t.same(readdirSync(data), ['https']);
  const ca = () => readFileSync(first.caPath, 'utf8');
  const before = ca();
  t.same(await httpsIdentity(data, inDays(366)), first, 'another start, thirty days before the end');
  const renewed = await httpsIdentity(data, inDays(367));
  t.not(renewed.cert, first.cert, 'fewer than 30 days are left');
  t.equal(ca(), before, 'the CA stays, so that clients need not be told anew');
  t.ok(new X509Certificate(renewed.cert).verify(new X509Certificate(before).publicKey));
  const late = await httpsIdentity(data, inDays(3630));
  t.not(ca(), before, 'the CA nears its end');
  t.ok(new X509Certificate(late.cert).verify(new X509Certificate(ca()).publicKey));

  await t.test('a certificate by another CA is replaced', async (t) => {
    const other = await httpsIdentity(folder(), inDays(3630));
    writeFileSync(join(data, 'https', 'localhost.pem'), other.cert);
    const back = await httpsIdentity(data, inDays(3630));
    t.not(back.cert, other.cert);
    t.ok(new X509Certificate(back.cert).verify(new X509Certificate(ca()).publicKey));
  });

  await t.test('what cannot be read is named, with its remedy', async (t) => {
    writeFileSync(first.caPath, 'nonsense');
    await t.rejects(httpsIdentity(data, today), { code: 'certificates_unusable' });
    rmSync(join(data, 'https'), { recursive: true });
    t.ok(await httpsIdentity(data, today));
  });

  await t.test('of several processes that begin at once, all end with one CA', async (t) => {
    const shared = folder();
    const all = await Promise.all(Array.from({ length: 2 }, () => made(shared)));
    t.equal(all[0], all[1]);
    t.match(all[0], /BEGIN CERTIFICATE/);
  });
});

/** Makes the identity in a process of its own; answers the CA. */
async function made(data: string): Promise<string> {
  const script = `import { readFileSync } from 'node:fs';
    const { httpsIdentity } = await import(${JSON.stringify(join(root, 'src/server/https.ts'))});
    process.stdout.write(readFileSync((await httpsIdentity(${JSON.stringify(data)}, new Date())).caPath));`;
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script]);
  return stdout;
}

t.test('signet dev --https', async (t) => {
  const place = await freshSettings();
  const issuer = `https://localhost:${place.SIGNET_PORT}`;
  const isReady = /Try it[^\n]*\n[^\n]*token inspect -\n/;
  const first = await serving(['dev', '--https'], place, isReady);
  const output = first.output();
  const ca = join(place.SIGNET_DATA_DIR, 'https', 'ca.pem');
  t.match(output, `Issuer   ${issuer}\n`);
  t.match(output, `HTTPS    NODE_EXTRA_CA_CERTS=${ca} `);
  t.notMatch(output, /http:\/\//, 'nothing points to plain http');

  /** What the stock fetch of a fresh Node says. */
  const asked = async (url: string, environment: Record<string, string>) => {
    const script = `const r = await fetch(${JSON.stringify(url)}); process.stdout.write(r.status + ' ' + await r.text());`;
    const options = { env: { PATH: process.env['PATH'] ?? '', ...environment } };
    return promisify(execFile)(process.execPath, ['--input-type=module', '-e', script], options).then(
      ({ stdout }) => stdout,
      (error: { stderr: string }) => error.stderr,
    );
  };

  await t.test('a stock client passes with the printed setting, and is refused without it', async (t) => {
    const discovery = `${issuer}/.well-known/openid-configuration`;
    for (const url of [discovery, discovery.replace('localhost', '127.0.0.1')])
      t.match(await asked(url, { NODE_EXTRA_CA_CERTS: ca }), `200 {"issuer":"${issuer}"`, url);
    t.match(await asked(discovery, {}), /UNABLE_TO_VERIFY_LEAF_SIGNATURE/);
    t.match(await asked(discovery.replace('https:', 'http:'), {}), /fetch failed/, 'plain http is not answered');
  });

  await t.test('the cookie is bound to the host, and the printed lines work when copied', async (t) => {
    const command = `${output.match(/TOKEN=.*\)/)?.[0]}; echo "$TOKEN" | node bin/signet.mjs token inspect - --json`;
    const shell = { cwd: root, env: { ...process.env, ...place } };
    const { stdout } = await promisify(execFile)('bash', ['-c', command], shell);
    t.match(JSON.parse(stdout), { claims: { iss: issuer, username: 'alice' } });
    const login = output.match(/-d '([^']*)'/)?.[1] as string;
    const script = `const r = await fetch('${issuer}/api/v1/login', { method: 'POST', headers: { 'content-type': 'application/json' }, body: process.argv[1] });
      process.stdout.write(String(r.headers.get('set-cookie')));`;
    const answer = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script, login], {
      env: { NODE_EXTRA_CA_CERTS: ca },
    });
    t.match(answer.stdout, /^__Host-signet_session=[\w-]{43};.*; Secure/);
    t.match(JSON.parse((await signet(['sample', '--json'], place)).stdout), { issuer }, 'commands know the issuer');
  });

  await t.test('the next start keeps the CA; it drains; plain http and it exclude each other', async (t) => {
    const before = readFileSync(ca, 'utf8');
    t.same(await first.stop(), { code: 0, signal: null });
    const second = await serving(['dev', '--https'], place, isReady);
    t.equal(readFileSync(ca, 'utf8'), before);
    t.same(await second.stop(), { code: 0, signal: null });
    const mixed = await signet(['dev', '--https'], { ...place, SIGNET_ISSUER: 'http://localhost:4000' });
    t.match(mixed, { code: 2, stderr: /SIGNET_ISSUER is http:.*--https/ });
  });
});
