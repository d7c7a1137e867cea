import t from '../support/tap.ts';
import { shows } from './services.ts';

// It runs in test/clients/mcp-sdk.e2e.test.ts, with the client of its SDK.
await t.test('the guide of MCP shows the program that is run there', async (t) => {
  shows(t, 'mcp.md', 'mcp-server.mjs', 'js');
});
