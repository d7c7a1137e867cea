import { FAN_OUT_TOPIC } from '../../src/permissions/index.ts';
import { logReadError } from '../../src/server/jobs.ts';
import { KEYS_TOPIC, STATUS_TOPIC } from '../../src/tokens/index.ts';
import t from '../support/tap.ts';

t.test('docs/architecture.md: a reader of the change feed that fails is logged', async (t) => {
  const lines: unknown[] = [];
  const log = { error: (...line: unknown[]) => void lines.push(line) } as never;
  const onError = logReadError(log);
  for (const { name } of [KEYS_TOPIC, STATUS_TOPIC, FAN_OUT_TOPIC, { name: 'signals' }])
    onError(name, new Error('the disk is full'));
  const err = { message: 'the disk is full' };
  t.match(lines, [
    [{ topic: 'keys', err }, 'a change was not read yet'],
    [{ err }, 'status lists could not be read'],
    [{ job: 'fan-out', err }, 'a job failed'],
    [{ topic: 'signals', err }, 'a change was not read yet'],
  ]);
});
