import { findPython, NO_PYTHON } from '../support/python.ts';
import t from '../support/tap.ts';
import { answers, shows } from './services.ts';

await t.test('the guide of Python shows the program that is run here', async (t) => {
  shows(t, 'python.md', 'python_service.py', 'python');
});

const python = findPython();
await t.test('the Python service of the guide', { skip: python ? false : NO_PYTHON }, async (t) => {
  t.comment(`PyJWT ${python?.version} of ${python?.path}`);
  await answers(t, python?.path ?? '', 'python_service.py');
});
