import { rotateUnderLoad } from '../faults/rotation.ts';
import t from '../support/tap.ts';

// One of the rotations, in real time; `npm run rotation` does five. The state machine over months is in rotation.test.ts.

t.test('K2: keys rotate under load, and no stock validator refuses a token', { timeout: 150_000 }, async (t) => {
  const { failures, keys, tokens, verified } = await rotateUnderLoad(1, { leadSeconds: 35, rotationSeconds: 36 });
  t.same(failures, []);
  t.ok(
    Object.values(keys).every((count) => count > 1),
    `every algorithm was handed over: ${JSON.stringify(keys)}`,
  );
  t.ok(tokens > 100 && verified > tokens * 3, `${tokens} tokens, ${verified} verifications`);
});
