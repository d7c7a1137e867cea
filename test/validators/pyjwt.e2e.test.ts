import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { root } from '../support/database.ts';
import { startListening } from '../support/listening.ts';
import { findPython, NO_PYTHON, type Python } from '../support/python.ts';
import t from '../support/tap.ts';
import { holds, type Verdict } from './forgeries.ts';

const python = findPython();

/** A Python that reads a token a line and answers a verdict a line. */
function startVerifier({ path }: Python, environment: Record<string, string>) {
  const child = spawn(path, [join(root, 'test/validators/pyjwt_verify.py')], {
    env: { PATH: process.env['PATH'], ...environment },
    stdio: ['pipe', 'pipe', 'inherit'],
    // It ends with its input; should it hang, it is ended before the test's own time is up.
    timeout: 100_000,
    killSignal: 'SIGKILL',
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    async verify(token: string): Promise<Verdict> {
      child.stdin.write(`${token}\n`);
      const { value, done } = await lines.next();
      if (done) throw new Error('the Python process ended');
      return JSON.parse(value) as Verdict;
    },
    stop: () => void child.stdin.end(),
  };
}

await t.test('PyJWT with PyJWKClient', { skip: python ? false : NO_PYTHON }, async (t) => {
  t.comment(`PyJWT ${python?.version} of ${python?.path}`);
  const signet = await startListening(t);
  const environment = { ISSUER: signet.issuer, AUDIENCE: 'polls', JWKS_URI: signet.jwksUri };
  const atJwt = startVerifier(python as Python, { ...environment, TYP: 'at+jwt' });
  const jwt = startVerifier(python as Python, { ...environment, TYP: 'JWT' });
  t.teardown(() => {
    atJwt.stop();
    jwt.stop();
  });

  await holds(t, signet, atJwt.verify);

  await t.test('RFC 7519 §5.1: a token with the typ JWT of its API is taken where that is asked for', async (t) => {
    t.match(await jwt.verify((await signet.logIn('alice')).token), { refused: /typ/ });
    await signet.update('polls', { typ: 'JWT' });
    const { token } = await signet.logIn('alice');
    t.match(await jwt.verify(token), { claims: { username: 'alice' } });
    t.match(await atJwt.verify(token), { refused: /typ/ });
  });
});
