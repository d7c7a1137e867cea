import { createPrivateKey } from 'node:crypto';
import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { settings } from '../../src/platform/config/index.ts';
import {
  createGuardedFetch,
  FetchError,
  type FetchOptions,
  type FetchRequest,
} from '../../src/platform/fetch/index.ts';
import { createAuthority, issueLoopbackCertificate } from '../../src/server/certificate.ts';
import t, { type Test } from '../support/tap.ts';

const portOf = (server: { address(): AddressInfo | string | null }) => (server.address() as AddressInfo).port;

/** A server of a test, on loopback; answers its port. */
async function listen(t: Test, handle: RequestListener, host = '127.0.0.1', port = 0): Promise<number> {
  const server: Server = createServer(handle);
  await new Promise<void>((resolve) => server.listen(port, host, resolve));
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  return portOf(server);
}

/** How a fetch ended: the status of the answer, or the code of the refusal. */
async function outcome(options: FetchOptions, request: FetchRequest | string): Promise<number | string> {
  const fetching = createGuardedFetch(options)(typeof request === 'string' ? { url: request } : request);
  try {
    return (await fetching).status;
  } catch (error) {
    if (!(error instanceof FetchError)) throw error;
    return error.code;
  }
}

const none = { allow: [] };
const ok: RequestListener = (_request, response) => void response.end('here');

t.test('SSRF: what is not public is refused, and passes when an operator lets it through', async (t) => {
  let asked = 0;
  const port = await listen(t, (request, response) => {
    asked += 1;
    ok(request, response);
  });
  const url = `http://127.0.0.1:${port}/jwks`;
  t.equal(await outcome(none, url), 'forbidden_target');
  t.equal(await outcome(none, `http://localhost:${port}/`), 'forbidden_target', 'by name');
  t.equal(await outcome({ allow: [`127.0.0.1:${port + 1}`] }, url), 'forbidden_target', 'another port is let through');
  t.equal(await outcome({ allow: ['10.0.0.0/8'] }, url), 'forbidden_target', 'another network is');
  t.equal(asked, 0, 'and nobody was asked');
  t.equal(await outcome({ allow: [`127.0.0.1:${port}`] }, url), 200, 'by host and port');
  t.equal(await outcome({ allow: ['127.0.0.0/8'] }, url), 200, 'by network');
  t.equal(await outcome({ allow: [`LOCALHOST:${port}`] }, `http://localhost:${port}/`), 200, 'by name');
  t.equal(asked, 3);
});

t.test(
  'SSRF, RFC 4291 §2.4, RFC 4291 §2.5.5.1, RFC 4291 §2.5.5.2: every spelling of an address is the address that it is',
  async (t) => {
    const refused = [
      ...['127.0.0.1', '0x7f.1', '0x7f000001', '2130706433', '017700000001', '127.1', '127.0.0.1.', '0', '0.0.0.0'],
      ...['10.1.2.3', '172.16.0.1', '192.168.1.1', '100.64.0.1', '192.0.0.8', '198.18.0.1', '224.0.0.1', '240.0.0.1'],
      ...['169.254.1.1', '169.254.169.254', '0xa9fea9fe', '100.100.100.200', '168.63.129.16', '255.255.255.255'],
      ...['[::1]', '[::]', '[::ffff:127.0.0.1]', '[::ffff:7f00:1]', '[::127.0.0.1]', '[0:0:0:0:0:ffff:a00:1]'],
      ...['[::ffff:0:127.0.0.1]', '[64:ff9b::7f00:1]', '[64:ff9b::a9fe:a9fe]', '[64:ff9b:1::808:808]'],
      ...['[2002:7f00:1::]', '[2002:808:808::1]', '[2001:0:1::1]', '[fe80::1]', '[fec0::1]', '[fc00::1]', '[fd12::1]'],
      ...['[fd00:ec2::254]', '[ff02::1]', '[2001:db8::1]', '[3fff::1]', '[100::1]', '[5f00::1]', '[4000::1]', '[::2]'],
    ];
    for (const host of refused) t.equal(await outcome(none, `https://${host}/`), 'forbidden_target', host);
  },
);

t.test('SSRF: public addresses are reached, IPv4 behind the well-known prefix too (RFC 6052 §2.1)', async (t) => {
  // A name that resolves so, and a connection that is given up at once: what counts is that it was not refused.
  for (const address of ['8.8.8.8', '2606:4700::1111', '64:ff9b::808:808']) {
    const resolve = async () => [{ address, family: address.includes(':') ? 6 : 4 }];
    const ended = await outcome({ ...none, resolve, deadlineMilliseconds: 50 }, 'https://rp.example/');
    t.ok(['timeout', 'unreachable', 'tls'].includes(String(ended)), `${address}: ${ended}`);
    t.equal(await outcome({ ...none, resolve }, 'http://rp.example/'), 'not_https', 'never without TLS');
  }
});

t.test('SSRF: metadata addresses stay refused whatever an operator lists', async (t) => {
  const allow = ['0.0.0.0/0', '::/0', '169.254.169.254:80', '[fd00:ec2::254]:80', 'metadata.example:80'];
  const hosts = [
    ...['169.254.169.254', '169.254.170.2', '100.100.100.200', '168.63.129.16', '[fd00:ec2::254]', '[fd20:ce::254]'],
    ...[
      '[::ffff:169.254.169.254]',
      '[64:ff9b::a9fe:a9fe]',
      '[64:ff9b:1::a9fe:a9fe]',
      '[2002:a9fe:a9fe::]',
      '[::a9fe:a9fe]',
    ],
  ];
  for (const host of hosts) t.equal(await outcome({ allow }, `http://${host}/latest`), 'forbidden_target', host);
  const resolve = async () => [{ address: '169.254.169.254', family: 4 }];
  t.equal(await outcome({ allow, resolve }, 'http://metadata.example/'), 'forbidden_target', 'by name');
});

t.test('SSRF: a name that changes its address between the look and the connection changes nothing', async (t) => {
  const asked: string[] = [];
  const note =
    (host: string): RequestListener =>
    (_request, response) => {
      asked.push(host);
      response.end();
    };
  const port = await listen(t, note('127.0.0.2'), '127.0.0.2');
  await listen(t, note('127.0.0.1'), '127.0.0.1', port);
  let looks = 0;
  const resolve = async () => [{ address: looks++ === 0 ? '127.0.0.2' : '127.0.0.1', family: 4 }];
  const options = { allow: ['127.0.0.2/32'], resolve };
  t.equal(await outcome(options, `http://rebind.example:${port}/`), 200);
  t.same([looks, asked], [1, ['127.0.0.2']], 'looked up once, and connected to what was looked at');
  t.equal(await outcome(options, `http://rebind.example:${port}/`), 'forbidden_target', 'the second answer by itself');
  const mixed = async () => ['127.0.0.2', '127.0.0.1'].map((address) => ({ address, family: 4 }));
  t.equal(
    await outcome({ ...options, resolve: mixed }, `http://rebind.example:${port}/`),
    'forbidden_target',
    'one of two',
  );
  t.equal(asked.length, 1);
  const nobody = async () => [];
  t.equal(await outcome({ ...none, resolve: nobody }, 'https://rp.example/'), 'unresolvable');
});

t.test('SSRF: no redirect is followed, of any kind, to any place', async (t) => {
  const paths: string[] = [];
  const port = await listen(t, (request, response) => {
    paths.push(request.url as string);
    response.writeHead(Number((request.url as string).slice(1)), { location: '/200' }).end('body');
  });
  const allow = [`127.0.0.1:${port}`];
  for (const status of [300, 301, 302, 303, 304, 307, 308])
    t.equal(await outcome({ allow }, `http://127.0.0.1:${port}/${status}`), 'redirect', String(status));
  t.notOk(paths.includes('/200'));
  t.equal(await outcome({ allow }, `http://127.0.0.1:${port}/404`), 404, 'any other status is an answer');
  t.equal(await outcome({ allow }, `http://127.0.0.1:${port}/500`), 500);
});

t.test('the deadline stands over everything: the name, a silent server, a slow drip', async (t) => {
  const port = await listen(t, (request, response) => {
    if (request.url === '/silent') return;
    response.writeHead(200);
    const drip = setInterval(() => response.write('x'), 20);
    response.on('close', () => clearInterval(drip));
  });
  const options = { allow: [`127.0.0.1:${port}`], deadlineMilliseconds: 150 };
  t.equal(await outcome(options, `http://127.0.0.1:${port}/silent`), 'timeout');
  t.equal(await outcome(options, `http://127.0.0.1:${port}/drip`), 'timeout');
  const resolve = () => new Promise<never>(() => {});
  t.equal(await outcome({ ...options, resolve }, 'https://slow-dns.example/'), 'timeout');
});

t.test('an answer is bounded: its body, its head; and nothing is unpacked', async (t) => {
  let sent = 0;
  const port = await listen(t, (request, response) => {
    if (request.url === '/head') return void response.writeHead(200, { 'x-long': 'x'.repeat(10_000) }).end();
    if (request.url === '/zip') return void response.writeHead(200, { 'content-encoding': 'gzip' }).end('zip');
    if (request.url === '/exact') return void response.end(Buffer.alloc(65_536));
    const write = () => {
      sent += 65_536;
      response.write(Buffer.alloc(65_536), (error) => (error ? undefined : setImmediate(write)));
    };
    write();
  });
  const options = { allow: [`127.0.0.1:${port}`] };
  t.equal(await outcome(options, `http://127.0.0.1:${port}/endless`), 'too_large');
  t.ok(sent < 20_000_000, `given up after ${sent} bytes`);
  t.equal(await outcome(options, `http://127.0.0.1:${port}/exact`), 200, 'as much as is read');
  t.equal(await outcome(options, { url: `http://127.0.0.1:${port}/exact`, maxBytes: 65_535 }), 'too_large');
  t.equal(await outcome(options, `http://127.0.0.1:${port}/head`), 'too_large', 'the head');
  t.equal(await outcome(options, { url: `http://127.0.0.1:${port}/endless`, maxBytes: 0 }), 200, 'the status alone');
  t.equal(await outcome(options, `http://127.0.0.1:${port}/zip`), 'bad_answer', 'packed, though nobody asked');
});

t.test(
  'RFC 9110 §15.2.2: a target that speaks no HTTP or another protocol, hangs up, or is not there is told by a code alone',
  async (t) => {
    const raw = createTcpServer((socket) => socket.end('SSH-2.0-OpenSSH_9.2\r\n'));
    const mute = createTcpServer((socket) => socket.destroy());
    const upgraded = 'HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n';
    const other = createTcpServer((socket) => void socket.write(upgraded));
    for (const one of [raw, mute, other]) {
      await new Promise<void>((resolve) => one.listen(0, '127.0.0.1', resolve));
      t.teardown(() => one.close());
    }
    const allow = ['127.0.0.0/8'];
    t.equal(await outcome({ allow }, `http://127.0.0.1:${portOf(raw)}/`), 'bad_answer');
    t.equal(await outcome({ allow }, `http://127.0.0.1:${portOf(mute)}/`), 'unreachable');
    t.equal(await outcome({ allow }, `http://127.0.0.1:${portOf(other)}/`), 'bad_answer', 'another protocol');
    const gone = createTcpServer();
    await new Promise<void>((resolve) => gone.listen(0, '127.0.0.1', resolve));
    const free = portOf(gone);
    await new Promise((resolve) => gone.close(resolve));
    const error = await createGuardedFetch({ allow })({ url: `http://127.0.0.1:${free}/` }).catch((one) => one);
    t.equal(error.code, 'unreachable');
    t.notMatch(`${error.message}${error.stack}${JSON.stringify(error)}`, `127.0.0.1:${free}`, 'no address in it');
    t.equal(error.cause, undefined);
  },
);

t.test('a certificate that nobody vouches for is refused, whatever the list says', async (t) => {
  const life = { from: new Date(Date.now() - 60_000), until: new Date(Date.now() + 60_000) };
  const authority = await createAuthority('a stranger', life);
  const signer = { certificate: authority.certificate, key: createPrivateKey(authority.key) };
  const { key, certificate } = await issueLoopbackCertificate(signer, life);
  const server = createTlsServer({ key, cert: certificate }, (_request, response) => response.end('here'));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => server.close());
  t.equal(await outcome({ allow: ['127.0.0.0/8'] }, `https://localhost:${portOf(server)}/`), 'tls');
});

t.test('only absolute http(s) URLs without a user name are fetched', async (t) => {
  const long = `https://rp.example/${'x'.repeat(2048)}`;
  const bad = [
    '',
    '/jwks',
    'file:///etc/passwd',
    'ftp://rp.example/',
    'data:,x',
    'gopher://rp.example/',
    'javascript:1',
    long,
  ];
  for (const url of [
    ...bad,
    'https://alice@rp.example/',
    'https://:secret@rp.example/',
    'https://127.0.0.1@rp.example/',
  ])
    t.equal(await outcome({ allow: ['0.0.0.0/0'] }, url), 'bad_url', url.slice(0, 60));
});

t.test('a request carries nothing but itself: no cookie, no credential, no proxy of the environment', async (t) => {
  const seen: { method: string; headers: object; body: string }[] = [];
  const port = await listen(t, async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    seen.push({ method: request.method as string, headers: request.headers, body });
    response
      .writeHead(200, { 'set-cookie': 'a=b', 'content-type': 'Application/JWK-Set+JSON; charset=utf-8' })
      .end('{}');
  });
  const proxied: string[] = [];
  const proxy = await listen(t, (request, response) => {
    proxied.push(request.url as string);
    response.end();
  });
  const before = { ...process.env };
  t.teardown(() => Object.assign(process.env, before));
  for (const name of ['http_proxy', 'HTTP_PROXY', 'https_proxy', 'HTTPS_PROXY', 'ALL_PROXY'])
    process.env[name] = `http://127.0.0.1:${proxy}`;
  process.env['NODE_USE_ENV_PROXY'] = '1';
  const get = createGuardedFetch({ allow: [`127.0.0.1:${port}`] });
  const answer = await get({ url: `http://127.0.0.1:${port}/a?b=c#d`, accept: 'application/json' });
  t.same([answer.type, answer.body.toString()], ['application/jwk-set+json', '{}']);
  await get({ url: `http://127.0.0.1:${port}/`, form: { logout_token: 'a b&c=d' } });
  t.same(proxied, []);
  t.match(seen, [
    { method: 'GET', body: '' },
    {
      method: 'POST',
      body: 'logout_token=a+b%26c%3Dd',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
    },
  ]);
  const allowed = ['accept', 'accept-encoding', 'connection', 'content-length', 'content-type', 'host', 'user-agent'];
  for (const { headers } of seen) for (const name of Object.keys(headers)) t.ok(allowed.includes(name), name);
});

t.test('SIGNET_FETCH_ALLOW takes hosts with a port and networks, and nothing else', async (t) => {
  const { read } = settings.fetchAllow;
  const text = 'rp.internal:8443, 10.0.0.0/8,[::1]:80,fd00::/8,127.0.0.1:9';
  t.same(read(text), ['rp.internal:8443', '10.0.0.0/8', '[::1]:80', 'fd00::/8', '127.0.0.1:9']);
  t.same(settings.fetchAllow.fallback('production'), [], 'nothing by itself');
  for (const bad of [
    'rp.internal',
    'https://rp.internal',
    '10.0.0.0',
    '10.0.0.0/33',
    '10/8',
    'a:b',
    'a:99999',
    '*:80',
    'a:1/2',
    'u@a:1',
    '::1/129',
  ])
    t.throws(() => read(bad), { code: 'setting_not_target' }, bad);
});
